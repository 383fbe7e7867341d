"""What the nodes of an exported tree say: their content without Markdown and LaTeX, from where siblings part.

In: a `Trace`. Out: one `Caption` a node, by its id, of the words that the tree on a terminal has.
"""

from typing import Final

from marco_cli.trace.export.base import Caption
from marco_cli.trace.record import Trace
from marco_cli.view.crop import partings
from marco_cli.view.snapshot import NodeSnapshot
from marco_cli.view.trace_card import final_snapshot

_SHOWN: Final = 60
"""Characters of a node that are in sight; what else it says may be cut."""
_MOST: Final = 160


def captions(trace: Trace) -> tuple[Caption, ...]:
    """Return the captions of a trace's nodes."""
    nodes = final_snapshot(trace).nodes
    starts = dict.fromkeys(range(len(nodes)), 0)
    for node in nodes:
        labels = tuple(nodes[child].label.strip() for child in node.children)
        starts.update(zip(node.children, partings(labels), strict=True))
    return tuple(_caption(node, starts[place]) for place, node in enumerate(nodes))


def _caption(node: NodeSnapshot, start: int) -> Caption:
    label = node.label.strip()
    text = f"…{label[start:]}" if 0 < start < len(label) else label
    hidden = [
        equation for equation in node.equations if equation not in text[:_SHOWN] and equation not in label[:start]
    ]
    text = f"{'; '.join(hidden)} · {text}" if hidden else text
    return Caption(text=text[:_MOST], slip=node.slip, is_false=node.ending == "false")
