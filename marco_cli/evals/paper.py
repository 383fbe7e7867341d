"""What the Marco-o1 paper measured on MGSM, to stand beside one's own figures.

Read off the bar charts of arXiv 2411.14405 ("Test@N": solved at least once in N guesses; the paper gives no exact table
for all of them). The paper states no errors; with 250 problems a share p has the standard error sqrt(p (1 - p) / 250).
"""

import math
from dataclasses import dataclass
from typing import Final

NUM_PROBLEMS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """One bar group of the paper: a model or search, a language, per cent at 1, 8 and 32 guesses."""

    name: str
    lang: str
    at: tuple[tuple[int, float], ...]
    """(N, per cent)."""


def standard_error(percent: float) -> float:
    """Return the standard error of a per cent figure of the paper, in points."""
    share = percent / 100
    return 100 * math.sqrt(share * (1 - share) / NUM_PROBLEMS)


def _rows(name: str, en: tuple[float, float, float], zh: tuple[float, float, float]) -> tuple[PaperRow, PaperRow]:
    english, chinese = (
        PaperRow(name=name, lang=lang, at=tuple(zip((1, 8, 32), figures, strict=True)))
        for lang, figures in (("en", en), ("zh", zh))
    )
    return english, chinese


MGSM: Final = (
    *_rows("Qwen2-7B-Instruct", (84.0, 89.6, 96.0), (76.8, 80.8, 92.4)),
    *_rows("Marco-o1-CoT", (85.6, 97.6, 99.2), (71.2, 93.6, 96.4)),
    *_rows("Marco-o1-MCTS (step)", (90.4, 99.2, 99.2), (80.0, 93.6, 96.0)),
    *_rows("Marco-o1-MCTS (mini-step 64)", (88.4, 98.4, 99.6), (80.4, 92.8, 95.2)),
    *_rows("Marco-o1-MCTS (mini-step 32)", (87.6, 98.8, 99.2), (82.4, 93.2, 96.8)),
)
