r"""Read text that is nothing but an answer: a box, a tag, a target, what stands after "the answer is".

In: a part of an output. Out: a `Reading`, of the first kind that fits the *whole* of it: a choice, yes or no, a number with
its unit, a date or a time, mathematics, else text. A number is one only where nothing but a currency, a unit or punctuation
stands around it.
"""

import re
import unicodedata
from dataclasses import replace
from itertools import islice
from typing import Final

from marco_cli.answer import choice
from marco_cli.answer.base import Kind
from marco_cli.answer.mathematics import formula, is_mathematics, spelled
from marco_cli.answer.numerals import Numeral, scan
from marco_cli.answer.plaintext import Plain
from marco_cli.answer.reading import COMPOUND, Reading, Source, numeral_reading, placed, trimmed

LONGEST: Final = 400
"""Characters of an answer that is looked at."""
_CURRENCY: Final = r"$\u00a5\u20ac\u00a3\u20b9\u20bd\u0e3f\u09f3"
_BEFORE: Final = re.compile(
    rf"(?:[\s{_CURRENCY}*\"'~\u2248=:(]|\+(?=[0-9])|about|approximately|around|roughly|only|exactly|equal\sto|(?:USD|EUR|GBP|INR|CNY|JPY|CHF|KES|TZS)(?=\W)|US|HK|RMB|R(?=\$)|Rs\.?|[约共为是]|大约|[总一]共"
    r"|-\s(?=[0-9]))*",
    re.IGNORECASE,
)
# Words, also with a power ("cm^2") or a rate ("km/h"), and nothing of mathematics. Possessive: no text is read twice.
_AFTER: Final = re.compile(
    rf"(?:\s*[{_CURRENCY}\u00b0])?(?:[^0-9+*/=<>^|\\{{}}\[\]&~#@_!%\u00b1\u00d7\u00f7\u03c0\u221a\u221e-]"
    r"|(?<=[^\W\d_])(?:\^\{?[23]\}?|[23](?![0-9])|[-/])|[-/](?=[^\W\d_]{2})|(?<![0-9])!)*+"
)
_GLUED_UNIT: Final = re.compile(
    r"(?:[ckm]?m|[km]?g|k?W|kWh|h|s|l|L|ml|mL|ft|in|mi|oz|lbs?|mph|min|hrs?|sec|days?|th|st|nd|rd|V|A|Hz|kHz|MHz|GB|MB|C|F|K)(?![A-Za-z0-9^_])"
)
_GLUED: Final = re.compile(r"(?P<letters>[A-Za-z\u03b1-\u03c9]+)")
_LETTER_AFTER: Final = re.compile(r"\s?[a-zA-Z\u03b1-\u03c9](?![A-Za-z])")
_UNKNOWN_AFTER: Final = re.compile(r"\s[xyzn](?![A-Za-z])")
_LATEX_AFTER: Final = re.compile(r"\s?(?:\\(?!text|mbox)|[\u03c0\u221a])")
_SPACED: Final = re.compile(
    rf"[\s{_CURRENCY}]*(?P<number>[0-9]{{1,3}}(?:[ \u2009][0-9]{{3}})+(?:\.[0-9]+)?)[\s{_CURRENCY}.]*"
)
_UNIT_COMMAND: Final = re.compile(r"\\(?:text|mbox|mathrm)\b")
_TEXT_COMMAND: Final = re.compile(r"[\s$]*\\(?:text|mbox|textbf|textit|mathrm)\s*\{[^{}]*\}[\s$.]*\Z")


def whole(source: Source, start: int, end: int, want: Kind | None, *, is_math: bool) -> Reading | None:
    """Read `output[start:end]`, which is nothing but an answer; with `want`, as that kind or not at all.

    Mathematics that is not a number is returned where a number is wanted, too: none of its digits is the answer.
    """
    if end - start > LONGEST * 2:
        return None
    plain = source.plain(start, end)
    letter = _choice(plain)
    if want == "number" and letter:
        return None
    found = (letter if want in {None, "choice"} else None) or _word(plain, want)
    if found is None and want in {None, "number", "time"}:
        found = _counted(plain, source.output[start:end], want, is_math=is_math)
    if found is None and want in {None, "number", *COMPOUND}:
        found = formula(source.output, start, end, is_math=is_math)
    if found is None and want in {None, "text"}:
        found = text(plain, source.output[start:end])
    return found


def _word(plain: Plain, want: Kind | None) -> Reading | None:
    """Read yes or no, or several choices."""
    low, high = trimmed(plain.text, 0, len(plain.text))
    verdict = choice.VERDICTS.get(plain.text[low:high].casefold())
    if verdict and want in {None, "yes_no"}:
        return placed(plain, low, high, "yes_no", verdict)
    return _choices(plain) if want in {None, "set"} else None


def _counted(plain: Plain, written: str, want: Kind | None, *, is_math: bool) -> Reading | None:
    """Read a number, a day or a time; a unit in a command of its own is not a letter of mathematics."""
    found = whole_number(plain, is_math=is_math and not _UNIT_COMMAND.search(written))
    return None if found and want == "number" and found.kind != "number" else found


def _choice(plain: Plain) -> Reading | None:
    found = choice.LONE.match(plain.text.strip()) and choice.LONE.search(plain.text)
    found = found or choice.LABELLED.match(plain.text)
    if not found:
        return None
    letter = found["letter"].rstrip(")")
    return placed(plain, found.start("letter"), found.start("letter") + 1, "choice", letter.upper())


def _choices(plain: Plain) -> Reading | None:
    """Read several choices: "A, C", "(A) and (C)"."""
    start, end = trimmed(plain.text, 0, len(plain.text))
    if not choice.SEVERAL.fullmatch(plain.text, start, end):
        return None
    found = placed(plain, start, end, "set", plain.text[start:end])
    return replace(found, meaning=f"choices {' '.join(sorted(set(choice.LETTER.findall(plain.text))))}")


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
        letter = _LETTER_AFTER if is_math else _UNKNOWN_AFTER
        return bool(_LATEX_AFTER.match(text, numeral.end) or letter.match(text, numeral.end))
    if is_math and len(after["letters"]) == 1:
        return True
    return len(after["letters"]) <= (3 if is_math else 2) and not _GLUED_UNIT.match(text, numeral.end)


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
