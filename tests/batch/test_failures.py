import pytest

from marco_cli.batch.failures import MOST_GROUPS, Failures, Reason


def texts(*rows: tuple[int, str]) -> list[str]:
    """Return what is said of rows that failed: their lines and messages."""
    failures = Failures()
    for line, message in rows:
        failures.add(Reason(message), line)
    return [text for text, _ in failures.texts()]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        (("not JSON",), "1 row failed: not JSON (line 1)"),
        (("not JSON", "not JSON"), "2 rows failed: not JSON (lines 1 and 2)"),
        (
            ("the prompt has 900 tokens", "the prompt has 7 tokens"),
            "2 rows failed: the prompt has 900 tokens (lines 1 and 2)",
        ),
        (("id 'a' twice", "id 'b' twice"), "2 rows failed: id 'a' twice (lines 1 and 2)"),
        (("x",) * 8, "8 rows failed: x (lines 1, 2, 3, 4, 5 and 3 more)"),
    ],
)
def test_equal_reasons_are_said_once(messages: tuple[str, ...], said: str) -> None:
    """Reasons that differ in numbers and quoted words alone are one; the first rows are named, the others counted."""
    assert texts(*enumerate(messages, 1)) == [said]


def test_the_most_frequent_reason_comes_first() -> None:
    """What to mend first is read first."""
    assert texts((1, "rare"), (2, "often"), (3, "often")) == [
        "2 rows failed: often (lines 2 and 3)",
        "1 row failed: rare (line 1)",
    ]


def test_a_reason_for_every_row_stays_a_few_lines() -> None:
    """A million rows that each fail in their own words make a short report."""
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600)]
    said = texts(*enumerate(words, 1))

    assert len(said) == MOST_GROUPS + 1
    assert said[0].startswith(f"{600 - MOST_GROUPS} rows failed: other reasons")


def test_a_group_has_the_hint_of_its_first_row() -> None:
    """The remedy comes with the reason."""
    failures = Failures()
    failures.add(Reason("too long", "enlarge --ctx"), 3)

    assert list(failures.texts()) == [("1 row failed: too long (line 3)", "enlarge --ctx")]
