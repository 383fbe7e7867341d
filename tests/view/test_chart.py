import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.view.chart import HEIGHT, WIDTH, Axis, Series, chart, linear_axis, log_axis

FLAT = Axis(label="y", ends=(0, 1), ticks=((0, "0"), (1, "1")))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_a_linear_axis_holds_its_values_between_round_ticks(values: list[float]) -> None:
    """Every value is inside, ticks are evenly spaced and few, and their texts say what they are."""
    axis = linear_axis("x", values)
    ticks = [tick for tick, _ in axis.ticks]

    assert all(0 <= axis.share(value) <= 1 for value in values)
    assert 1 <= len(ticks) <= 8
    assert all(math.isclose(float(text), tick, rel_tol=1e-6, abs_tol=1e-9) for tick, text in axis.ticks)
    assert len({text for _, text in axis.ticks}) == len(ticks)


@given(st.lists(st.floats(1e-4, 1e7), min_size=1, max_size=9))
def test_a_logarithmic_axis_holds_its_values(values: list[float]) -> None:
    """Every value is inside, ticks rise, are inside and few."""
    axis = log_axis("x", values)
    shares = [axis.share(tick) for tick, _ in axis.ticks]

    assert all(-1e-9 <= axis.share(value) <= 1 + 1e-9 for value in values)
    assert shares == sorted(set(shares))
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares)
    assert len(shares) <= 8


def test_a_chart_is_one_well_formed_element_with_its_texts_escaped() -> None:
    """Labels of axes and series are text, whatever they hold."""
    series = Series(points=((1, 0.5), (2, 0.7)), colour="var(--s1)", label="<b>&\"'", y_ranges=((0.4, 0.6), (0.6, 0.8)))
    svg = chart('a "title" <i>', linear_axis("<x>", (1, 2)), FLAT, [series])
    root = ET.fromstring(svg)  # noqa: S314 (our own)

    assert root.attrib["aria-label"] == 'a "title" <i>'
    assert {"<x>", "<b>&\"'", "y"} <= {text.text for text in root.iter("text")}


def test_error_bars_reach_from_low_to_high() -> None:
    """A bar of the whole range is as long as the axis, and there is one a point."""
    series = Series(points=((1, 0.5),), colour="red", y_ranges=((0, 1),))
    svg = chart("t", linear_axis("x", (0, 2), limits=(0, 2)), FLAT, [series])
    bar = re.search(r'd="M[\d.]+ ([\d.]+)V([\d.]+)" stroke="red"', svg)

    assert bar is not None
    assert (float(bar[1]), float(bar[2])) == (HEIGHT - 44, 12)


@pytest.mark.parametrize("num", [2, 3, 5])
def test_labels_of_points_in_one_place_do_not_cover_each_other(num: int) -> None:
    """Variants that cost and score the same keep readable numbers."""
    series = [Series(points=((1, 0.5),), colour="red", label=str(n)) for n in range(num)]
    root = ET.fromstring(chart("t", linear_axis("x", (0, 2)), FLAT, series))  # noqa: S314 (our own)
    places = {(text.attrib["x"], text.attrib["y"]) for text in root.iter("text") if text.attrib.get("font-weight")}

    assert len(places) == num


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=6))
def test_points_lie_inside_the_drawing(points: list[tuple[float, float]]) -> None:
    """Whatever the data, every dot is in sight."""
    xs, ys = zip(*points, strict=True)
    svg = chart(
        "t", linear_axis("x", xs), linear_axis("y", ys), [Series(points=tuple(points), colour="red", label="1")]
    )

    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert len(dots) == len(points)
    assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in dots)
