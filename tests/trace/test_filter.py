from dataclasses import replace

import pytest
from search.scripts import grown_script
from tables import table
from traced import traced

from marco_cli.errors import ConfigError
from marco_cli.trace.fields import FIELDS
from marco_cli.trace.filter import parse
from marco_cli.trace.record import Trace


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Return the trace of a search whose answer is its target."""
    made = traced(grown_script(3), strategy="mcts", simulations=6, question="How many pens?")
    assert made.answer is not None
    return replace(made, target=f"{made.answer.canonical}.0")


@pytest.mark.parametrize(
    ("source", "fits"),
    [
        ("answer == target", True),
        ("answer != target", False),
        ("target == answer", True),
        ("correct", True),
        ("not correct", False),
        ("correct == true", True),
        ("confidence > 0 and answer==target", True),
        ("confidence >= 2 or candidates > 1", True),
        ("0 <= confidence <= 1", True),
        ("0 <= confidence <= -1", False),
        ("'pens' in question", True),
        ("'boxes' not in question", True),
        ("strategy in ('mcts', 'beam')", True),
        ("strategy not in ['mcts']", False),
        ("source == 'ask' and not (forced or truncated)", True),
        ("session == none", True),
        ("target != none", True),
        ("turn > 0", False),
        ("not turn > 0", False),
        ("turn > 0 or true", True),
        ("turn > 0 and false", False),
        ("answer == 99", False),
        (" nodes > 1 ", True),
    ],
)
def test_an_expression_is_true_of_a_trace_or_not(source: str, fits: bool, trace: Trace) -> None:
    """Comparisons, and, or, not and in mean what they say; answers compare as answers, however they are written."""
    assert parse(source).fits(trace) is fits


def test_what_is_missing_is_neither_equal_nor_different(trace: Trace) -> None:
    """Without a target nothing is known to be right, nor to be wrong: neither expression may let the trace through."""
    unknown = replace(trace, target=None)

    assert not parse("answer == target").fits(unknown)
    assert not parse("answer != target").fits(unknown)
    assert not parse("not correct").fits(unknown)
    assert not parse("target in ('1', '2') or target not in ('1', '2')").fits(unknown)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_read_of_every_trace(name: str, trace: Trace) -> None:
    """A field is of its kind or missing, also of a reply that never reached an output."""
    unfinished = traced(grown_script(3), strategy="cot", temperature=0.0, max_tokens=3, output_reserve=0)

    assert not unfinished.candidates
    kinds: dict[str, type | tuple[type, ...]] = {"number": (int, float), "text": str, "flag": bool, "answer": object}
    for each in (trace, unfinished):
        value = FIELDS[name].read(each)
        assert value is None or isinstance(value, kinds[FIELDS[name].kind])
        assert parse(f"{name} == none").fits(each) is (value is None)


@table(
    [
        ("confidance > 0.9", "confidance"),
        ("confidence", "confidence is a number"),
        ("confidence == 'high'", "never equal"),
        ("question > 3", "question is a text"),
        ("3 in question", "3 is a number"),
        ("__import__('os').system('true')", "fields, numbers, texts"),
        ("question.upper() == 'A'", "fields, numbers, texts"),
        ("(lambda: true)() == true", "fields, numbers, texts"),
        ("confidence > 0.9 * 2", "fields, numbers, texts"),
        ("confidence is none", "expected ==, !="),
        ("confidence = 0.9", "cannot be read"),
        ("", "cannot be read"),
        ("a\0b", "cannot be read"),
        ("(" * 900, "cannot be read"),
        ("not " * 400 + "forced", None),
        ("x" * 3000, "3000 characters"),
        ("question == '\\d'", None),
    ]
)
def test_what_is_no_filter_is_refused_and_nothing_is_ever_run(source: str, message: str | None) -> None:
    """Whatever is typed is understood or refused by name with exit code 2; no Python is evaluated."""
    if message is None:
        parse(source)
        return
    with pytest.raises(ConfigError, match=message) as caught:
        parse(source)
    assert caught.value.hint or "3000" in message


def test_an_unknown_field_is_answered_with_the_near_one() -> None:
    """A typing error costs one look at the hint."""
    with pytest.raises(ConfigError) as caught:
        parse("answr == target")
    assert caught.value.hint == "did you mean answer?"
