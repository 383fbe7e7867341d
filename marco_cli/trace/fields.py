"""What is known of a trace, by the names that people type: the fields of `--where`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from marco_cli.answer import Answer, matches
from marco_cli.trace.record import Trace

Kind = Literal["number", "text", "answer", "flag"]
Value = bool | float | str | Answer | None


class Field(NamedTuple):
    """Something that is known of a trace."""

    kind: Kind
    about: str
    read: Callable[[Trace], Value]


def is_correct(trace: Trace) -> bool | None:
    """Say whether the answer is the target, read as the answer's kind; None without a target."""
    return None if trace.target is None else matches(trace.answer, trace.target)


def _signal(name: str) -> Callable[[Trace], Value]:
    return lambda trace: getattr(trace.reply.signals, name) if trace.reply.signals.num_tokens else None


def _of_leader(name: str) -> Callable[[Trace], Value]:
    return lambda trace: None if trace.leader is None else getattr(trace.leader, name)


def _share_of_leader(trace: Trace) -> float | None:
    """Return the leader's share of the vote; None without candidates."""
    return trace.votes[0].weight / (sum(vote.weight for vote in trace.votes) or 1.0) if trace.leader else None


FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "answer": Field("answer", "what was answered; 70,000 and 70000.0 are the same", lambda trace: trace.answer),
        "target": Field("text", "the right answer, where it is known", lambda trace: trace.target),
        "correct": Field("flag", "answer == target", is_correct),
        "confidence": Field("number", "mean confidence of the given reply, 0 to 1", _signal("confidence")),
        "tail_confidence": Field("number", "that of its last 32 tokens, 0 to 1", _signal("tail_confidence")),
        "lowest_confidence": Field("number", "that of its most doubtful token, 0 to 1", _signal("lowest_confidence")),
        "reward": Field("number", "of the given reply, 0 to 1", _of_leader("reward")),
        "agreement": Field("number", "share of the candidates with its answer, 0 to 1", _of_leader("agreement")),
        "weight": Field("number", "its share of the vote, 0 to 1", _share_of_leader),
        "certainty": Field("number", "that it stays ahead, 0 to 1", lambda trace: trace.result.certainty),
        "candidates": Field("number", "finished replies", lambda trace: len(trace.candidates)),
        "answers": Field("number", "different answers", lambda trace: len(trace.votes)),
        "simulations": Field("number", "simulations of the search", lambda trace: trace.result.num_simulations),
        "nodes": Field("number", "nodes of the tree", lambda trace: len(trace.tree)),
        "tokens": Field("number", "tokens decoded", lambda trace: trace.result.usage.decoded),
        "length": Field("number", "tokens of the given reply", lambda trace: len(trace.reply.tokens)),
        "seconds": Field("number", "that it took", lambda trace: trace.result.seconds),
        "seed": Field("number", "seed of the search", lambda trace: trace.seed),
        "turn": Field("number", "turn of a conversation, from 1", lambda trace: trace.turn),
        "forced": Field("flag", "the thought was closed by force", lambda trace: trace.reply.is_forced),
        "truncated": Field("flag", "the reply was cut before its end", lambda trace: trace.reply.is_truncated),
        "changed": Field("flag", "the search changed the first answer", lambda trace: trace.result.is_changed),
        "question": Field("text", "as it was asked", lambda trace: trace.question),
        "output": Field("text", "of the given reply", lambda trace: trace.reply.output),
        "thought": Field("text", "of the given reply", lambda trace: trace.reply.thought),
        "source": Field("text", "ask, chat, batch or eval", lambda trace: trace.source),
        "strategy": Field("text", "that answered", lambda trace: trace.result.strategy),
        "stop_reason": Field("text", "why the search ended", lambda trace: trace.result.stop_reason),
        "model": Field("text", "name of the model", lambda trace: trace.model.name),
        "session": Field("text", "id of the conversation", lambda trace: trace.session),
        "item": Field("text", "row or item of a data set", lambda trace: trace.item),
        "id": Field("text", "of the trace", lambda trace: trace.id),
    }
)
"""Every field by its name in an expression."""
