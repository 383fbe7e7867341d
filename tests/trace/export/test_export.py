"""What every format promises, whatever the search was."""

import json
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from exported import exported, read
from search.scripts import answer, grown_script, lines
from traced import traced

from marco_cli.errors import ConfigError
from marco_cli.trace.export import FORMATS, format_of_file
from marco_cli.trace.export.base import Options, cropped, json_block, visible
from marco_cli.trace.record import Trace

EVIL = '</script><script>alert(1)</script><b>&amp; "quoted" \\l \x1b[31mred\x1b[0m \u202eback {{data}} ]]> -->'
SETTINGS: tuple[dict[str, Any], ...] = (
    {"strategy": "cot", "temperature": 0.0},
    {"strategy": "vote", "simulations": 6},
    {"strategy": "mcts", "simulations": 12},
    {"strategy": "mcts", "simulations": 12, "reflection": "child"},
    {"strategy": "mcts", "simulations": 8, "step": "mini32"},
    {"strategy": "mcts-paper", "simulations": 6},
    {"strategy": "cot", "temperature": 0.0, "max_tokens": 3, "output_reserve": 0},
)


@lru_cache
def hostile() -> Trace:
    """Return the trace of a search whose question and steps try to break out of every format."""
    script = lines(
        {
            "": {f"<Thought>\n{EVIL}\n": 0.6, "<Thought>\nfine\n": 0.4},
            f"<Thought>\n{EVIL}\n": {f"more {EVIL}\n" + answer(f"x {EVIL}"): 1.0},
            "<Thought>\nfine\n": {"2+2 = 4.\n" + answer("4"): 0.5, "2+2 = 5.\n" + answer("5"): 0.5},
        }
    )
    made = traced(script, strategy="mcts", simulations=8, question=f"2+2? {EVIL}")
    return replace(made, target="4", item=EVIL, model=replace(made.model, name=EVIL))


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda settings: "-".join(map(str, settings.values())))
def trace(request: pytest.FixtureRequest) -> Trace:
    """Return a trace of each kind."""
    return traced(grown_script(5), **request.param)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_something_of_every_trace(name: str, trace: Trace) -> None:
    """Each trace comes to a document or rows, or to a reason in words; the same trace always to the same bytes."""
    first, second = exported(name, [trace, trace])[0], exported(name, [trace])[0]

    assert first.data == second.data
    assert first.trace_id == trace.id
    assert bool(first.data) == bool(first.num_rows) != bool(first.reason)
    if not FORMATS[name].is_document:
        assert first.data.count(b"\n") == len(first.data.splitlines()) == first.num_rows
    if name in ("html", "json"):
        assert first.data


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_text_stays_text_in_every_format(name: str) -> None:
    """Markup, quotes and control characters of a model or a user neither end the format nor reach a terminal."""
    (export,) = exported(name, [hostile()])
    text = export.data.decode()

    assert export.data
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.replace("\t", ""))
    if name == "html":
        assert text.count("<script") == text.count("</script>") == 2
        assert "<b>" not in text
    if not FORMATS[name].is_document:
        assert all(isinstance(row, dict) for row in read(export))


@pytest.mark.parametrize("name", [name for name, entry in FORMATS.items() if not entry.is_document and name != "json"])
def test_rows_to_train_on_never_hold_null(name: str) -> None:
    """Readers infer types from the first rows: nothing is null, so that no later row has another type."""

    def nulls(value: object) -> bool:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return value is None or any(map(nulls, inside))

    for trace in (hostile(), traced(grown_script(5), strategy="mcts", simulations=12)):
        for export in exported(name, [trace], margin=0.0):
            assert not any(map(nulls, read(export)))


@pytest.mark.parametrize(
    ("file", "expected"), [("a.html", "html"), ("A.b.HTML", "html"), ("rows.jsonl", None), ("a.txt", None)]
)
def test_a_file_name_tells_its_format_where_only_one_ends_so(file: str, expected: str | None) -> None:
    """`-o tree.html` is enough; what could be several formats is asked for."""
    assert format_of_file(file) == expected


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"min_visits": 0}, {"margin": 1.5}, {"threshold": -0.1}])
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """A number that cannot be meant is an error with the flag's name."""
    with pytest.raises(ConfigError, match="--"):
        Options(**wrong)


def test_escaped_json_is_the_same_json() -> None:
    """What is escaped for pages reads back as it was."""
    document = {"text": EVIL + "\u2028\x9b"}

    assert json.loads(json_block(document)) == document
    assert not set("<>&") & set(json_block(document))


def test_control_characters_are_seen_and_not_obeyed() -> None:
    """An escape character becomes its symbol; line ends stay, except in a line."""
    assert visible("a\x1b[0m\n\x7f\u202e") == "a␛[0m\n␡\ufffd"
    assert cropped("a\n b\t" + "c" * 90, 10) == "a b ccccc…"
