"""Which colour stands for how sure the model was of a step: one table for all drawings.

In: the mean confidence of a step's sampled tokens, in [0, 1]. Out: where in the table its shade stands. A view takes the
bounds from nowhere else; the page is handed the numbers and the colours as data.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Shade:
    """How steps look whose confidence is at least `least`."""

    least: float | None
    """In [0, 1]; None: nothing was sampled in them."""
    colour: str
    """Of a mark beside the text."""


# Means of a step lie near 1: one shade for all below 0.6 leaves the others for what differs.
SHADES: Final = (
    Shade(least=None, colour="#b4bec4"),
    Shade(least=0.0, colour="#c2410c"),
    Shade(least=0.6, colour="#d9822b"),
    Shade(least=0.7, colour="#d6ab3d"),
    Shade(least=0.8, colour="#7aa874"),
    Shade(least=0.9, colour="#2e8b74"),
)
"""What is not known, then from doubtful to sure."""

_BOUNDS: Final = tuple(shade.least for shade in SHADES if shade.least is not None)


def shade_of(confidence: float | None) -> int:
    """Return the place in `SHADES` of a confidence in [0, 1]; None, where nothing was sampled, has place 0."""
    return 0 if confidence is None else bisect_right(_BOUNDS, confidence)
