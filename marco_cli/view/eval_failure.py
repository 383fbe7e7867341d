"""One failure as HTML: the question, what was right, how the vote went, and the tree of the search.

In: an `Instructive` failure. Out: a `<details>` element. Runs of nodes with one child are shown as one piece, and a branch
bears what came of it.
"""

from collections.abc import Mapping, Sequence
from html import escape

from marco_cli.evals.failures import Instructive
from marco_cli.evals.outcome import Outcome
from marco_cli.search.tree import NodeState
from marco_cli.sections.format import any_mark
from marco_cli.view.printable import printable

_LONGEST = 600
"""Characters of one text; the whole of it stands in rows.jsonl."""
_MOST_BRANCHES = 120
_MOST_VOTES = 6


def failure_html(failure: Instructive) -> str:
    """Return a failure, folded."""
    row = failure.outcome
    chosen = row.chosen
    answer = row.score.answer or "no answer"
    told = {"Question": row.item.question, "Right": row.item.target, "Answered": row.text or "nothing"}
    terms = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in told.items())
    parts = [f"<dl>{terms}</dl>", _votes(row)]
    if row.nodes:
        parts.append(f"<h4>The tree</h4>{_tree(row)}")
    elif chosen is not None:
        parts.append(f"<h4>The thought</h4><pre>{_text(chosen.reply.thought)}</pre>")
    return (
        f'<details><summary><span class="kind">{_text(failure.kind)}</span> {_text(row.item.id)}, '
        f"{_text(row.variant)}: {_text(answer)} instead of {_text(row.item.target)}</summary>{''.join(parts)}</details>"
    )


def _votes(row: Outcome) -> str:
    if not row.votes:
        return ""
    items = []
    for vote in row.votes[:_MOST_VOTES]:
        best = vote.candidate_ids[0]
        score = row.scores[best]
        confidence = row.candidates[best].reply.signals.confidence
        count = len(vote.candidate_ids)
        items.append(
            f'<li class="{score.verdict}">{_text(score.answer or "no answer")}: {100 * vote.weight:.0f} % of the votes, '
            f"{count} path{'s' * (count != 1)}, best confidence {confidence:.3f}</li>"
        )
    more = len(row.votes) - _MOST_VOTES
    items += [f"<li>{more} more</li>"] if more > 0 else []
    return f"<h4>The vote</h4><ul>{''.join(items)}</ul>"


def _tree(row: Outcome) -> str:
    children: dict[int, list[NodeState]] = {}
    for node in row.nodes:
        if node.parent is not None:
            children.setdefault(node.parent, []).append(node)
    ends: dict[int, list[str]] = {}
    for candidate, score in zip(row.candidates, row.scores, strict=True):
        label = f'<b class="{score.verdict}">{_text(score.answer or "no answer")}</b>'
        ends.setdefault(candidate.node_id, []).append(label)
    left = [_MOST_BRANCHES]
    return f'<div class="tree">{_branches(children.get(0, ()), children, ends, left)}</div>'


def _branches(
    nodes: Sequence[NodeState],
    children: Mapping[int, Sequence[NodeState]],
    ends: Mapping[int, Sequence[str]],
    left: list[int],
) -> str:
    """Return siblings, most visited first; `left` counts down the branches that may still be shown."""
    items = []
    for node in sorted(nodes, key=lambda node: (-node.visits, node.id)):
        if left[0] <= 0:
            items.append("<li>…</li>")
            break
        left[0] -= 1
        run = [node]
        while len(children.get(run[-1].id, ())) == 1 and run[-1].id not in ends:
            run.append(children[run[-1].id][0])
        lines = any_mark().sub("\n", "".join(each.text for each in run)).split("\n")
        words = " / ".join(line.strip() for line in lines if line.strip())
        outcome = " ".join(ends.get(run[-1].id, ()))
        rest = _branches(children.get(run[-1].id, ()), children, ends, left)
        items.append(
            f'<li><span class="stat">{node.visits} visit{"s" * (node.visits != 1)}, {node.value:.2f}</span> {_text(words)} {outcome}{rest}</li>'
        )
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _text(value: str) -> str:
    value = value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    return escape(printable(value))
