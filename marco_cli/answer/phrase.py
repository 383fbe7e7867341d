r"""Read text that is nothing but an answer: a box, a tag, a target, what stands after "the answer is".

In: a part of an output. Out: a `Reading`, of the first kind that fits the *whole* of it: a choice, yes or no, a number with
its unit, a date or a time, mathematics, else text. A number is one only where nothing but a currency, a unit or punctuation
stands around it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from marco_cli.answer import choice, moment, plaintext
from marco_cli.answer.base import Kind
from marco_cli.answer.compound import meaning
from marco_cli.answer.grouping import in_english
from marco_cli.answer.language import Language
from marco_cli.answer.numerals import Numeral, scan
from marco_cli.answer.plaintext import Plain
from marco_cli.answer.symbols import NotFormulaError, normal

LONGEST: Final = 400
"""Characters of an answer that is looked at."""
COMPOUND: Final = frozenset({"tuple", "set", "interval", "matrix", "expression", "equation"})
"""Kinds that are mathematics and no number."""

_EDGE: Final = " \t\r\n.,;:!?。、\"'*_$#\u2018\u2019\u201c\u201d\u300a\u300b\u300c\u300d\u3010\u3011\u2009\u0964"
_CURRENCY: Final = r"$\u00a5\u20ac\u00a3\u20b9\u20bd\u0e3f\u09f3"
_BEFORE: Final = re.compile(
    rf"(?:[\s{_CURRENCY}*\"'~\u2248=:(]|\+(?=[0-9])|about|approximately|around|roughly|only|exactly|equal\sto|US|HK|RMB|R(?=\$)|[约共为是]|大约|[总一]共"
    r"|-\s(?=[0-9]))*",
    re.IGNORECASE,
)
# Words, also with a power ("cm^2"), a rate ("km/h") or a hyphen; nothing of mathematics.
_AFTER: Final = re.compile(
    rf"(?:\s*[{_CURRENCY}\u00b0])?(?:[^\W\d_]|[\s.,:;'\"*)?\u2018\u2019\u201c\u201d。、()\u00b0\u2009$\u0300-\u036f\u0900-\u0e7f]"
    r"|(?<=[^\W\d_])(?:\^\{?[23]\}?|[23](?![0-9]))|[-/](?=[^\W\d_])|(?<=[^\W\d_])-|(?<![0-9])!)*"
)
_GLUED_UNIT: Final = re.compile(
    r"(?:[ckm]?m|[km]?g|k?W|kWh|h|s|l|L|ml|mL|ft|in|mi|oz|lbs?|mph|min|hrs?|sec|days?|th|st|nd|rd|V|A|Hz|kHz|MHz|GB|MB|C|F|K)(?![A-Za-z0-9^_])"
)
_GLUED: Final = re.compile(r"(?P<letters>[A-Za-z\u03b1-\u03c9]+)")
_LATEX_AFTER: Final = re.compile(r"\s?(?:\\(?!text|mbox)|[\u03c0\u221a])")
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
_SPACED: Final = re.compile(
    rf"[\s{_CURRENCY}]*(?P<number>[0-9]{{1,3}}(?:[ \u2009][0-9]{{3}})+(?:\.[0-9]+)?)[\s{_CURRENCY}.]*"
)
_MATH_BEGINS: Final = re.compile(r"(?:[A-Za-z\u00c0-\u024f'’]{2,}[\s:,]+|a\s|an\s|I\s)*")
_WORDS_END: Final = re.compile(r"(?:[\s,.;:]+(?:[A-Za-z\u00c0-\u024f'’-]{2,}|a|I)(?![(^_=]))+[\s.,;:!?]*\Z")
_MATHEMATICS: Final = re.compile(
    r"\\(?![$%#&])|[\^_√π∞∪∈≤≥≠<>|±]|(?<=[0-9a-z)])[!=](?!\w)|[A-Za-z0-9)]\s?[+*/=]\s?[A-Za-z0-9(]"
)
_RATIO: Final = re.compile(r"[0-9]+(?::[0-9]|:[6-9][0-9]|:[0-9]{3,})+")
_TEXT_COMMAND: Final = re.compile(r"[\s$]*\\(?:text|mbox|textbf|textit|mathrm)\s*\{[^{}]*\}[\s$.]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What `output[start:end]` says."""

    kind: Kind
    canonical: str
    start: int
    end: int
    meaning: str = ""

    @property
    def is_understood(self) -> bool:
        """Whether it is more than a text: mathematics that makes no sense is compared as it is spelled."""
        return self.kind != "text" and (bool(self.meaning) or self.kind not in COMPOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An output and the language that its numbers are written in."""

    output: str
    language: Language

    def plain(self, start: int = 0, end: int | None = None) -> Plain:
        """Return a part of the output without its dress, its numbers as English writes them."""
        return plaintext.rewritten(plaintext.clean(self.output, start, end), in_english, self.language)


def whole(source: Source, start: int, end: int, want: Kind | None, *, is_math: bool) -> Reading | None:
    """Read `output[start:end]`, which is nothing but an answer; with `want`, as that kind or not at all.

    Mathematics that is no number is returned where a number is wanted, too: none of its digits is the answer.
    """
    if end - start > LONGEST * 2:
        return None
    plain = source.plain(start, end)
    letter = _choice(plain)
    if letter and want in {None, "choice", "number"}:
        return None if want == "number" else letter
    low, high = trimmed(plain.text, 0, len(plain.text))
    verdict = choice.VERDICTS.get(plain.text[low:high].casefold())
    if verdict and want in {None, "yes_no"}:
        return placed(plain, low, high, "yes_no", verdict)
    if want in {None, "number", "time"} and (number := whole_number(plain, is_math=is_math)):
        return number
    if want in {None, "number"} | COMPOUND and (formula := _formula(source.output, start, end, is_math=is_math)):
        return formula
    return text(plain, source.output[start:end]) if want in {None, "text"} else None


def placed(plain: Plain, start: int, end: int, kind: Kind, canonical: str) -> Reading:
    """Return a reading of `plain.text[start:end]`, placed where that stood in the output."""
    low, high = plain.origin(start, end)
    return Reading(kind=kind, canonical=canonical, start=low, end=high)


def numeral_reading(plain: Plain, numeral: Numeral) -> Reading:
    """Return what a numeral says: a number, a day or a time, or text of digits (a ratio, a code)."""
    is_time = numeral.form in moment.FORMS and not _RATIO.fullmatch(numeral.canonical)
    kind: Kind = "time" if is_time else "text" if numeral.opaque else "number"
    return placed(plain, numeral.start, numeral.end, kind, numeral.canonical)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without white space and punctuation at its edges."""
    window = text[start:end]
    start += len(window) - len(window.lstrip(_EDGE))
    return start, max(start, end - len(window) + len(window.rstrip(_EDGE)))


def _choice(plain: Plain) -> Reading | None:
    found = choice.LONE.match(plain.text.strip()) and choice.LONE.search(plain.text)
    found = found or choice.LABELLED.match(plain.text)
    if not found:
        return None
    letter = found["letter"].rstrip(")")
    return placed(plain, found.start("letter"), found.start("letter") + 1, "choice", letter.upper())


def whole_number(plain: Plain, *, is_math: bool) -> Reading | None:
    """Read one number, day or time with nothing but a name, a currency or a unit around it; of `x = 5`, the right side."""
    text = plain.text
    spaced = _SPACED.fullmatch(text)
    if spaced:
        start, end = spaced.span("number")
        digits = re.sub(r"\s", "", spaced["number"])
        return placed(plain, start, end, "number", next(scan(digits)).canonical)
    numerals = list(islice(scan(text), 2))
    if len(numerals) != 1:
        return None
    only = numerals[0]
    before = _BEFORE.match(text)
    if not before or before.end() < only.start or not _AFTER.fullmatch(text, only.end):
        return None
    if text.count("(") != text.count(")") or _is_variable(text, only, is_math=is_math):
        return None
    if before.group().rstrip(_CURRENCY + " ").endswith("- ") or re.search(r"-\s+\Z", text[: only.start]):
        only = Numeral(start=only.start, end=only.end, canonical="-" + only.canonical.lstrip("-"), form=only.form)
    return numeral_reading(plain, only)


def _is_variable(text: str, numeral: Numeral, *, is_math: bool) -> bool:
    """Say whether what is glued to a number are letters of mathematics: 3a, 2k, 5m in a formula; 16kg is a weight."""
    if is_math and numeral.form == "short" and (text.count("$") != 1 or "$" not in text[: numeral.start]):
        return True
    after = _GLUED.match(text, numeral.end)
    if not after:
        return bool(_LATEX_AFTER.match(text, numeral.end)) or (
            is_math and bool(re.match(r"\s+[a-zA-Z](?![A-Za-z])\Z", text[numeral.end :]))
        )
    if is_math and len(after["letters"]) == 1:
        return True
    return len(after["letters"]) <= 2 and not _GLUED_UNIT.match(text, numeral.end)


def _formula(output: str, start: int, end: int, *, is_math: bool) -> Reading | None:
    """Read mathematics, also with words before and behind it: "the point (3, -4) in the plane"."""
    for low, high in _cores(output, start, end):
        if (low, high) != (start, end) and whole_number(plaintext.clean(output[low:high]), is_math=is_math):
            return None  # a plain number in a sentence
        try:
            kind, form = meaning(output[low:high].strip(_TRIM), is_math=is_math)
        except NotFormulaError:
            continue
        return _formula_reading(output, _stripped(output, low, high), kind, form)
    return None


_TRIM: Final = ' \t\r\n.,;:*`"。'


def _formula_reading(output: str, span: tuple[int, int], kind: Kind, form: str) -> Reading:
    low, high = span
    if kind == "number":
        return Reading(kind=kind, canonical=form, start=_right_side(output, low, high), end=high)
    return Reading(kind=kind, canonical=spelled(output[low:high]), start=low, end=high, meaning=form)


def _cores(output: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the span, and the span without the words around the mathematics."""
    yield start, end
    text = output[start:end]
    if "\\text" in text or "\\mbox" in text:
        return
    before = _MATH_BEGINS.match(text.lstrip())
    skipped = len(text) - len(text.lstrip()) + (before.end() if before else 0)
    after = _WORDS_END.search(text, skipped)
    core = text[skipped : after.start() if after else len(text)]
    if len(core.strip(_TRIM)) not in {0, 1, len(text.strip(_TRIM))} and (
        is_mathematics(core) or re.search(r"[(\[]", core)
    ):
        yield start + skipped, start + skipped + len(core)


def _stripped(output: str, start: int, end: int) -> tuple[int, int]:
    window = output[start:end]
    edge = _TRIM + "$"
    start += len(window) - len(window.lstrip(edge))
    return start, max(start + 1, end - len(window) + len(window.rstrip(edge)))


def _right_side(output: str, start: int, end: int) -> int:
    """Return where the right side of `x = 5` begins."""
    equals = output.rfind("=", start, end)
    if equals < 0 or not output[equals + 1 : end].strip():
        return start
    after = output[equals + 1 : end]
    return equals + 1 + len(after) - len(after.lstrip())


def is_mathematics(text: str) -> bool:
    """Say whether a text has signs that prose has not, so that its digits are parts of something."""
    return bool(_MATHEMATICS.search(text))


def spelled(formula: str) -> str:
    """Return the spelling of a formula without size, spacing and dollars."""
    written = " ".join(normal(formula.replace("**", "")).strip(_TRIM).split())
    written = re.sub(r"\s?([^\w\s])\s?", r"\1", written.replace("\ufe50", "{,}").replace("\ufe51", ""))
    return re.sub(r"\\[dtc]frac", r"\\frac", written) or formula


def text(plain: Plain, written: str) -> Reading | None:
    """Read an answer in free form: letter case, spacing and the punctuation around it do not count.

    Of mathematics that is not understood, only size and spacing do not count.
    """
    start, end = trimmed(plain.text, 0, len(plain.text))
    if start == end:
        return None
    if is_mathematics(written) and not _TEXT_COMMAND.match(written):
        return placed(plain, start, end, "expression", spelled(written))
    inside = plain.text[start:end]
    numeral = next(scan(plain.text, start, end), None)
    if numeral and numeral.opaque and (numeral.start, numeral.end) == (start, end):
        return numeral_reading(plain, numeral)
    canonical = " ".join(unicodedata.normalize("NFKC", inside.casefold()).split())
    canonical = re.sub(r"\s?([^\w\s])\s?", r"\1", canonical).replace("$", "")
    canonical = re.sub(r"^(?:the|an?)\s(?=\S{2,}(?:\s\S+)?\Z)", "", canonical)
    return placed(plain, start, end, "text", canonical) if canonical else None
