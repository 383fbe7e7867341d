from conversation.talk import turns
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.conversation.turn import Conversation
from marco_cli.conversation.window import drop_oldest

BARE = 7


def count(conversation: Conversation) -> int:
    """Return a prompt's length: seven for the rest, and a token a character of history."""
    return BARE + sum(len(message.content) for message in conversation.history)


def test_what_fits_is_left_alone() -> None:
    """Up to the very limit nothing is dropped."""
    conversation = turns(5)

    assert drop_oldest(conversation, count=count, limit=count(conversation)) is conversation


def test_dropping_makes_room_for_several_turns() -> None:
    """One token too many drops turns until history takes at most half of its room: it is not done again at once."""
    conversation = turns(10)
    limit = count(conversation) - 1
    left = drop_oldest(conversation, count=count, limit=limit)

    assert left.num_dropped == 6
    assert count(left) - BARE <= (limit - BARE) / 2
    assert left.turns == conversation.turns


def test_the_last_turn_stays_if_it_fits_at_all() -> None:
    """A long last answer is not forgotten for the sake of room that nobody needs yet."""
    left = drop_oldest(turns(3, length=40), count=count, limit=100)

    assert left.num_dropped == 2


def test_what_is_too_long_by_itself_drops_everything() -> None:
    """When not even the rest of the prompt fits, no turn is kept, and the caller finds the prompt too long."""
    left = drop_oldest(turns(3), count=count, limit=BARE - 1)

    assert left.num_dropped == 3


@given(lengths=st.integers(0, 30), number=st.integers(0, 12), dropped=st.integers(0, 12), limit=st.integers(0, 300))
def test_turns_are_dropped_from_the_old_end_only_and_never_for_nothing(
    lengths: int, number: int, dropped: int, limit: int
) -> None:
    """The result fits if anything does, never brings a turn back, and keeps one if one fits."""
    conversation = turns(number, length=lengths).dropping(min(dropped, number))
    left = drop_oldest(conversation, count=count, limit=limit)

    assert left.turns == conversation.turns
    assert left.num_dropped >= conversation.num_dropped
    if limit >= BARE:
        assert count(left) <= limit
    if number and conversation.kept and count(conversation.dropping(number - 1)) <= limit:
        assert left.kept
