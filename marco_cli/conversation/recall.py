"""A conversation that was held before, put together again from the traces of its turns.

In: the folder of the traces, and the name of a session. Out: its turns, and what it was held with. A turn that was asked
again replaces the one before and all that followed it. Where traces are gone (the oldest go first when their folder is
full), the history that later ones were asked with fills in, and what not even that tells is lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from marco_cli.config.settings import Settings
from marco_cli.conversation.turn import Conversation, Cost, Turn
from marco_cli.errors import InputError
from marco_cli.trace.record import Trace
from marco_cli.trace.store import KeptTrace, OnSkip, entries, find, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A conversation that can go on."""

    session: str
    conversation: Conversation
    num_lost: int
    """Turns at its beginning that no trace tells of any more."""
    settings: Settings
    """Of its last turn."""


def recall(place: Path, name: str | None, on_skip: OnSkip) -> Recalled:
    """Return a conversation from the traces in a folder; `on_skip` hears of each that cannot be read.

    `name` is the id of the session or of any trace of it, or the end of one; None is the last conversation.

    Raises:
        InputError: there is no such conversation, or one of its traces is damaged.
    """
    session = _last_session(place, on_skip) if name is None else _session(find(place, name, on_skip))
    found = [entry for entry in entries(place, on_skip) if entry.heading.session == session]
    traces = sorted((load(entry) for entry in found), key=lambda trace: trace.id)
    answered = [trace for trace in traces if trace.reply.output and trace.turn]
    if not answered:
        raise InputError(f"the conversation {session} has no turn to go on from", hint="marco chat begins another")
    return put_together(session, answered)


def put_together(session: str, traces: Iterable[Trace]) -> Recalled:
    """Return the conversation of traces in order of time, each with an output and the number of its turn."""
    turns: dict[int, Turn] = {}
    for trace in traces:
        number, last = trace.turn or 1, trace
        turns = {other: turn for other, turn in turns.items() if other < number}
        turns[number] = _turn(trace)
    told = _told(last)
    first = number - len(told)
    turns = {**dict(enumerate(told, first)), **turns}
    numbers = sorted(turns)
    return Recalled(
        session=session,
        conversation=Conversation(
            turns=tuple(turns[number] for number in numbers), num_dropped=sum(number < first for number in numbers)
        ),
        num_lost=numbers[-1] - len(numbers),
        settings=last.settings,
    )


def _last_session(place: Path, on_skip: OnSkip) -> str:
    for entry in entries(place, on_skip):
        if entry.heading.source == "chat" and entry.heading.session is not None:
            return entry.heading.session
    raise InputError(f"there is no conversation in {place}", hint="marco chat begins one")


def _session(entry: KeptTrace) -> str:
    heading = entry.heading
    if heading.source != "chat" or heading.session is None:
        raise InputError(f"{heading.id} is not a turn of a conversation", hint="marco traces list names those that are")
    return heading.session


def _turn(trace: Trace) -> Turn:
    result, usage = trace.result, trace.result.usage
    return Turn(
        question=trace.question,
        asked=trace.messages[-1].content,
        thought=result.reply.thought,
        output=result.reply.output,
        cost=Cost(
            prompt_tokens=len(trace.prompt_ids),
            reused=usage.reused,
            prefilled=usage.prefilled,
            decoded=usage.decoded,
            seconds=result.seconds,
        ),
    )


def _told(trace: Trace) -> tuple[Turn, ...]:
    """Return the turns that a trace's question came after, as far as the model was told of them."""
    messages = [message.content for message in trace.messages if message.role != "system"]
    if not len(messages) % 2:
        raise InputError(
            f"the trace {trace.id} is damaged: a question before it has no reply", hint="name another conversation"
        )
    pairs = zip(messages[:-1:2], messages[1:-1:2], strict=True)
    return tuple(Turn(question=asked, asked=asked, thought="", output=output) for asked, output in pairs)
