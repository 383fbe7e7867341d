r"""Score open-ended replies by a rubric: what a reply must say, must not say, and what form it has.

In: a text and an item whose target is a rubric, one criterion a line, all of which must hold; one that begins with
`better` is only a wish.

    say: volunteer | help      one of these phrases is there, letter case and width aside
    not: as an AI              none of these phrases is there
    items: 3-10                entries of its list; also `5`, `3-` and `-4`
    words: 20-300              words; a Chinese character counts as one
    lines: 5-30                lines that are not blank
    sentences: 2               sentences
    language: zh               whether it is written in Chinese characters (`zh`) or in letters (`en`), code aside
    code: python               a piece of code that parses as Python
    def: is_even               a function or class of this name in that code
    json: title, year          a JSON object with these keys

A phrase begins at the beginning of a word and may end inside one: `exercis` finds "exercises". Phrases are not regular
expressions, so that a rubric from anywhere takes linear time. Out: a `Score`, right when every must holds; its value is the
share of all criteria that hold.
"""

import ast
import re
import textwrap
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from marco_cli import jsonl
from marco_cli.errors import InputError
from marco_cli.evals.base import Item, Score

_MOST_CODE = 50_000
"""Characters of code that are parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One line of a rubric."""

    text: str
    holds: Callable[[str], bool]
    is_must: bool


def rubric(text: str, item: Item) -> Score:
    """Check a reply against the rubric that is the item's target; `answer` says what does not hold."""
    criteria = read_rubric(item.target, where=item.id)
    missed = [criterion for criterion in criteria if not criterion.holds(text)]
    return Score(
        verdict="wrong" if any(criterion.is_must for criterion in missed) else "right",
        value=1 - len(missed) / len(criteria),
        answer="misses " + "; ".join(criterion.text for criterion in missed) if missed else "has all of the rubric",
        rule="rubric",
    )


def read_rubric(target: str, *, where: str) -> tuple[Criterion, ...]:
    """Return the criteria of a rubric.

    Raises:
        InputError: a line is not a criterion, or there is none.
    """
    criteria = tuple(_criterion(line.strip(), where) for line in target.splitlines() if line.strip())
    if not criteria:
        raise InputError(f"{where}: the rubric is empty", hint="write a criterion a line, e.g. say: help | volunteer")
    return criteria


def _criterion(line: str, where: str) -> Criterion:
    rest = line.removeprefix("better ")
    name, colon, value = rest.partition(":")
    if not colon or name not in _CHECKS or not value.strip():
        raise InputError(
            f"{where}: {line[:60]!r} is not a criterion of a rubric",
            hint=f"expected one of {', '.join(_CHECKS)}, then a colon",
        )
    try:
        holds = _CHECKS[name](value.strip())
    except ValueError as error:
        raise InputError(f"{where}: {line[:60]!r}: {error}") from error
    return Criterion(text=line, holds=holds, is_must=rest == line)


Check = Callable[[str], bool]


def _say(value: str) -> Check:
    phrases = [_folded(phrase) for phrase in value.split(" | ")]
    if not all(any(map(str.isprintable, phrase)) and phrase.strip("|") for phrase in phrases):
        raise ValueError("expected phrases with ' | ' between them")

    def holds(text: str) -> bool:
        folded = _folded(text)
        return any(_begins_word(folded, phrase) for phrase in phrases)

    return holds


def _not(value: str) -> Check:
    says = _say(value)
    return lambda text: not says(text)


def _begins_word(text: str, phrase: str) -> bool:
    at = text.find(phrase)
    while at >= 0:
        if at == 0 or not (_is_letter(phrase[0]) and _is_letter(text[at - 1])):
            return True
        at = text.find(phrase, at + 1)
    return False


def _is_letter(character: str) -> bool:
    return character.isalnum() and not _HAN.match(character)


def _counted(count: Callable[[str], int]) -> Callable[[str], Check]:
    def read(value: str) -> Check:
        bounds = _RANGE.fullmatch(value)
        if not bounds:
            raise ValueError("expected a number or a range such as 3-10, 3- or -4")
        low, dash, high = bounds.groups()
        least = int(low or 0)
        most = int(high) if high else None if dash else least
        return lambda text: least <= count(text) and (most is None or count(text) <= most)

    return read


def count_items(text: str) -> int:
    """Return how many entries the list of a text has: those with numbers, else those least indented; code aside."""
    marks = [(mark["number"] is not None, len(mark["indent"])) for mark in _ITEM.finditer(_prose(text))]
    numbered = [indent for is_numbered, indent in marks if is_numbered]
    indents = numbered or [indent for _, indent in marks]
    least = min(indents, default=0)
    return sum(indent <= least + 1 for indent in indents)


def _count_words(text: str) -> int:
    return len(_WORD.findall(text))


def _count_lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def _count_sentences(text: str) -> int:
    pieces = _SENTENCE_END.split(_MARK.sub("", text))
    return sum(any(map(str.isalnum, piece)) for piece in pieces)


def _language(value: str) -> Check:
    if value not in {"zh", "en"}:
        raise ValueError("expected zh or en")

    def holds(text: str) -> bool:
        prose = _prose(text)
        return (len(_HAN.findall(prose)) > len(_LATIN.findall(prose))) == (value == "zh")

    return holds


def _code(value: str) -> Check:
    if value != "python":
        raise ValueError("expected python")
    return lambda text: bool(_python(text))


def _def(value: str) -> Check:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return lambda text: any(
        isinstance(node, kinds) and node.name == value for module in _python(text) for node in ast.walk(module)
    )


def _json(value: str) -> Check:
    keys = {key.strip() for key in value.split(",")}

    def holds(text: str) -> bool:
        return any(keys <= _keys(piece) for piece in (*_pieces(text), text[text.find("{") : text.rfind("}") + 1]))

    return holds


def _keys(text: str) -> set[str]:
    try:
        value = jsonl.decode(text)
    except InputError:
        return set()
    return set(value) if isinstance(value, dict) else set()


def _python(text: str) -> list[ast.Module]:
    """Return what parses as Python and does more than name something: `hello` parses too."""
    found = []
    for piece in _pieces(text):
        module = _parsed(textwrap.dedent(piece))
        if module is not None and not all(isinstance(node, ast.Expr) and _is_plain(node.value) for node in module.body):
            found.append(module)
    return found


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Constant)


def _parsed(code: str) -> ast.Module | None:
    if len(code) > _MOST_CODE:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the code of a model is like is for its rubric to say
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None


def _pieces(text: str) -> list[str]:
    """Return the code of a reply: its fenced blocks, without any what stands between backticks, and else all of it."""
    blocks = [block["code"] for block in _FENCE.finditer(text)]
    return blocks or [piece[1:-1] for piece in _INLINE.findall(text)] or [text]


def _prose(text: str) -> str:
    return _FENCE.sub("\n", text)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").split())


_CHECKS: Final[Mapping[str, Callable[[str], Check]]] = MappingProxyType(
    {
        "say": _say,
        "not": _not,
        "items": _counted(count_items),
        "words": _counted(_count_words),
        "lines": _counted(_count_lines),
        "sentences": _counted(_count_sentences),
        "language": _language,
        "code": _code,
        "def": _def,
        "json": _json,
    }
)
_RANGE: Final = re.compile(r"(?=\d|-\d)(\d{1,6})?(-)?(\d{1,6})?")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]+")
_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['\u2019-][^\W\u3400-\u9fff]+)*")
_ITEM: Final = re.compile(
    r"^(?P<indent>[ \t]{0,12})(?:#{1,6} )?(?:\*\*)?(?:(?P<number>\d{1,3}[.)、]|[（(]\d{1,3}[）)])|[-*+\u2022] (?!\s*\n)|[-*]\*\*)",  # noqa: RUF001 (what models write)
    re.MULTILINE,
)
_MARK: Final = re.compile(r"^[ \t]*(?:#{1,6} )?(?:\*\*)?(?:\d{1,3}[.)、]|[-*\u2022] )", re.MULTILINE)
_SENTENCE_END: Final = re.compile(r"[.!?][\"'\u201d)]?(?=\s|\Z)|[。！？]|\n\s*\n")  # noqa: RUF001
_FENCE: Final = re.compile(r"^[ \t]*```[^\n`]*\n(?P<code>.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`[^`\n]+`")
