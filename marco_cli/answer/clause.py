"""Read what an output announces: the clause behind "the answer is".

In: an output as it is and as plain text, and where the clause begins. Out: a `Reading`, or None. Whole phrases come first
(`phrase.whole`); only a sentence that is not an answer by itself is searched for a number.
"""

import re
from typing import Final

from marco_cli.answer import choice
from marco_cli.answer.base import Kind
from marco_cli.answer.mathematics import is_mathematics
from marco_cli.answer.numerals import scan
from marco_cli.answer.phrase import LONGEST, text, whole
from marco_cli.answer.plaintext import Plain
from marco_cli.answer.reading import Reading, Source, matched, numeral_reading

SHORT: Final = 80
"""Characters of an answer in free form."""
_LEAD: Final = re.compile(
    r"[\s\"'*_:=\uff1a>]*(?:(?<=\n)[-\u2022]\s)?(?:(?:not\b[^\n.]{0,60}?\bbut|that|is|are)\s+)?", re.IGNORECASE
)
_OPERATOR: Final = re.compile(
    r"[^0-9=+*/\u00d7\u00f7\u00b7^,;:。\n-]{0,24}(?:[-+*/\u00d7\u00f7\u00b7^]|\bx\b)[-$\u00a5\u20ac\u00a3(\s]*[0-9]"
)
VARIABLE: Final = re.compile(r"[abijknpqrtuvwxyzRXYZ](?![A-Za-z])|\s?(?:\\(?:pi|sqrt)|[\u03c0\u221a])")
_SKIPPED: Final = re.compile(
    r"\$\$.{1,400}?\$\$|(?<![\\$\w])\$(?![\s$])(?:\\\$|[^$\n]){1,400}?(?<!\s)\$(?![0-9])|\\\(.{1,400}?\\\)|\\\[.{1,400}?\\\]"
    r"|\\begin\{.{1,400}?\\end\{[a-z]*\}|\\[A-Za-z]+\{[^{}\n]*\}|\([^()\n]{0,60}\)|\\[^\n]",
    re.DOTALL,
)
STOP: Final = re.compile(r"\n|[。?;\u0964]|(?<![0-9)])!(?!=)|(?<!\bRs)\.(?=\s|\Z|[*_\"'])")
_HEAD: Final = re.compile(r"\n|[,;(。!?]|\.(?=\s|\Z)|\s[\u2013\u2014-]\s")
_REASON: Final = re.compile(
    r",?\s(?:because|since|as|which|who|where|not|due|when|if)\b|,?\s?因为|,(?=(?:\s\S+){4}|[\u3400-\u9fff]\w{4})",
    re.IGNORECASE,
)
_CONNECTIVE: Final = re.compile(
    r"(?:therefore|thus|so|hence|then|finally|after|overall|well|now|indeed|so|in|by|if|when)\b|[因所那故最综首即也总]"
)
_NAME: Final = re.compile(r"(?:[A-Z][\w'-]*\s?){1,3}|[\u3400-\u9fff]{1,6}")
_NUMBERED: Final = re.compile(r"(?:[A-Z][\w'-]*\s){1,2}[0-9]+")
_AND_MORE: Final = re.compile(r"[^\W\d_]*(?:\s[^\W\d_]+){0,3}(?:,?\s(?:and|or))\s[$-]?[0-9]")
_ANOTHER_UNIT: Final = re.compile(
    r"\s?(?:(?!(?:in|of|at|for|after|before|by|with|from|on|to|per|every|each|times|plus|minus|over|during|within|than)\b)"
    r"[^\W\d_]{1,12}|[°'′]),?\s?[0-9]+(?:\.[0-9]+)?\s?(?:[^\W\d_]{1,12}|[\"'′″])[\s.*]*"
    r"|\s(?:out\sof|in)\s[0-9]+[\s.*]*"
)
"""A unit, and a number of a smaller one: 3 m 20 cm, 5'6". Or how many something is of: 3 out of 4."""
_BETWEEN: Final = re.compile(r"(?:between|from|either|neither)\b", re.IGNORECASE)
_SUM: Final = re.compile(r"[+*/=×÷-]|\\(?:times|cdot|div)|[$()]")


def clause(source: Source, plain: Plain, start: int, want: Kind | None) -> Reading | None:
    """Read what follows the word for "answer", which ends at `plain.text[start]`."""
    lead = _LEAD.match(plain.text, start)
    start = lead.end() if lead else start
    if start >= len(plain.text):
        return None
    low = plain.starts[start]
    end = _end(source.output, low)
    found = _delimited(source, low, end, want) or _pointed(plain, start, want)
    if found:
        return found
    for stop in _ends(source.output, low, end):
        stop = low + len(source.output[low:stop].rstrip("*_` "))  # noqa: PLW2901 (bold ends before the phrase does)
        found = whole(source, low, stop, want, is_math=_is_delimited(source.output[low:stop]))
        if found is not None and found.is_understood and not _is_aside(source.output, found, stop):
            return found
    return _sentence(source, plain, (low, end), (start, _plain_end(plain, start, end)), want)


def _delimited(source: Source, start: int, end: int, want: Kind | None) -> Reading | None:
    """Read a clause that is one formula between its delimiters, right or wrong."""
    only = _SKIPPED.match(source.output, start, end)
    if not only or source.output[start] not in "$\\" or source.output[only.end() : end].strip(" .*_`"):
        return None
    return whole(source, start, only.end(), want, is_math=True)


def _pointed(plain: Plain, start: int, want: Kind | None) -> Reading | None:
    """Read a choice or a verdict that begins a clause."""
    letter = choice.AFTER_MARKER.match(plain.text, start)
    if letter and want in {None, "choice"} and not choice.ARTICLE.match(plain.text, start):
        return matched(plain, letter, "letter", "choice")
    verdict = choice.OPENING_VERDICT.match(plain.text, start)
    return matched(plain, verdict, "word", "yes_no") if verdict and want in {None, "yes_no"} else None


def _is_delimited(phrase: str) -> bool:
    """Say whether a phrase is written as mathematics: between dollars, or with commands."""
    return phrase.replace("\\$", "").count("$") > 1 or "\\" in phrase.replace("\\$", "").replace("\\%", "")


def _end(output: str, start: int) -> int:
    """Return where the phrase that begins at `start` ends; no sentence ends inside mathematics."""
    limit = min(len(output), start + LONGEST)
    at = start
    while at < limit:
        skipped = _SKIPPED.match(output, at, limit)
        if skipped:
            at = skipped.end()
        elif STOP.match(output, at):
            return at
        else:
            at += 1
    return limit


def _ends(output: str, start: int, end: int) -> list[int]:
    """Return where the phrase may end, from the longest: at its end, before a reason, at its first comma or bracket."""
    ends = [end]
    reason = _REASON.search(output, start, end)
    if reason:
        ends.append(reason.start())
    skipped = _SKIPPED.match(output, start, end)
    head = _HEAD.search(output, max(start + 1, skipped.end() if skipped else 0), ends[-1])
    if head:
        ends.append(head.start())
    if skipped:
        ends.append(skipped.end())
    return ends


def _is_aside(output: str, found: Reading, stop: int) -> bool:
    """Say whether what was read stops in the middle of a list or a calculation."""
    rest = output[stop : stop + 40]
    if found.kind == "choice":
        return bool(re.match(r"\s*(?:,|and|or|&)\s*\(?(?:[A-J]|[IVX]+)\b", rest))
    return bool(re.match(r"\s*(?:[-+*/=^<>]|(?:is|are|equals)\b|,\s?[-$]?\d|\$\s*(?:[-+*/=^<>]))", rest)) or (
        found.kind == "number" and bool(re.match(r"\s*(?:and|or|to|und|et|ou|oder)\s\$?-?\d", rest))
    )


def _plain_end(plain: Plain, start: int, end: int) -> int:
    """Return where in plain text the place `end` of the output is."""
    at = start
    while at < len(plain.starts) and plain.starts[at] < end:
        at += 1
    return at


def _sentence(
    source: Source, plain: Plain, span: tuple[int, int], inside: tuple[int, int], want: Kind | None
) -> Reading | None:
    """Read a clause that is a sentence: its number, else what it says up to its reason."""
    start, end = inside
    written = source.output[slice(*span)]
    is_formula = _SKIPPED.match(written) and _is_delimited(written)
    if want in {None, "number"} and not is_formula and not is_mathematics(_SUM.sub("", written)):
        number = _clause_number(plain, start, end, want)
        if number:
            return number
    if want not in {None, "text"}:
        return None
    reason = _REASON.search(plain.text, start, end)
    end = reason.start() if reason else end
    if not 0 < end - start <= SHORT:
        return None
    low, high = plain.origin(start, end)
    part = source.plain(low, high)
    return text(part, source.output[low:high])


def _clause_number(plain: Plain, start: int, end: int, want: Kind | None) -> Reading | None:
    """Read the first number of a clause, or the result of the calculation that begins there."""
    written = plain.text
    first = next((numeral for numeral in scan(written, start, end) if not (numeral.opaque and want)), None)
    if first is None:
        return None
    if _BETWEEN.match(written, start) and not want:
        return None
    head = _HEAD.search(written, start, end)
    if head and head.start() < first.start and not want and _is_name(written, start, head.start(), end):
        return None
    if not want and _has_more(written, start, first.end, end):
        return None
    if _OPERATOR.match(written, first.end, end):
        equals = written.rfind("=", first.end, end)
        first = next(scan(written, equals + 1, end), None) if equals >= 0 else None
    if first is None or VARIABLE.match(written, first.end, end):
        return None
    return numeral_reading(plain, first)


def _has_more(written: str, start: int, stop: int, end: int) -> bool:
    """Say whether the number that ends at `stop` is only a part of what a clause says: a name, a list, two measures."""
    return bool(
        _NUMBERED.fullmatch(written, start, end)
        or _AND_MORE.match(written, stop, end)
        or _ANOTHER_UNIT.fullmatch(written, stop, end)
    )


def _is_name(written: str, start: int, end: int, limit: int) -> bool:
    """Say whether this answers by itself, so that a number after it is only a remark: "Paris, with 2 ..."."""
    if _CONNECTIVE.match(written[start:end].lower()):
        return False
    return bool(_NAME.fullmatch(written, start, end) or _REASON.match(written, end, limit))
