r"""Read the answer out of an output, and compare it with a reference answer. The only extractor of the project.

In: the text of an output, and what is known of its question. Out: a typed `Answer`, or None. `prefer`
is the kind of answer that the question wants, where that is known.

The first rule that finds an answer decides:

1. tagged: the last `<answer>`, or the "answer" of a JSON object.
2. boxed: the last `\boxed{}`; with an "and" between, several are one answer. An answer announced behind it replaces it.
3. prefix: the last "answer is", "Antwort:", "答案是", "####" ... with something after it. The whole phrase is read as in a box.
   Where it is a sentence, its first number counts ("Answer: Janet makes $18"), or the right side of a calculation.
4. phrase: an output that is only an answer, or that opens with yes or no.
5. last_formula, last_number: mathematics at the end of the text, else its last number. Number words count only in an output
   of one line, "one" and 一 not even there.
6. phrase: the last line, else the first, if it is short.

Numbers are exact: 3/4 = 0.75, 70,000.00 = 70000, 3.5万 = 35000. Units and currencies are dropped. A percentage equals neither
its number nor its fraction, but where the question asks for per cent a bare number is one.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from marco_cli.answer import marks
from marco_cli.answer.base import Answer, Kind, Rule
from marco_cli.answer.clause import clause
from marco_cli.answer.language import language_of
from marco_cli.answer.mathematics import is_mathematics
from marco_cli.answer.phrase import whole
from marco_cli.answer.plaintext import Plain
from marco_cli.answer.prose import last_formula, last_number, mention, opening, short_line
from marco_cli.answer.reading import COMPOUND, Reading, Source

_PER_CENT = re.compile(
    r"\b(?:what|which|how\smany)\s(?:is\sthe\s)?(?:total\s)?per\s?cent(?:age)?\b|\b(?:find|determine|calculate|express)\b[^.?!]{0,40}\bper\s?centage\b"
    r"|\bas\sa\sper\s?cent(?:age)?\b|百分之几|百分之多少|百分比是?多少|百分率",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"\s*-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\s*")


def extract(output: str, *, prefer: Kind | None = None, question: str = "", lang: str = "") -> Answer | None:
    """Return the answer of an output, None if it has none (empty, code alone, long free text).

    Args:
        output: what the model wrote.
        prefer: the kind of answer that is wanted; every rule looks for it first, and only when none is found are other
            kinds read. A formula that stands where the answer belongs is the answer all the same.
        question: settles the language of numbers such as 1.000 where the output does not, and whether per cent is asked.
        lang: the code of the question's language, if it is known.
    """
    source = Source(output=output, language=language_of(output, lang, question))
    plain = source.plain()
    for want in (None,) if prefer is None else (prefer, None):
        for rule, reading in _readings(source, plain, want):
            if reading is not None:
                return _asked(_answer(output, rule, reading), question)
    return None


def matches(answer: Answer | None, target: str, *, question: str = "", lang: str = "") -> bool:
    """Say whether an answer is the `target`, a reference answer that is read whole.

    Where the two are of different kinds, one is read as the other's: a target `b` is choice B for an answer that is a choice.
    """
    if answer is None:
        return False
    wanted = read(target, question=question, lang=lang)
    if wanted is None:
        return False
    if wanted.key == answer.key:
        return True
    if answer.kind == "text":  # of a trace from before answers had more kinds, or of a sentence
        again = read(answer.text, question=question, lang=lang)
        return again is not None and again.key == wanted.key
    if wanted.kind == answer.kind or {wanted.kind, answer.kind} & COMPOUND:
        return False
    again = read(target, prefer=answer.kind, question=question, lang=lang)
    return again is not None and again.key == answer.key


def read(text: str, *, prefer: Kind | None = None, question: str = "", lang: str = "") -> Answer | None:
    """Return the answer that a text is, read whole: a reference answer, a line of a file.

    Digits grouped by commas (2,125) are grouped in every language: data sets write all their reference answers so.
    """
    language = language_of("en") if _GROUPED.fullmatch(text) else language_of(lang, text, question)
    source = Source(output=text, language=language)
    reading = whole(source, 0, len(text), prefer, is_math=True)
    return None if reading is None else _asked(_answer(text, "phrase", reading), question)


def _answer(output: str, rule: Rule, reading: Reading) -> Answer:
    return Answer(
        text=output[reading.start : reading.end],
        canonical=reading.canonical,
        kind=reading.kind,
        rule=rule,
        span=(reading.start, reading.end),
        meaning=reading.meaning,
    )


def _asked(answer: Answer, question: str) -> Answer:
    """Take a bare number for a percentage where one is asked for."""
    if answer.kind == "number" and not answer.canonical.endswith("%") and _PER_CENT.search(question):
        return replace(answer, canonical=answer.canonical + "%")
    return answer


def _readings(source: Source, plain: Plain, want: Kind | None) -> Iterator[tuple[Rule, Reading | None]]:
    """Apply the rules in their order."""
    output = source.output
    for start, end in marks.tags(output):
        yield "tagged", _region(source, start, end, want)
    for start, end, value in marks.json_values(output):
        yield "tagged", _within(source, value, start, end, want)
    for mark in marks.boxes(output):
        boxed = _box(source, mark, want)
        if boxed is not None:
            yield "prefix", _announced_behind(source, plain, mark.spans[-1][1], boxed)
        yield "boxed", boxed
    for start in marks.markers(plain.text):
        yield "prefix", clause(source, plain, start, want)
    yield "phrase", opening(source, plain, want)
    formula = last_formula(source, plain, want)
    yield ("last_number" if formula and formula.kind == "number" else "last_formula"), formula
    yield "last_number", last_number(source, plain, want)
    yield "phrase", mention(plain, want) if want in {"choice", "yes_no"} else short_line(source, plain, want)


def _region(source: Source, start: int, end: int, want: Kind | None) -> Reading | None:
    """Read what a tag holds: an answer, or a text that has one."""
    inside = source.output[start:end]
    if marks.boxes(inside) or marks.markers(inside):
        part = replace(source, output=inside)
        found = next((reading for _, reading in _readings(part, part.plain(), want) if reading is not None), None)
        return found and replace(found, start=found.start + start, end=found.end + start)
    found = whole(source, start, end, want, is_math=True)
    if found is not None and not found.is_understood and not is_mathematics(inside):
        part = replace(source, output=inside)
        sentence = clause(part, part.plain(), 0, want)
        if sentence is not None and sentence.kind == "number":
            return replace(sentence, start=sentence.start + start, end=sentence.end + start)
    return found


def _within(source: Source, value: str, start: int, end: int, want: Kind | None) -> Reading | None:
    """Read a value that stands in the output in other letters, at `output[start:end]`."""
    found = whole(replace(source, output=value), 0, len(value), want, is_math=True)
    return found and replace(found, start=start, end=end)


def _box(source: Source, mark: marks.Mark, want: Kind | None) -> Reading | None:
    output = source.output
    start, end = mark.spans[0][0], mark.spans[-1][1]
    contents = list(dict.fromkeys(output[low:high].strip() for low, high in mark.spans))
    if len(contents) > 1:
        return _within(source, ", ".join(contents), start, end, want)
    if mark.share and not output[start:end].rstrip().endswith("%"):
        return _within(source, contents[0] + mark.share, start, end, want)
    return whole(source, start, mark.spans[0][1], want, is_math=True)


def _announced_behind(source: Source, plain: Plain, end: int, boxed: Reading) -> Reading | None:
    """Return an answer of the box's kind that the text announces after the box, and that differs from it."""
    for start in marks.markers(plain.text):
        if plain.starts[min(start, len(plain.starts) - 1)] <= end:
            return None
        found = clause(source, plain, start, None)
        if found is not None and found.kind == boxed.kind and found.kind != "text":
            return found
    return None
