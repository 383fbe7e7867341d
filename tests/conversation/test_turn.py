from conversation.talk import turn, turns

from marco_cli.conversation.turn import Conversation


def test_the_model_is_told_outputs_and_never_thoughts() -> None:
    """The history alternates between what was asked and the output; no thought is in it."""
    history = turns(2).history

    assert [message.role for message in history] == ["user", "assistant"] * 2
    assert all("hm" not in message.content for message in history)


def test_dropped_turns_stay_for_people() -> None:
    """A dropped turn is no longer told to the model, but still a turn of the conversation."""
    conversation = turns(4).dropping(3)

    assert len(conversation.turns) == 4
    assert conversation.kept == conversation.turns[3:]
    assert len(conversation.history) == 2


def test_the_last_turn_can_be_taken_back() -> None:
    """Without its last turn a conversation is what it was before; an empty one stays empty."""
    conversation = turns(2)

    assert conversation.add(turn(2)).without_last() == conversation
    assert Conversation().without_last() == Conversation()
    assert conversation.dropping(2).without_last().num_dropped == 1
