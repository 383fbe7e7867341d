"""Everything that is known of a trace, spelt out: values, confidences and the text of each token, one object a line.

For programs that want to read a search without knowing how it is kept: `marco.trace/1`, the format of the files themselves,
holds ids and columns of scores from which all this follows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from marco_cli.search.events_json import SHOWN, accounting_document, candidate_document, vote_document
from marco_cli.search.tree import Node
from marco_cli.search.tree_json import node_document
from marco_cli.trace.export.base import Export, Options, messages, rows
from marco_cli.trace.record import Trace

_ROUNDED = 6


def write(traces: Iterable[Trace], options: Options) -> Iterator[Export]:
    """Yield one row a trace."""
    del options  # nothing to choose
    for trace in traces:
        yield rows(trace, [document(trace)])


def document(trace: Trace) -> dict[str, object]:
    """Return a trace as plain values."""
    return {
        "v": 1,
        "id": trace.id,
        "created": trace.created.isoformat(timespec="seconds"),
        "marco": trace.version,
        "source": trace.source,
        "session": trace.session,
        "turn": trace.turn,
        "item": trace.item,
        "model": asdict(trace.model),
        "question": trace.question,
        "messages": messages(trace),
        "answer": None if trace.answer is None else trace.answer.canonical,
        "target": trace.target,
        "output": trace.reply.output,
        "thought": trace.reply.thought,
        "confidence": trace.result.confidence if trace.reply.signals.num_tokens else None,
        "votes": [vote_document(vote) for vote in trace.votes],
        "candidates": [candidate_document(candidate) for candidate in trace.candidates],
        "best_path": [node.id for node in trace.best_path()],
        "nodes": [_node(node, trace) for node in trace.tree.nodes],
        "accounting": accounting_document(trace.result),
        "seed": trace.seed,
        "config": asdict(trace.config),
        "settings": asdict(trace.settings),
    }


def _node(node: Node, trace: Trace) -> dict[str, object]:
    facts = node_document(node.state(), (*SHOWN, "confidence", "terminal", "closed", "candidate"))
    return {**facts, "value_sum": node.value_sum, "tokens": _tokens(node, trace)}


def _tokens(node: Node, trace: Trace) -> list[dict[str, object]]:
    tokens = node.step.tokens
    return [
        {
            "id": token,
            "text": None if (piece := trace.vocabulary.piece(token)) is None else piece.decode(errors="replace"),
            "forced": not is_sampled,
            "logprob": _number(logprob),
            "confidence": _number(confidence),
            "entropy": _number(entropy),
        }
        for token, is_sampled, logprob, confidence, entropy in zip(
            tokens.ids.tolist(),
            tokens.is_sampled.tolist(),
            tokens.logprobs.tolist(),
            tokens.confidence.tolist(),
            tokens.entropy.tolist(),
            strict=True,
        )
    ]


def _number(value: float) -> float | None:
    """Return a score without the digits that 32 bits do not hold; what is not a number (a forced token's) is null."""
    return None if value != value else round(value, _ROUNDED)  # noqa: PLR0124 (only NaN differs from itself)
