from dataclasses import replace

import pytest
from evals.examples import ITEMS, outcome

from marco_cli.errors import InputError
from marco_cli.evals.base import Item
from marco_cli.evals.outcome import failed
from marco_cli.evals.remarks import failure_reasons, near_misses
from marco_cli.evals.report import About, build_report

CAPITAL = Item(id="capital", question="What is the capital of Japan?", target="tokyo", scorer="exact")


@pytest.mark.parametrize(
    ("target", "reply", "is_near"),
    [
        ("tokyo", "The capital of Japan is Tokyo.", True),
        ("Tokyo", "It is TOKYO, of course.", True),
        ("东京", "日本的首都是东京。", True),
        ("Tokyo", "Tokyoites live there.", False),
        ("Tokyo", "The capital of Japan is Kyoto.", False),
        ("no", "I do not know, no.", False),
        ("12", "Between 11 and 12, say 13.", False),
    ],
)
def test_a_wrong_answer_that_holds_the_target_is_pointed_out(target: str, reply: str, *, is_near: bool) -> None:
    """Words of a sentence, in any letter case; not parts of words, nor what is in many texts by chance."""
    row = outcome(replace(CAPITAL, target=target), [reply])
    assert row.score.verdict == "wrong"

    said = near_misses([row, outcome(CAPITAL, ["Tokyo"])])
    assert bool(said) == is_near
    assert all("1 wrong answer holds" in line and "--scorer contains" in line for line in said)


def test_rows_of_other_scorers_are_no_near_misses() -> None:
    """What another rule refuses, it refuses for reasons of its own."""
    assert near_misses([outcome(replace(CAPITAL, scorer="regex", target="^tokyo$"), ["It is tokyo."])]) == ()


def test_a_report_says_why_rows_failed() -> None:
    """Equal reasons once, with their problems."""
    error = InputError("the prompt has 900 tokens, the context holds 512")
    rows = [failed(error, item=item, variant="cot", seed=0) for item in ITEMS[:2]]

    assert failure_reasons(rows) == (f"2 rows failed: {error.message} (problems {ITEMS[0].id} and {ITEMS[1].id})",)
    assert (
        failure_reasons(rows)[0] in build_report(rows, About(dataset="sums", source="test", model="scripted")).notices
    )
