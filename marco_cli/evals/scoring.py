"""Is this text's answer the target? One function a rule, all through the project's only extractor.

In: the text of an output and an item. Out: a `Score` that says which rule read the answer, and whether mathematics made it
equal. Answers are compared as the vote compares them, by their keys. No tolerance: numbers are compared exactly, and a
percentage equals neither its number nor its fraction. A text without an answer is `no_answer`, never just wrong.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache

import regex as patterns

from marco_cli.answer import Answer, Kind, extract, matches, read
from marco_cli.errors import InputError, cut
from marco_cli.evals import SCORERS
from marco_cli.evals.base import NO_ANSWER, Item, Score, Scorer, judged
from marco_cli.evals.checking import check_check
from marco_cli.evals.rubric import read_rubric
from marco_cli.evals.simple_evals import language
from marco_cli.search import load

_TEXT_LIMIT = 400
"""Characters of an output kept as "the answer" where the whole output is compared."""
_PATTERN_SECONDS = 1.0
"""Of the search for a regular expression, which comes with the data and may backtrack for ever."""


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
    """Compare the letter, A to J, that the text chooses."""
    return _of_kind(text, item, "choice")


def exact(text: str, item: Item) -> Score:
    """Compare the answer of whatever kind; a text that is the target as it stands is right in any case."""
    if any(folded(text) == folded(target) for target in item.targets):
        return judged(_clipped(text), is_right=True, rule="whole")
    return compared(text, item)


def compared(text: str, item: Item) -> Score:
    """Compare the answer of a text, of any kind, with each of the targets."""
    answer = extract(text, question=item.question, lang=item.lang)
    return NO_ANSWER if answer is None else _against(answer, item)


def math(text: str, item: Item) -> Score:
    r"""Compare the answer with a target in LaTeX, as mathematics: 2\\sqrt3 is \\sqrt{12}."""
    return compared(text, item)


def regex(text: str, item: Item) -> Score:
    """Search the target, a regular expression, in the text; a search that takes too long finds nothing, and the rule says so."""
    try:
        found = next(
            filter(None, (_pattern(target).search(text, timeout=_PATTERN_SECONDS) for target in item.targets)), None
        )
    except TimeoutError:
        return judged(_clipped(text), is_right=False, rule="regex, timeout")
    return judged(_clipped(found.group() if found else text), is_right=found is not None, rule="regex")


@cache
def _pattern(target: str) -> patterns.Pattern[str]:
    return patterns.compile(target, patterns.MULTILINE)


def contains(text: str, item: Item) -> Score:
    """Look for the target anywhere in the text, whatever its letter case and width."""
    found = next((target for target in item.targets if folded(target) in folded(text)), None)
    return judged(_clipped(text) if found is None else found, is_right=found is not None, rule="contains")


def check_target(item: Item, *, where: str) -> None:
    """Refuse an item that no answer could ever be right for.

    Raises:
        InputError: the target is empty, no number, no letter, no regular expression or no rubric, as its scorer wants.
        ConfigError: the scorer does not know the language of the question.
    """
    if item.scorer == "simple-evals":
        language(item)
    for target in item.targets:
        _check_one(target, item, where)


def _check_one(target: str, item: Item, where: str) -> None:
    if not target.strip():
        raise InputError(f"{where}: the target is empty", hint="every row needs a target")
    kind, expected = _WHOLE_TARGETS.get(item.scorer, (None, ""))
    if kind is not None:
        wanted = read(target, prefer=kind, lang=item.lang)
        if wanted is None or wanted.kind != kind:
            raise InputError(_unusable(target, where, expected), hint=_ORDER_HINT)
    if item.scorer == "check":
        check_check(target, where=where)
    if item.scorer == "rubric":
        read_rubric(target, where=where)
    if item.scorer == "regex":
        try:
            _pattern(target)
        except patterns.error as error:
            raise InputError(f"{where}: the target is not a regular expression: {cut(str(error))}") from error


_WHOLE_TARGETS: Mapping[str, tuple[Kind, str]] = {
    "number": ("number", "a number"),
    "simple-evals": ("number", "a number"),
    "choice": ("choice", "a letter from A to J"),
}
_ORDER_HINT = (
    "is the column order another one? expected the question first, then the answer; or choose another --scorer"
)


def _unusable(target: str, where: str, expected: str) -> str:
    shown = target if len(target) <= 40 else target[:40] + "…"
    return f"{where}: the target is {shown!r}, expected {expected}"


def _of_kind(text: str, item: Item, kind: Kind) -> Score:
    answer = extract(text, prefer=kind, question=item.question, lang=item.lang)
    # An answer of another kind is what the text says instead of a number; an unrelated phrase is not an answer.
    if answer is None or (answer.kind != kind and answer.rule == "phrase"):
        return NO_ANSWER
    return _against(answer, item)


def _against(answer: Answer, item: Item) -> Score:
    """Score an answer; the rule says how it was read, and whether its spelling or mathematics made it equal."""
    for target in item.targets:
        if matches(answer, target, question=item.question, lang=item.lang):
            wanted = read(target, prefer=answer.kind, question=item.question, lang=item.lang)
            is_spelling = wanted is None or wanted.canonical == answer.canonical
            rule = answer.rule if is_spelling else f"{answer.rule}, as mathematics"
            return judged(answer.canonical, is_right=True, rule=rule)
    return judged(answer.canonical, is_right=False, rule=answer.rule)


def folded(text: str) -> str:
    """Return a text with letter case, width and white space made alike."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _clipped(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT] + "…"
