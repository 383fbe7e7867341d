r"""Compare answers written in LaTeX. The only door to math-verify.

In: a text and an item whose target is LaTeX. Out: a `Score`. With math-verify (extra `eval`) the two are compared as
mathematics: \frac12 is 0.5. Without it the extractor's canonical forms are compared as text, which is stricter; the rule
recorded with each answer says which it was.
"""

import logging
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from marco_cli.answer import extract, matches
from marco_cli.evals.base import NO_ANSWER, Item, Score, judged

_LONGEST = 400
"""Characters of an answer that is handed to the parser, whose time grows steeply with length."""


def is_available() -> bool:
    """Say whether math-verify is installed."""
    return find_spec("math_verify") is not None


def math(text: str, item: Item) -> Score:
    """Score a text against a target in LaTeX."""
    answer = extract(text)
    if answer is None:
        return NO_ANSWER
    if matches(answer, item.target):
        return judged(answer.canonical, is_right=True, rule=answer.rule)
    if not is_available():
        return judged(answer.canonical, is_right=False, rule=answer.rule)
    is_right = len(answer.text) <= _LONGEST and _is_same(answer.text, item.target)
    return judged(answer.canonical, is_right=is_right, rule="math-verify")


def _is_same(answer: str, target: str) -> bool:
    parse, verify = _math_verify()
    # Its time-outs are alarms of the whole process, which a program with an event loop cannot share.
    read = [parse(f"${text}$", parsing_timeout=None) for text in (target, answer)]
    return bool(all(read) and verify(*read, timeout_seconds=None))


@cache
def _math_verify() -> tuple[Callable[..., Any], Callable[..., Any]]:
    import math_verify  # noqa: PLC0415 (an extra, and slow to import)

    # It warns once that it runs without time-outs; here that is meant.
    for name in ("math_verify.parser", "math_verify.grader"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return math_verify.parse, math_verify.verify
