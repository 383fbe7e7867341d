"""The families with their shares of the training data, and how one problem is drawn from a row of that table."""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from training.problems import chain_en, chain_zh, compare, counting, expression, refusal, story
from training.problems.base import Lang, Problem


class Wish(NamedTuple):
    """What a row's generator is asked for; it takes what matters to it."""

    level: int
    held_phrasing: bool
    openings: Sequence[str]


class Entry(NamedTuple):
    """One row: share of the data, weights of the three levels, chance of Chinese, and the generator."""

    share: float
    levels: tuple[float, float, float]
    chinese: float
    generate: Callable[[random.Random, Lang, Wish], Problem]


def tell_chain(rng: random.Random, lang: Lang, wish: Wish) -> Problem:
    """Draw an event chain in a language."""
    generate = chain_en.generate if lang == "en" else chain_zh.generate
    return generate(rng, wish.level, held_phrasing=wish.held_phrasing)


def tell_story(rng: random.Random, lang: Lang, wish: Wish) -> Problem:
    """Draw a plot in a language."""
    return story.generate(rng, lang, wish.level, held_phrasing=wish.held_phrasing)


def ask_expression(rng: random.Random, lang: Lang, wish: Wish) -> Problem:
    """Draw an integer expression."""
    return expression.generate(rng, lang, wish.level, held_phrasing=wish.held_phrasing)


def ask_letters(rng: random.Random, lang: Lang, wish: Wish) -> Problem:
    """Draw a word and a letter."""
    return counting.generate(rng, lang, wish.level, wish.openings, held_phrasing=wish.held_phrasing)


def ask_decimals(rng: random.Random, lang: Lang, wish: Wish) -> Problem:
    """Draw two decimals."""
    return compare.generate(rng, lang, held_phrasing=wish.held_phrasing)


def ask_elsewhere(rng: random.Random, lang: Lang, wish: Wish) -> Problem:
    """Draw a question out of scope."""
    return refusal.generate(rng, lang, held_phrasing=wish.held_phrasing)


MIXTURE: dict[str, Entry] = {
    "chain_en": Entry(0.20, (4, 5, 2), 0.0, tell_chain),
    "story_en": Entry(0.13, (4, 4, 2), 0.0, tell_story),
    "chain_zh": Entry(0.085, (4, 5, 2), 1.0, tell_chain),
    "story_zh": Entry(0.07, (4, 4, 2), 1.0, tell_story),
    "expression": Entry(0.22, (4, 4, 3), 0.25, ask_expression),
    "letter_count": Entry(0.21, (3, 4, 2), 0.2, ask_letters),
    "compare": Entry(0.035, (1, 1, 1), 0.3, ask_decimals),
    "refusal": Entry(0.05, (1, 1, 1), 0.3, ask_elsewhere),
}


def draw(rng: random.Random, row: str, *, held_out: bool, held_phrasing: bool, openings: Sequence[str] = ()) -> Problem:
    """Draw a problem of one row on the wanted side of the split, in a seen or a held-out phrasing."""
    entry = MIXTURE[row]
    while True:
        level = rng.choices((1, 2, 3), entry.levels)[0]
        mixed = 0.0 < entry.chinese < 1.0
        lang: Lang = "zh" if (rng.random() if mixed else 0.5) < entry.chinese else "en"
        wish = Wish(level, held_phrasing, openings)
        problem = entry.generate(rng, lang, wish)
        if problem.held_out == held_out or problem.answer is None:
            return problem
