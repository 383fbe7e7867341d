"""A trace for people: what was asked and answered, the best path step by step, the whole tree.

In: a `Trace`. Out: text without control characters, whatever the file held; colours only where they are asked for.
"""

from io import StringIO
from typing import Final

from rich.console import Console

from marco_cli.search.base import Candidate
from marco_cli.search.events import CandidateFound, NodesAdded, Progress, SearchStarted, SimulationEnded, VoteChanged
from marco_cli.search.tree import Node
from marco_cli.trace.record import Trace
from marco_cli.view.line import Glyphs, Line, fold, one_line, wrap
from marco_cli.view.output import rendered
from marco_cli.view.printable import printable
from marco_cli.view.search_screen import as_text
from marco_cli.view.snapshot import Recorder, Snapshot
from marco_cli.view.summary import cost, summary
from marco_cli.view.tree import legend, tree_lines
from marco_cli.view.trust import trust

_QUESTION_LENGTH: Final = 400
_INDENT: Final = "    "
_MOST_ROWS: Final = 100_000


def trace_card(trace: Trace, *, width: int | None, is_coloured: bool = False, encoding: str = "utf-8") -> str:
    """Return what was asked, by which model, how it was searched, the votes and the output that was given."""
    glyphs = Glyphs.of(encoding)
    where = {"turn": trace.turn, "of": trace.session, "item": trace.item, "goes on from": trace.continues}
    place = "".join(f", {name} {value}" for name, value in where.items() if value is not None)
    model = f"{trace.model.name} ({trace.model.repo + '/' if trace.model.repo else ''}{trace.model.file}"
    hashed = f", sha256 {trace.model.sha256[:12]}…)" if trace.model.sha256 else ")"
    result, found = trace.result, trust(trace.result, doubt_below=trace.settings.doubt_below)
    rows = (
        ("trace", f"{trace.id}, {trace.source}{place}, marco {trace.version}"),
        ("model", model + hashed),
        ("search", f"{result.strategy}, {cost(result)}, seed {trace.seed}, {len(trace.tree) - 1} steps in the tree"),
        ("question", " ".join(trace.question[:_QUESTION_LENGTH].split())),
        ("target", None if trace.target is None else trace.target),
        ("trust", None if found is None else found.text),
    )
    card = [line for key, value in rows if value is not None for line in _folded(key, value, width)]
    votes = summary(result, width=width, encoding=encoding)
    room = None if width is None else width - 1
    output = rendered(trace.reply.output, width=room, is_coloured=is_coloured).strip("\n") or "(no output)"
    return glyphs.text("\n".join([*card, "", votes, "", output]))


def path_text(
    trace: Trace,
    candidate: Candidate | None,
    *,
    width: int | None = None,
    is_coloured: bool = False,
    encoding: str = "utf-8",
) -> str:
    """Return the steps of a reply, each with its visits, value and confidence; without a candidate, of the one given.

    On a terminal, which has a width, they are rendered.
    """
    glyphs = Glyphs.of(encoding)
    nodes = trace.best_path() if candidate is None else trace.tree.path(trace.tree[candidate.node_id])
    chosen = candidate or trace.leader

    def indented(data: bytes) -> str:
        room = None if width is None else max(20, width - 1 - len(_INDENT))
        text = rendered(data.decode(errors="replace"), width=room, is_coloured=is_coloured)
        return "\n".join(_INDENT + line for line in text.strip("\n").split("\n"))

    heads = [_head(node, trace) for node in nodes[1:]]
    fitting = heads if width is None else [fold(head, width) for head in heads]
    shown = [f"{head}\n{indented(node.step.data)}" for head, node in zip(fitting, nodes[1:], strict=True)]
    tail = b"" if chosen is None else chosen.reply.data[len(trace.tree.data(nodes[-1])) :]
    if tail:
        shown.append(f"rolled out to the end, not in the tree\n{indented(tail)}")
    return glyphs.text("\n".join(shown) or "no step was taken")


def tree_text(trace: Trace, *, width: int, is_coloured: bool, encoding: str = "utf-8") -> str:
    """Return the whole tree and what its signs mean; chains of steps without a branching take one line."""
    glyphs = Glyphs.of(encoding)
    lines = tree_lines(final_snapshot(trace), width=width, max_rows=_MOST_ROWS, glyphs=glyphs)
    if len(lines) > 1:
        lines = (*lines, (), legend(width=width, glyphs=glyphs))
    return "\n".join(_drawn(line, width, is_coloured=is_coloured).rstrip() for line in lines)


def final_snapshot(trace: Trace) -> Snapshot:
    """Return the picture of the search at its end."""
    result, recorder = trace.result, Recorder()
    progress = Progress(
        num_simulations=result.num_simulations,
        max_simulations=result.max_simulations,
        num_tokens=result.usage.decoded,
        max_tokens=None,
        seconds=result.seconds,
        max_seconds=None,
    )
    root, *nodes = trace.tree.snapshot()
    recorder.fold(SearchStarted(question=trace.question, strategy=result.strategy, parallel=1, progress=progress))
    recorder.fold(NodesAdded(nodes=tuple(nodes)))
    for candidate in trace.candidates:
        recorder.fold(CandidateFound(candidate=candidate))
    recorder.fold(VoteChanged(votes=trace.votes, certainty=result.certainty))
    recorder.fold(
        SimulationEnded(
            number=result.num_simulations, path=(root,), value=root.value, candidate_id=None, progress=progress
        )
    )
    return recorder.snapshot()


def _folded(key: str, value: str, width: int | None) -> list[str]:
    text = printable(value)
    first, *rest = (wrap(text, max(20, width - 10)) if width is not None else [text]) or [""]
    return [f"{key:<9} {first}", *(" " * 10 + line for line in rest)]


def _head(node: Node, trace: Trace) -> str:
    confidence = "inserted" if node.confidence is None else f"confidence {node.confidence:.2f}"
    answer = ""
    if node.candidate_id is not None and node.candidate_id < len(trace.candidates):
        found = trace.candidates[node.candidate_id].reply.answer
        answer = f", answer {one_line(found.shown, 40)}" if found else ""
    visits = f"{node.visits} visit{'s' * (node.visits != 1)}"
    return f"step {node.depth}: {visits}, value {node.value:.2f}, {confidence}{answer}"


def _drawn(line: Line, width: int, *, is_coloured: bool) -> str:
    if not is_coloured:
        return "".join(span.text for span in line)
    buffer = StringIO()
    console = Console(file=buffer, force_terminal=True, color_system="256", highlight=False, width=width)
    console.print(as_text(line), end="", soft_wrap=True)
    return buffer.getvalue()
