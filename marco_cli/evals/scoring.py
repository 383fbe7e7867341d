"""Is this text's answer the target? One function a rule, all through the project's only extractor.

In: the text of an output and an item. Out: a `Score` that says which rule read the answer. No tolerance: numbers are
compared exactly, and a percentage equals neither its number nor its fraction. A text without an answer is `no_answer`,
never just wrong.
"""

import re
import unicodedata
from collections.abc import Mapping

from marco_cli.answer import Kind, extract, matches
from marco_cli.errors import InputError, cut
from marco_cli.evals import SCORERS
from marco_cli.evals.base import NO_ANSWER, Item, Score, Scorer, judged
from marco_cli.evals.rubric import read_rubric
from marco_cli.evals.simple_evals import language
from marco_cli.search import load

_TEXT_LIMIT = 400
"""Characters of an output kept as "the answer" where the whole output is compared."""


def scorer_of(item: Item) -> Scorer:
    """Return the function that scores an item's answers."""
    scorer: Scorer = load(SCORERS[item.scorer])
    return scorer


def grade(text: str, item: Item) -> Score:
    """Score a text against an item by the item's own scorer."""
    return scorer_of(item)(text, item) if text.strip() else NO_ANSWER


def number(text: str, item: Item) -> Score:
    """Compare the number that the text answers with."""
    return _of_kind(text, item, "number")


def choice(text: str, item: Item) -> Score:
    """Compare the letter, A to E, that the text chooses."""
    return _of_kind(text, item, "choice")


def exact(text: str, item: Item) -> Score:
    """Compare the answer of whatever kind; a text that is the target as it stands is right in any case."""
    if _folded(text) == _folded(item.target):
        return judged(_clipped(text), is_right=True, rule="whole")
    answer = extract(text)
    if answer is None:
        return NO_ANSWER
    return judged(answer.canonical, is_right=matches(answer, item.target), rule=answer.rule)


def regex(text: str, item: Item) -> Score:
    """Search the target, a regular expression, in the text."""
    found = re.search(item.target, text, re.MULTILINE)
    return judged(_clipped(found.group() if found else text), is_right=found is not None, rule="regex")


def contains(text: str, item: Item) -> Score:
    """Look for the target anywhere in the text, whatever its letter case and width."""
    is_right = _folded(item.target) in _folded(text)
    return judged(item.target if is_right else _clipped(text), is_right=is_right, rule="contains")


def check_target(item: Item, *, where: str) -> None:
    """Refuse an item that no answer could ever be right for.

    Raises:
        InputError: the target is empty, no number, no letter, no regular expression or no rubric, as its scorer wants.
        ConfigError: the scorer does not know the language of the question.

    """
    if item.scorer == "simple-evals":
        language(item)
    if not item.target.strip():
        raise InputError(f"{where}: the target is empty", hint="every row needs a target")
    kind, expected = _WHOLE_TARGETS.get(item.scorer, (None, ""))
    if kind is not None:
        read = extract(item.target, prefer=kind)
        if read is None or read.kind != kind or not matches(read, item.target):
            raise InputError(_unusable(item, where, expected), hint=_ORDER_HINT)
    if item.scorer == "rubric":
        read_rubric(item.target, where=where)
    if item.scorer == "regex":
        try:
            re.compile(item.target)
        except re.error as error:
            raise InputError(f"{where}: the target is no regular expression: {cut(str(error))}") from error


_WHOLE_TARGETS: Mapping[str, tuple[Kind, str]] = {
    "number": ("number", "a number"),
    "simple-evals": ("number", "a number"),
    "choice": ("choice", "a letter from A to E"),
}
_ORDER_HINT = (
    "is the column order another one? expected the question first, then the answer; or choose another --scorer"
)


def _unusable(item: Item, where: str, expected: str) -> str:
    shown = item.target if len(item.target) <= 40 else item.target[:40] + "…"
    return f"{where}: the target is {shown!r}, expected {expected}"


def _of_kind(text: str, item: Item, kind: Kind) -> Score:
    answer = extract(text, prefer=kind)
    # An answer of another kind is what the text says instead of a number; an unrelated phrase is no answer.
    if answer is None or (answer.kind != kind and answer.rule == "phrase"):
        return NO_ANSWER
    return judged(answer.canonical, is_right=matches(answer, item.target), rule=answer.rule)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _clipped(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT] + "…"
