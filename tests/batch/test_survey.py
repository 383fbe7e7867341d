"""What is known of an input before anything is done."""

import json

import pytest

from marco_cli.batch.entries import Done, JournalEntry
from marco_cli.batch.lines import Line
from marco_cli.batch.rows import BadRow, BatchRow, Layout, read_row
from marco_cli.batch.survey import Survey
from marco_cli.errors import InputError


def rows(*documents: object) -> list[BatchRow | BadRow]:
    """Return input rows."""
    return [read_row(Line(n, json.dumps(document).encode()), Layout()) for n, document in enumerate(documents, 1)]


def surveyed(*documents: object, done: Done | None = None, num_samples: int = 0) -> Survey:
    """Look through rows."""
    survey = Survey(done, num_samples=num_samples)
    for row in rows(*documents):
        survey.add(row)
    return survey


def test_good_and_bad_rows_are_counted_and_the_first_bad_ones_described() -> None:
    """Ten descriptions at most, all counted."""
    survey = surveyed({"prompt": "x"}, *({"n": n} for n in range(12)))

    assert (survey.num_rows, survey.num_bad, len(survey.problems)) == (13, 12, 10)
    assert survey.problems[0][0] == 2
    assert survey.hint is not None
    survey.check("q.jsonl")


@pytest.mark.parametrize(
    "documents",
    [
        [{"id": "a", "prompt": "x"}, {"id": "b", "prompt": "x"}, {"id": "a", "prompt": "y"}],
        [{"id": "line-3", "prompt": "x"}, {"id": "b", "prompt": "x"}, {"prompt": "y"}],
        [{"id": "a", "prompt": "x"}, {"prompt": "x"}, {"custom_id": "a"}],
    ],
)
def test_an_id_that_comes_twice_is_refused_with_both_lines(documents: list[object]) -> None:
    """Given, made up or on a bad row: the output could not tell them apart."""
    with pytest.raises(InputError, match=r"on line 1 and on line 3"):
        surveyed(*documents).check("q.jsonl")


def test_a_number_and_its_digits_are_two_ids() -> None:
    """1 and "1" stay what they are."""
    surveyed({"id": 1, "prompt": "x"}, {"id": "1", "prompt": "x"}).check("q.jsonl")


def test_an_input_without_any_good_row_is_the_wrong_file() -> None:
    """It is refused with its first problem; an empty one is not."""
    with pytest.raises(InputError, match=r"no row of q\.jsonl can be used; line 1: "):
        surveyed({"a": 1}, [2]).check("q.jsonl")
    surveyed().check("q.jsonl")


def test_what_is_done_and_what_changed_since_are_told_apart() -> None:
    """Same id and same content is done; another content is stale; rows that only the output has are strangers."""
    done: Done = {}
    first, second, _ = rows({"id": "a", "prompt": "x"}, {"id": "b", "prompt": "x"}, {"id": "c", "prompt": "x"})
    for row in (first, second):
        done[row.key] = JournalEntry(key=row.key, input_hash=row.input_hash, status="ok")
    done['"z"'] = JournalEntry(key='"z"', input_hash="0" * 16, status="ok")

    survey = surveyed({"id": "a", "prompt": "x"}, {"id": "b", "prompt": "y"}, {"id": "c", "prompt": "x"}, done=done)

    assert (survey.num_done, survey.stale, survey.num_strangers) == (1, {'"b"'}, 1)


def test_the_sample_is_of_good_rows_from_anywhere() -> None:
    """As many as wanted, each at most once, in the order of the input, not only from its beginning."""
    survey = surveyed(*({"prompt": "x"} if n % 3 else {} for n in range(300)), num_samples=10)
    lines = [row.line for row in survey.sample]

    assert len(set(lines)) == 10
    assert lines == sorted(lines)
    assert lines[-1] > 100
    assert len(surveyed({"prompt": "x"}, num_samples=10).sample) == 1
