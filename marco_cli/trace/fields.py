"""What is known of a trace, by the names that people type: the fields of `--where`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from marco_cli.answer import Answer, matches
from marco_cli.trace.record import Trace

Kind = Literal["number", "text", "answer", "flag"]
Value = bool | float | str | Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something that is known of a trace."""

    kind: Kind
    about: str
    read: Callable[[Trace], Value]


def _leader(read: Callable[[Trace], Value]) -> Callable[[Trace], Value]:
    """Read something that only an answer with candidates has."""
    return lambda trace: None if trace.leader is None else read(trace)


def is_correct(trace: Trace) -> bool | None:
    """Say whether the answer is the target, read as the answer's kind; None without a target."""
    return None if trace.target is None else matches(trace.answer, trace.target)


def _signal(name: str) -> Callable[[Trace], Value]:
    return lambda trace: getattr(trace.reply.signals, name) if trace.reply.signals.num_tokens else None


FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "answer": Field(
            kind="answer", about="what was answered; 70,000 and 70000.0 are the same", read=lambda trace: trace.answer
        ),
        "target": Field(kind="text", about="the right answer, where it is known", read=lambda trace: trace.target),
        "correct": Field(kind="flag", about="answer == target", read=is_correct),
        "confidence": Field(
            kind="number", about="mean confidence of the given reply, 0 to 1", read=_signal("confidence")
        ),
        "tail_confidence": Field(
            kind="number", about="that of its last 32 tokens, 0 to 1", read=_signal("tail_confidence")
        ),
        "lowest_confidence": Field(
            kind="number", about="that of its most doubtful token, 0 to 1", read=_signal("lowest_confidence")
        ),
        "reward": Field(
            kind="number",
            about="of the given reply, 0 to 1",
            read=_leader(lambda trace: trace.leader.reward if trace.leader else None),
        ),
        "agreement": Field(
            kind="number",
            about="share of the candidates with its answer, 0 to 1",
            read=_leader(lambda trace: trace.leader.agreement if trace.leader else None),
        ),
        "weight": Field(
            kind="number",
            about="its share of the vote, 0 to 1",
            read=_leader(lambda trace: trace.votes[0].weight / (sum(vote.weight for vote in trace.votes) or 1.0)),
        ),
        "certainty": Field(
            kind="number", about="that it stays ahead, 0 to 1", read=lambda trace: trace.result.certainty
        ),
        "candidates": Field(kind="number", about="finished replies", read=lambda trace: len(trace.candidates)),
        "answers": Field(kind="number", about="different answers", read=lambda trace: len(trace.votes)),
        "simulations": Field(
            kind="number", about="simulations of the search", read=lambda trace: trace.result.num_simulations
        ),
        "nodes": Field(kind="number", about="nodes of the tree", read=lambda trace: len(trace.tree)),
        "tokens": Field(kind="number", about="tokens decoded", read=lambda trace: trace.result.usage.decoded),
        "length": Field(kind="number", about="tokens of the given reply", read=lambda trace: len(trace.reply.tokens)),
        "seconds": Field(kind="number", about="that it took", read=lambda trace: trace.result.seconds),
        "seed": Field(kind="number", about="seed of the search", read=lambda trace: trace.seed),
        "turn": Field(kind="number", about="turn of a conversation, from 1", read=lambda trace: trace.turn),
        "forced": Field(kind="flag", about="the thought was closed by force", read=lambda trace: trace.reply.is_forced),
        "truncated": Field(
            kind="flag", about="the reply was cut before its end", read=lambda trace: trace.reply.is_truncated
        ),
        "changed": Field(
            kind="flag", about="the search changed the first answer", read=lambda trace: trace.result.is_changed
        ),
        "question": Field(kind="text", about="as it was asked", read=lambda trace: trace.question),
        "output": Field(kind="text", about="of the given reply", read=lambda trace: trace.reply.output),
        "thought": Field(kind="text", about="of the given reply", read=lambda trace: trace.reply.thought),
        "source": Field(kind="text", about="ask, chat, batch or eval", read=lambda trace: trace.source),
        "strategy": Field(kind="text", about="that answered", read=lambda trace: trace.result.strategy),
        "stop_reason": Field(kind="text", about="why the search ended", read=lambda trace: trace.result.stop_reason),
        "model": Field(kind="text", about="name of the model", read=lambda trace: trace.model.name),
        "session": Field(kind="text", about="id of the conversation", read=lambda trace: trace.session),
        "item": Field(kind="text", about="row or item of a data set", read=lambda trace: trace.item),
        "id": Field(kind="text", about="of the trace", read=lambda trace: trace.id),
    }
)
"""Every field by its name in an expression."""
