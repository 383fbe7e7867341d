"""Which turns the model is still told when the context fills up: the oldest go first, and always visibly.

In: a conversation, and how many tokens a prompt with it has. Out: the conversation, with more turns dropped if need be. It
knows no tokeniser and no engine.
"""

from bisect import bisect_left
from collections.abc import Callable

from marco_cli.conversation.turn import Conversation


def drop_oldest(conversation: Conversation, *, count: Callable[[Conversation], int], limit: int) -> Conversation:
    """Return the conversation with as many turns dropped as a prompt of at most `limit` tokens takes.

    A prompt that fits is left alone. Of one that does not, so much goes that history takes at most half of the room that
    the rest of the prompt leaves it, and the last turn stays if it fits at all: whatever is dropped, all that follows must
    be evaluated anew, so it is done rarely and thoroughly instead of a turn at a time. Where nothing helps, all turns are
    dropped and the prompt is still too long. `count` gives the tokens of a prompt that tells the model a conversation; fewer
    turns are fewer tokens.
    """
    if count(conversation) <= limit:
        return conversation
    num_turns = len(conversation.turns)
    bare = count(conversation.dropping(num_turns))
    target = bare + max(0, limit - bare) // 2
    choices = range(conversation.num_dropped + 1, num_turns + 1)
    first = bisect_left(choices, x=True, key=lambda dropped: count(conversation.dropping(dropped)) <= target)
    num_dropped = choices[first] if first < len(choices) else num_turns
    if num_dropped == num_turns > conversation.num_dropped:
        last = conversation.dropping(num_turns - 1)
        return last if count(last) <= limit else conversation.dropping(num_turns)
    return conversation.dropping(num_dropped)
