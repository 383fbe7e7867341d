"""One table of shades for every drawing."""

import json
import re
from functools import cache
from pathlib import Path

from exported import exported
from search.scripts import grown_script
from tables import table
from traced import traced

import marco_cli.trace.export
from marco_cli.trace.export.page import SHADES, shade_of
from marco_cli.trace.record import Trace

PLACES: dict[float | None, int] = {
    None: 0, 0.0: 1, 0.3: 1, 0.5: 1, 0.59996: 1, 0.6: 2, 0.65: 2, 0.69999999: 2, 0.7: 3, 0.79996: 3, 0.8: 4,
    0.8999: 4, 0.9: 5, 0.99: 5, 1.0: 5,
}  # fmt: skip


@cache
def shaded() -> Trace:
    """Return a trace whose nodes are as sure as the table says."""
    trace = traced(grown_script(5), strategy="mcts", simulations=12)
    assert len(trace.tree.nodes) >= len(PLACES)
    for node, confidence in zip(trace.tree.nodes, PLACES, strict=False):
        node.confidence = confidence
    return trace


def drawn_in_html(trace: Trace) -> dict[int, int]:
    """Return the places in the table of the colours that the page is told to draw its nodes in."""
    page = exported("html", [trace])[0].data.decode()
    block = re.search(r'<script type="application/json" id="trace">(.*?)</script>', page)
    assert block
    data = json.loads(block[1])
    colours = list(SHADES)
    return {node: colours.index(data["shades"][shade]) for node, shade in enumerate(data["nodes"]["shade"])}


@table(PLACES.items())
def test_a_shade_begins_at_its_bound(confidence: float | None, place: int) -> None:
    """A confidence has the last shade whose bound it reaches, exactly at the bound too, and none has the first."""
    assert shade_of(confidence) == place


def test_the_page_gives_a_step_its_shade() -> None:
    """The page has each step's shade, at the bounds, where rounding would part them, as between them."""
    trace = shaded()
    drawn = drawn_in_html(trace)

    assert drawn == {node.id: shade_of(node.confidence) for node in trace.tree.nodes}
    assert set(drawn.values()) == set(range(len(SHADES)))


def test_shades_are_written_in_one_file() -> None:
    """A colour is changed in one place: no drawing has one of its own."""
    folder = Path(marco_cli.trace.export.__file__).parent
    sources = {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*.*") if path.suffix != ".pyc"}

    for shade in SHADES[1:]:
        assert [name for name, source in sources.items() if shade in source] == ["page.py"]
