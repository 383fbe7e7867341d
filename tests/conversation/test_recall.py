from dataclasses import replace
from pathlib import Path

import pytest
from traced import traced

from marco_cli.conversation.recall import put_together, recall
from marco_cli.errors import InputError
from marco_cli.prompt.base import Message
from marco_cli.trace.record import Trace
from marco_cli.trace.store import Skipped, save

SESSION = "20261121-000000-000-abcd"


def taken(turn: int, question: str, *, told: int = 0, session: str | None = SESSION) -> Trace:
    """Return the trace of a turn that was told the last `told` turns before it."""
    history = tuple(
        message
        for number in range(turn - told, turn)
        for message in (Message(role="user", content=f"Q{number}?"), Message(role="assistant", content=f"A{number}."))
    )
    more = {"source": "chat", "turn": turn, "session": session, "history": history}
    return traced(question=question, more=more, strategy="cot", temperature=0.0)


def test_turns_come_back_in_order() -> None:
    """Questions, thoughts, outputs and what the model was told of them."""
    recalled = put_together(SESSION, [taken(1, "Q1?"), taken(2, "Q2?", told=1)])
    turns = recalled.conversation.turns

    assert [turn.question for turn in turns] == ["Q1?", "Q2?"]
    assert {turn.output for turn in turns} == {"The answer is 4."}
    assert all(turn.thought for turn in turns)
    assert (recalled.conversation.num_dropped, recalled.num_lost) == (0, 0)


def test_a_turn_asked_again_replaces_what_followed() -> None:
    """Turn 2 of 3, asked again, is the last one."""
    traces = [taken(1, "Q1?"), taken(2, "Q2?", told=1), taken(3, "Q3?", told=2), taken(2, "Other?", told=1)]

    assert [turn.question for turn in put_together(SESSION, traces).conversation.turns] == ["Q1?", "Other?"]


def test_dropped_turns_stay_dropped() -> None:
    """What the model was not told any more at the end it is not told now."""
    traces = [taken(1, "Q1?"), taken(2, "Q2?", told=1), taken(3, "Q3?", told=1)]

    assert put_together(SESSION, traces).conversation.num_dropped == 1


def test_lost_traces_are_filled_in_as_far_as_later_ones_tell() -> None:
    """Of five turns, the last one's trace alone knows two before it; the first two are lost, and counted."""
    recalled = put_together(SESSION, [taken(5, "Q5?", told=2)])

    assert [(turn.question, turn.output) for turn in recalled.conversation.turns] == [
        ("Q3?", "A3."),
        ("Q4?", "A4."),
        ("Q5?", "The answer is 4."),
    ]
    assert recalled.num_lost == 2
    assert recalled.conversation.num_dropped == 0


def skipped(notice: Skipped) -> None:
    """Refuse to skip anything."""
    raise AssertionError(str(notice))


def test_the_last_conversation_is_found_among_other_traces(tmp_path: Path) -> None:
    """Traces of `marco ask` lie between; without a name the newest conversation is meant, with one that one."""
    old, asked = taken(1, "Old?", session="20250101-000000-000-0000"), traced()
    new = taken(1, "New?")
    for trace in (old, new, asked):
        save(trace, tmp_path)

    assert recall(tmp_path, None, skipped).conversation.turns[0].question == "New?"
    assert recall(tmp_path, old.id, skipped).conversation.turns[0].question == "Old?"
    with pytest.raises(InputError, match="is not a turn of a conversation"):
        recall(tmp_path, asked.id, skipped)
    with pytest.raises(InputError, match="no trace 'nothing'"):
        recall(tmp_path, "nothing", skipped)


def test_a_history_without_its_last_reply_is_refused() -> None:
    """Questions and replies that do not pair up are a damaged trace, and one line."""
    trace = taken(2, "Q2?", told=1)
    damaged = replace(trace, messages=(trace.messages[0], *trace.messages[2:]))

    with pytest.raises(InputError, match="damaged"):
        put_together(SESSION, [damaged])
