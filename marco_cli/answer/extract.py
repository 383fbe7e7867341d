r"""Read the answer out of an output, and compare answers. The only extractor of the project.

In: the text of an output (English or Chinese). Out: an `Answer` in canonical form, or None where there is none. It knows
neither the question nor the model; who knows what kind of answer the question wants says so with `prefer`.

The first rule that finds an answer decides:

1. boxed: the last `\boxed{}` that was closed.
2. prefix: the last "answer is", "Answer:", "答案是", "故选", "####" ... with something after it. There the *first* number
   counts ("The answer is 17 because 12+5"), and the right side of a calculation ("Answer: 12 + 5 = 17").
3. phrase: an output that is only a choice, or that opens with yes or no.
4. last_number: the last number. Number words count only in an output of one line, "one" and 一 not even there.
5. phrase: the last line, else the first, if it is short.

Numbers are exact: 3/4 = 0.75, 70,000.00 = 70000, 3.5万 = 35000. Units and currencies are dropped; a quantity in several
counts in the first (3小时30分钟 = 3.5). A percentage equals neither its number nor its fraction. Dates, times of day,
ratios, ranges and formulas are compared as text.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from marco_cli.answer import plaintext
from marco_cli.answer.base import Answer, Kind, Rule
from marco_cli.answer.numerals import Numeral, scan
from marco_cli.answer.plaintext import Plain

_SHORT = 80  # characters of an answer in free form
_CLAUSE = 400  # characters after a prefix that are looked at
_TRIES = 8  # boxes, and prefixes, that are tried from the last

_BRACE = re.compile(r"\\(?:boxed|fbox)\s?\{|[{}]|\\[{}]")
_PREFIX = re.compile(
    r"\b(?:answer|ans)\b(?:\s(?:to|for)\s[^\n.:=]{0,80}?)?[\"'*_)\]]{0,4}\s{0,3}"
    r"(?:(?:is|are|equals|(?:would|should|will|must)\sbe|comes\sto)\b|[:=\n])"
    r"|答案(?:不是[^\n。]{0,60}?而是|[^\n,。.:不]{0,12}?(?:是|为|等于|[:=]))|答:|[【\[]答案[】\]]|####|\b(?:correct|right|best)\s(?:option|choice)\sis\b"
    r"|选择?(?:是|为|:)?(?=\s?\(?[A-E](?![A-Za-z]))",
    re.IGNORECASE,
)
_LEAD = re.compile(r"[\s\"'*_:=$]*(?:not\b[^\n.]{0,60}?\bbut\s+)?", re.IGNORECASE)

_CHOICE = re.compile(
    r"[\s$]*(?:(?:(?i:option|choice|letter)|选项?)\s?)?(?P<bracket>\()?(?P<letter>(?(bracket)[A-Ea-e]\)|[A-E]))"
    r"(?![A-Za-z0-9'_^])(?!\s?[=+*/<>-])(?!\s?(?:,|&|、|and\b|or\b|和|或|及)\s?\(?[A-E](?![A-Za-z]))"
)
_ARTICLE = re.compile(r"\s*A\s+(?!because\b|since\b|as\b|is\b)[A-Za-z]")
_LONE_CHOICE = re.compile(r"(?:(?i:option|choice)|选项?)?[\s$(\[*]*(?P<letter>[A-Ea-e])[\s$)\]*.:,。、]*\Z")
_LABELLED = re.compile(r"[\s(*]*(?P<letter>[A-E])(?:\)|[.:、](?=\s))(?!\s*(?:and|or|和|或|,))[^\n]*\s*\Z")
_ANY_CHOICE = re.compile(r"(?<![A-Za-z0-9])(?:\((?P<bracket>[A-Ea-e])\)|(?!A\s[a-z])(?P<bare>[A-E]))(?![A-Za-z0-9'])")

_VERDICTS = dict.fromkeys(
    ("yes", "true", "correct", "是", "是的", "对", "对的", "正确", "正确的", "没错"), "yes"
) | dict.fromkeys(
    ("no", "false", "incorrect", "否", "不", "不是", "不对", "错", "错的", "错误", "错误的", "不正确"), "no"
)
_VERDICT = "|".join(sorted(_VERDICTS, key=len, reverse=True))
_YES_NO = re.compile(
    rf"[\s\"'*($]*(?P<word>{_VERDICT})(?!\.\s?[0-9])(?=\s*(?:\Z|[.,;:?。、)\"'*$\n-]|because\b|since\b|因为))",
    re.IGNORECASE,
)
_ANY_YES_NO = re.compile(
    r"\b(?P<word>yes|no|true|false)\b|(?P<hanzi>是的|没错|不正确|不是|不对|正确|错误)", re.IGNORECASE
)

_OPERATOR = re.compile(
    r"[^0-9=+*/\u00d7\u00f7\u00b7^,;:。\n-]{0,24}(?:[-+*/\u00d7\u00f7\u00b7^]|\bx\b)[-$\u00a5\u20ac\u00a3(\s]*[0-9]"
)
_VARIABLE = re.compile(r"[xyzni](?![A-Za-z])|\s?(?:\\(?:pi|sqrt)|[\u03c0\u221a])")
_BEFORE = re.compile(
    r"(?:[\s$\u00a5\u20ac\u00a3\u20b9*(\[\"'~\u2248=:]|about|approximately|US|HK|RMB|[约共为是]|大约|[总一]共)*",
    re.IGNORECASE,
)
_AFTER = re.compile(r"(?:\^\{?[23]\}?|[^-+*/=<>^|\\{}\[\]&\u00d7\u00f7\u221a\u00b1\u03c0]|[-/](?=[^\W0-9]))*")
_SPACED = re.compile(r"\s*(?P<number>[0-9]{1,3}(?: [0-9]{3})+)\s*")

_SENTENCE = re.compile(r"\n|[。!?;]|\.(?=\s|\Z)")
_HEAD = re.compile(r"\n|[,;(。!?]|\.(?=\s|\Z)")
_REASON = re.compile(
    r",?\s(?:because|since|as|which|who|where|not|due)\b|,?\s?因为|,(?=(?:\s\S+){4}|[\u3400-\u9fff]\w{4})",
    re.IGNORECASE,
)
_CONNECTIVE = re.compile(
    r"(?:therefore|thus|so|hence|then|finally|after|overall|well|now|indeed|so|in|by|if|when)\b|[因所那故最综首即也总]"
)
_NAME = re.compile(r"(?:[A-Z][\w'-]*\s?){1,3}|[\u3400-\u9fff]{1,6}")
_MARKER = re.compile(r"^[ \t]*(?P<number>[0-9]{1,2})[.)、][ \t]*[^\s0-9]", re.MULTILINE)
_LINE = re.compile(r"[^\n]+")
_EDGE = " \t\r\n.,;:!?。、\"'*_$#\u2018\u2019\u201c\u201d\u300a\u300b\u300c\u300d\u3010\u3011\u2009"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What `plain.text[start:end]` says."""

    kind: Kind
    canonical: str
    plain: Plain
    start: int
    end: int


def extract(output: str, *, prefer: Kind | None = None, question: str = "", lang: str = "") -> Answer | None:  # noqa: ARG001
    """Return the answer of an output, None if it has none (empty, code alone, long free text).

    With `prefer`, every rule first looks for an answer of that kind; only when none is found are other kinds read.
    """
    plain = plaintext.clean(output)
    for want in (None,) if prefer is None else (prefer, None):
        for rule, reading in _readings(output, plain, want):
            if reading is not None:
                start, end = reading.plain.origin(reading.start, reading.end)
                return Answer(
                    text=output[start:end], canonical=reading.canonical, kind=reading.kind, rule=rule, span=(start, end)
                )
    return None


def matches(answer: Answer | None, target: str) -> bool:
    """Say whether an answer is the `target`, a reference answer that is read whole and as the answer's kind."""
    if answer is None:
        return False
    plain = plaintext.clean(target)
    reading = _whole(plain, 0, len(plain.text), answer.kind)
    return reading is not None and reading.canonical == answer.canonical


def _readings(output: str, plain: Plain, want: Kind | None) -> Iterator[tuple[Rule, _Reading | None]]:
    """Apply the rules in their order."""
    for start, end in _boxes(output):
        box = plaintext.clean(output, start, end)
        yield "boxed", _whole(box, 0, len(box.text), want)
    for prefix in reversed([match.end() for match in _PREFIX.finditer(plain.text)][-_TRIES:]):
        yield "prefix", _clause(plain, prefix, want)
    yield "phrase", _opening(plain, want)
    yield "last_number", _last_number(plain, want)
    yield "phrase", _phrase(plain, want)


def _boxes(output: str) -> list[tuple[int, int]]:
    """Return the contents of the last boxes that were closed, last first."""
    opened: list[int | None] = []
    closed: list[tuple[int, int]] = []
    for brace in _BRACE.finditer(output):
        written = brace.group()
        if written[-1] == "{" and len(written) != 2:
            opened.append(brace.end() if len(written) > 1 else None)
        elif written == "}" and opened:
            start = opened.pop()
            if start is not None:
                closed.append((start, brace.start()))
    return closed[: -_TRIES - 1 : -1]


def _whole(plain: Plain, start: int, end: int, want: Kind | None) -> _Reading | None:
    """Read text that is nothing but an answer: a box, a target, a line."""
    text = plain.text
    if want in {None, "choice"}:
        choice = _LONE_CHOICE.match(text, start, end) or _LABELLED.match(text, start, end)
        if choice:
            return _matched(plain, choice, "letter", "choice")
    low, high = _trimmed(text, start, end)
    verdict = _VERDICTS.get(text[low:high].casefold())
    if verdict and want in {None, "yes_no"}:
        return _Reading(kind="yes_no", canonical=verdict, plain=plain, start=low, end=high)
    if want in {None, "number"}:
        number = _whole_number(plain, start, end)
        if number:
            return number
    return _text(plain, start, end) if want in {None, "text"} else None


def _whole_number(plain: Plain, start: int, end: int) -> _Reading | None:
    """Read one number with nothing but a name, a currency or a unit around it; of an equation, the right side."""
    text = plain.text
    equals = text.rfind("=", start, end)
    if equals >= 0 and text[equals + 1 : end].strip():
        start = equals + 1
    spaced = _SPACED.fullmatch(text, start, end)
    if spaced:
        canonical = spaced["number"].replace(" ", "").lstrip("0") or "0"
        return _Reading(
            kind="number", canonical=canonical, plain=plain, start=spaced.start("number"), end=spaced.end("number")
        )
    numerals = list(islice(scan(text, start, end), 2))
    if len(numerals) != 1 or numerals[0].opaque:
        return None
    only = numerals[0]
    fits = _BEFORE.fullmatch(text, start, only.start) and _AFTER.fullmatch(text, only.end, end)
    return _number(plain, only) if fits and not _VARIABLE.match(text, only.end, end) else None


def _clause(plain: Plain, start: int, want: Kind | None) -> _Reading | None:
    """Read what follows a prefix."""
    text = plain.text
    end = min(len(text), start + _CLAUSE)
    lead = _LEAD.match(text, start, end)
    start = lead.end() if lead else start
    choice = _CHOICE.match(text, start, end)
    if choice and want in {None, "choice"} and not _ARTICLE.match(text, start, end):
        return _matched(plain, choice, "letter", "choice")
    verdict = _YES_NO.match(text, start, end)
    if verdict and want in {None, "yes_no"}:
        return _matched(plain, verdict, "word", "yes_no")
    if want in {None, "number"}:
        number = _clause_number(plain, start, end, want)
        if number:
            return number
    if want not in {None, "text"}:
        return None
    stop = _SENTENCE.search(text, start, end)
    end = stop.start() if stop else end
    reason = _REASON.search(text, start, end)
    end = reason.start() if reason else end
    return _text(plain, start, end) if end - start <= _SHORT else None


def _clause_number(plain: Plain, start: int, end: int, want: Kind | None) -> _Reading | None:
    """Read the first number of a clause, or the result of the calculation that begins there."""
    text = plain.text
    line = text.find("\n", start, end)
    end = line if line >= 0 else end
    first = next((numeral for numeral in scan(text, start, end) if not (numeral.opaque and want)), None)
    if first is None:
        return None
    head = _HEAD.search(text, start, end)
    if head and head.start() < first.start and not want and _is_name(text, start, head.start(), end):
        return None
    if _OPERATOR.match(text, first.end, end):
        stop = _SENTENCE.search(text, first.end, end)
        equals = text.rfind("=", first.end, stop.start() if stop else end)
        first = next(scan(text, equals + 1, end), None) if equals >= 0 else None
    if first is None or _VARIABLE.match(text, first.end, end):
        return None
    return _number(plain, first)


def _is_name(text: str, start: int, end: int, limit: int) -> bool:
    """Say whether `text[start:end]` answers by itself, so that a number after it is only a remark: "Paris, with 2 ..."."""
    if _CONNECTIVE.match(text[start:end].lower()):
        return False
    return bool(_NAME.fullmatch(text, start, end) or _REASON.match(text, end, limit))


def _opening(plain: Plain, want: Kind | None) -> _Reading | None:
    """Read an output that is only a choice, or that opens with yes or no."""
    text = plain.text.rstrip()
    choice = _LONE_CHOICE.match(text) or _LABELLED.match(text)
    if choice and want in {None, "choice"}:
        return _matched(plain, choice, "letter", "choice")
    verdict = _YES_NO.match(text)
    return _matched(plain, verdict, "word", "yes_no") if verdict and want in {None, "yes_no"} else None


def _last_number(plain: Plain, want: Kind | None) -> _Reading | None:
    """Read the last number that is no list marker and no part of a formula."""
    if want not in {None, "number"}:
        return None
    text = plain.text
    markers = {match.start("number") for match in _MARKER.finditer(text)}
    last = marker = weak = None
    for numeral in scan(text):
        if plain.nested[numeral.start] or (numeral.opaque and want) or _VARIABLE.match(text, numeral.end):
            continue
        if numeral.start in markers:
            marker = numeral
        elif not numeral.weak:
            last = numeral
        elif numeral.canonical != "1":
            weak = numeral
    if want is None and "\n" in text.strip():
        weak = None
    found = last or weak or marker
    return _number(plain, found) if found else None


def _phrase(plain: Plain, want: Kind | None) -> _Reading | None:
    """Read the last line, else the first, if it is short; of a wanted kind, its last mention anywhere."""
    text = plain.text
    if want in {"choice", "yes_no"}:
        pattern, groups = (_ANY_CHOICE, ("bracket", "bare")) if want == "choice" else (_ANY_YES_NO, ("word", "hanzi"))
        mentions = list(pattern.finditer(text))
        if not mentions:
            return None
        group = groups[0] if mentions[-1][groups[0]] else groups[1]
        return _matched(plain, mentions[-1], group, want)
    lines = [line.span() for line in _LINE.finditer(text) if any(map(str.isalnum, line.group()))]
    for start, end in (lines[-1], lines[0]) if lines else ():
        low, high = _trimmed(text, start, end)
        announced = [prefix.end() for prefix in _PREFIX.finditer(text, start, end)]
        if high - low <= _SHORT and not (announced and announced[-1] >= high):
            return _whole(plain, start, end, want)
    return None


def _number(plain: Plain, numeral: Numeral) -> _Reading:
    kind: Kind = "text" if numeral.opaque else "number"
    return _Reading(kind=kind, canonical=numeral.canonical, plain=plain, start=numeral.start, end=numeral.end)


def _matched(plain: Plain, match: re.Match[str], group: str, kind: Kind) -> _Reading:
    """Return the choice or the verdict that a pattern found."""
    written = match[group].rstrip(")")
    canonical = written.upper() if kind == "choice" else _VERDICTS[written.casefold()]
    start = match.start(group)
    return _Reading(kind=kind, canonical=canonical, plain=plain, start=start, end=start + len(written))


def _text(plain: Plain, start: int, end: int) -> _Reading | None:
    """Read an answer in free form: letter case, spacing and the punctuation around it do not count."""
    start, end = _trimmed(plain.text, start, end)
    written = plain.text[start:end]
    if not written:
        return None
    numeral = next(scan(plain.text, start, end), None)
    if numeral and numeral.opaque and (numeral.start, numeral.end) == (start, end):
        return _number(plain, numeral)
    canonical = " ".join(unicodedata.normalize("NFKC", written.casefold()).split())
    canonical = re.sub(r"\s?([^\w\s])\s?", r"\1", canonical).replace("\\dfrac", "\\frac").replace("$", "")
    return _Reading(kind="text", canonical=canonical, plain=plain, start=start, end=end) if canonical else None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without white space and punctuation at its edges."""
    window = text[start:end]
    start += len(window) - len(window.lstrip(_EDGE))
    return start, max(start, end - len(window) + len(window.rstrip(_EDGE)))
