"""A search tree as a graph for Graphviz: `dot -Tpdf tree.dot -o tree.pdf`.

Every text is a quoted string in which quotes and backslashes are escaped: nothing that a model wrote is an instruction.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from marco_cli.search.tree import Node
from marco_cli.trace.export.base import Caption, Export, Options, cropped
from marco_cli.trace.export.shade import SHADES, shade_of
from marco_cli.trace.record import Trace

_LENGTH: Final = 48


def write(traces: Iterable[Trace], options: Options) -> Iterator[Export]:
    """Yield one graph a trace."""
    for trace in traces:
        yield Export(trace_id=trace.id, data=graph(trace, options.captions(trace)).encode(errors="replace"))


def graph(trace: Trace, captions: Sequence[Caption]) -> str:
    """Return the tree as a directed graph, the path of the given reply drawn thick."""
    best = {node.id for node in trace.best_path()}
    lines = [
        "digraph search {",
        f"  label={quoted(cropped(trace.question, 120))};",
        '  labelloc="t"; rankdir="TB"; fontname="Helvetica";',
        '  node [shape="box", style="filled,rounded", fontname="Helvetica", fontsize=10, margin="0.12,0.06"];',
        '  edge [color="#78909c", arrowhead="none"];',
    ]
    lines += [_node(node, trace, captions[node.id], is_best=node.id in best) for node in trace.tree.nodes]
    for node in trace.tree.nodes:
        if node.parent is not None:
            thick = ' [penwidth=2.5, color="#00695c"]' if node.id in best else ""
            lines.append(f"  n{node.parent.id} -> n{node.id}{thick};")
    return "\n".join([*lines, "}", ""])


def quoted(*lines: str) -> str:
    """Return text as one quoted string of DOT, each line set to the left."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\l".join([*escaped, ""] if len(lines) > 1 else escaped) + '"'


def _node(node: Node, trace: Trace, caption: Caption, *, is_best: bool) -> str:
    facts = f"N {node.visits}  value {node.value:.2f}"
    if node.confidence is not None:
        facts += f"  confidence {node.confidence:.2f}"
    lines = [cropped(caption.text, _LENGTH) or ("question" if node.parent is None else "(no text)"), facts]
    if caption.slip:
        lines.append(f"false: {cropped(caption.slip, _LENGTH)}")
    if node.candidate_id is not None:
        found = trace.candidates[node.candidate_id].reply.answer if node.candidate_id < len(trace.candidates) else None
        lines.append(f"answer {cropped(found.canonical, _LENGTH) if found else '(none)'}")
    style = "filled,rounded,dashed" if node.step.is_forced and node.parent is not None else "filled,rounded"
    border = ', penwidth=2.5, color="#00695c"' if is_best else ', color="#90a4ae"'
    tint = SHADES[shade_of(node.confidence)].tint
    return f'  n{node.id} [label={quoted(*lines)}, fillcolor="{tint}", style="{style}"{border}];'
