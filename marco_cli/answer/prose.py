"""Find an answer that nothing announces: at the end of a text, in a line of its own.

In: an output as it is and as plain text, and the kind that is wanted. Out: a `Reading`, or None.
"""

import re
from itertools import pairwise
from typing import Final

from marco_cli.answer import choice
from marco_cli.answer.base import Kind
from marco_cli.answer.clause import SHORT, STOP, VARIABLE
from marco_cli.answer.marks import MARKER, formulas
from marco_cli.answer.mathematics import is_mathematics
from marco_cli.answer.numerals import scan
from marco_cli.answer.phrase import whole, whole_number
from marco_cli.answer.plaintext import Plain
from marco_cli.answer.reading import COMPOUND, Reading, Source, matched, numeral_reading, trimmed

_JOINED: Final = re.compile(r"(?:\$|\\[)\]])?(?:,|\s|and|or)*+(?:\$|\\[(\[])?")
_LISTS: Final = re.compile(r"\b(?:are|solutions|roots|zeros|values|answers)\b[^.\n]*\Z|是[^。\n]*\Z")
_ITEM: Final = re.compile(r"^[ \t]*(?P<number>[0-9]{1,2})[.)、][ \t]*[^\s0-9]", re.MULTILINE)
_FORMULA: Final = re.compile(r"[!^√]|[0-9)]\*\*[0-9(]|(?<![0-9])(?:0?\.[0-9]*|[0-9]+\.)\([0-9]+\)|\\[a-z]")
_COMMAND: Final = re.compile(r"sqrt|\\[A-Za-z]+")
_PROSE: Final = re.compile(r"[^\W\d_]{2}")
_LINE: Final = re.compile(r"[^\n]+")


def opening(source: Source, plain: Plain, want: Kind | None) -> Reading | None:
    """Read an output that is only an answer, or that opens with yes or no, or that calls a choice correct."""
    written = plain.text.rstrip()
    verdict = choice.OPENING_VERDICT.match(written)
    if verdict and want in {None, "yes_no"}:
        return matched(plain, verdict, "word", "yes_no")
    called = [*choice.CORRECT.finditer(written)] or [*choice.CONCLUDED.finditer(written)]
    if called and want in {None, "choice"}:
        return matched(plain, called[-1], "letter", "choice")
    low, high = trimmed(source.output, 0, len(source.output))
    if "\n" in source.output[low:high] or high - low > SHORT or MARKER.search(written):
        return None
    low = len(source.output) - len(source.output.lstrip())
    is_math = source.output.lstrip().startswith(("$", "\\"))
    found = whole(source, low, len(source.output.rstrip()), want, is_math=is_math)
    if found is None or found.kind == "choice":
        return found
    is_formula = found.is_understood or ("\\" in written and not _PROSE.search(_COMMAND.sub("", written)))
    return found if found.kind in COMPOUND and is_formula else None


def last_formula(source: Source, plain: Plain, want: Kind | None) -> Reading | None:
    """Read mathematics that ends the text: what stands between dollars there, or a tuple, an interval, an equation."""
    if want not in {None, "number"}:
        return None
    spans = list(formulas(source.output))
    return _last_delimited(source, plain, spans) if spans else _last_bare(source)


def _last_delimited(source: Source, plain: Plain, spans: list[tuple[int, int]]) -> Reading | None:
    """Read the last formula between dollars, unless a number comes after it."""
    start, end = spans[-1]
    if several := _several(source, spans):
        return several
    if any(plain.starts[numeral.start] >= end for numeral in scan(plain.text)):
        return None
    found = whole(source, start, end, None, is_math=True)
    return found if found is not None and found.kind in {*COMPOUND, "number"} else None


def _last_bare(source: Source) -> Reading | None:
    """Read a formula in the last sentence."""
    output = source.output.rstrip()
    stops = [0, *(stop.end() for stop in STOP.finditer(output)), len(output)]
    start, end = next(((a, b) for a, b in reversed(list(pairwise(stops))) if output[a:b].strip(" .!*_\n")), (0, 0))
    if not is_mathematics(output[start:end]) and "," not in output[start:end]:
        return None
    found = whole(source, start, end, None, is_math=False)
    is_formula = found is not None and found.kind in COMPOUND - {"set"} and found.meaning
    return found if is_formula else None


def _several(source: Source, spans: list[tuple[int, int]]) -> Reading | None:
    """Read the formulas that a sentence lists at its end: "the solutions are $x = 2$ and $x = 3$"."""
    output, first = source.output, len(spans) - 1
    while first and _JOINED.fullmatch(output, spans[first - 1][1], spans[first][0]):
        first -= 1
    if first == len(spans) - 1 or not _LISTS.search(output, max(0, spans[first][0] - 40), spans[first][0]):
        return None
    found = whole(source, spans[first][0], spans[-1][1], None, is_math=True)
    return found if found is not None and found.kind == "set" and found.meaning else None


def last_number(source: Source, plain: Plain, want: Kind | None) -> Reading | None:
    """Read the last number that is neither a list marker nor part of a formula."""
    if want not in {None, "number"}:
        return None
    written = plain.text
    lone = _lone_number(source, plain)
    if lone:
        return lone
    items = {match.start("number") for match in _ITEM.finditer(written)}
    last = item = weak = None
    for numeral in scan(written):
        if plain.nested[numeral.start] or (numeral.opaque and want) or VARIABLE.match(written, numeral.end):
            continue
        if numeral.start in items:
            item = numeral
        elif not numeral.weak:
            last = numeral
        elif numeral.canonical != "1":
            weak = numeral
    if want is None and "\n" in written.strip():
        weak = None
    found = last or weak or item
    return numeral_reading(plain, found) if found else None


def _lone_number(source: Source, plain: Plain) -> Reading | None:
    """Read an output that is one number: one of grouped digits, a factorial, a power."""
    written = plain.text.strip()
    if "\n" in written or len(written) > SHORT:
        return None
    if not _FORMULA.search(written):
        return whole_number(plain, is_math=False) if re.search(r"[0-9] [0-9]{3}", written) else None
    if _PROSE.search(_COMMAND.sub("", written)):
        return None  # a sentence, of which the "!" is one of joy
    found = whole(source, 0, len(source.output.rstrip()), "number", is_math=False)
    return found if found is not None and found.kind == "number" else None


def mention(plain: Plain, want: Kind) -> Reading | None:
    """Read the last choice or verdict that is mentioned anywhere."""
    is_choice = want == "choice"
    pattern, names = (choice.ANY, ("bracket", "bare")) if is_choice else (choice.ANY_VERDICT, ("word", "hanzi"))
    mentions = list(pattern.finditer(plain.text))
    if not mentions:
        return None
    return matched(plain, mentions[-1], names[0] if mentions[-1][names[0]] else names[1], want)


def short_line(source: Source, plain: Plain, want: Kind | None) -> Reading | None:
    """Read the last line, else the first, if it is short."""
    written = plain.text
    lines = [line.span() for line in _LINE.finditer(written) if any(map(str.isalnum, line.group()))]
    for start, end in (lines[-1], lines[0]) if lines else ():
        low, high = trimmed(written, start, end)
        announced = [marker.end() for marker in MARKER.finditer(written, start, end)]
        if high - low <= SHORT and not (announced and announced[-1] >= high):
            return whole(source, *plain.origin(start, end), want, is_math=False)
    return None
