"""Finished paths with a label on each step: rows for trl's PRMTrainer (`prompt`, `completions`, `labels`), one a path.

What a step is worth is what came of it. With a target: the share of the finished replies through it that are right
(Math-Shepherd, arXiv 2312.08935, section 3.3), and the label says whether any was. Without: the mean value that the search
backed up through it, and the label says whether it reached a half. `values` holds the numbers, `visits` how many
simulations stand behind each, `evidence` which of the two it was.

The trainer joins steps with a separator, a line feed by default, so those of `step: line` and `paragraph` come without
their line ends; those of the mini-steps are exact, to be joined with nothing. A character that two tokens share goes to the
later step.
"""

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from marco_cli.answer import matches
from marco_cli.search.base import Candidate
from marco_cli.trace.export.base import Export, Options, no_rows, origin, rows, whole_candidates
from marco_cli.trace.record import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledStep:
    """One step of a path."""

    text: str
    value: float
    visits: int


def write(traces: Iterable[Trace], options: Options) -> Iterator[Export]:
    """Yield one row a finished path."""
    for trace in traces:
        shares = right_shares(trace) if trace.target is not None else {}
        found = [_row(candidate, trace, shares, options) for candidate in whole_candidates(trace)]
        documents = [row for row in found if row is not None]
        if documents:
            yield rows(trace, documents)
        else:
            yield no_rows(trace, "no finished path" if not found else "no step was visited so often")


def steps_of(candidate: Candidate, trace: Trace, shares: Mapping[int, float]) -> tuple[LabelledStep, ...]:
    """Return a candidate's path step by step; what the tree does not hold of it is one last step.

    `shares` say what nodes are worth; where they say nothing, it is the node's own value.
    """
    path = trace.tree.path(trace.tree[candidate.node_id])[1:]
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    steps = [
        LabelledStep(
            text=(trace.problem.prefill if at == 0 else "") + decoder.decode(node.step.data),
            value=shares.get(node.id, node.value),
            visits=node.visits,
        )
        for at, node in enumerate(path)
    ]
    tail = candidate.reply.data[len(trace.tree.data(trace.tree[candidate.node_id])) :]
    rest = ("" if path else trace.problem.prefill) + decoder.decode(tail, final=True)
    if rest:
        right = _is_right(candidate, trace)
        steps.append(LabelledStep(text=rest, value=candidate.reward if right is None else float(right), visits=1))
    return tuple(steps)


def _row(candidate: Candidate, trace: Trace, shares: Mapping[int, float], options: Options) -> dict[str, object] | None:
    is_cut_inside = trace.config.step not in ("line", "paragraph")
    steps = []
    for step in steps_of(candidate, trace, shares):
        if step.visits < options.min_visits:
            break
        if is_cut_inside or step.text.strip():
            steps.append(step)
    if not steps:
        return None
    right = _is_right(candidate, trace)
    threshold = options.threshold
    if threshold is None:
        threshold = 0.5 if right is None else 1e-9  # any value above 0
    return {
        "prompt": "\n\n".join(message.content for message in trace.messages),
        "completions": [step.text if is_cut_inside else step.text.strip("\r\n") for step in steps],
        "labels": [step.value >= threshold for step in steps],
        "values": [float(step.value) for step in steps],
        "visits": [step.visits for step in steps],
        "evidence": "search" if right is None else "target",
        "answer": "" if candidate.reply.answer is None else candidate.reply.answer.canonical,
        "reward": float(candidate.reward),
        "trace": origin(trace),
    }


def right_shares(trace: Trace) -> Mapping[int, float]:
    """Return, by node, the share of the finished replies through it that are right; one that came up again counts again."""
    num_right: Counter[int] = Counter()
    num_all: Counter[int] = Counter()
    for candidate in trace.candidates:
        for node in trace.tree.path(trace.tree[candidate.node_id]):
            num_all[node.id] += 1 + candidate.repeats
            num_right[node.id] += (1 + candidate.repeats) * bool(_is_right(candidate, trace))
    return {node: num_right[node] / total for node, total in num_all.items()}


def _is_right(candidate: Candidate, trace: Trace) -> bool | None:
    return None if trace.target is None else matches(candidate.reply.answer, trace.target)
