"""Problem families of the bundled model: exact answers, split, format, slips."""

import json
import random
import re
from pathlib import Path

import pytest

from training.heldout import heldout
from training.problems import chain_en, counting
from training.problems.base import Pen, Problem, correct_solution, wrong_solution
from training.problems.expression import Term
from training.problems.mixture import MIXTURE, draw
from training.problems.story import work_out

NANO = Path(__file__).resolve().parents[2] / "marco_cli" / "nano"
ANSWERED = [row for row in MIXTURE if row != "refusal"]
EQUATION = re.compile(r"\d[\d+*/-]*(?:=-?\d[\d+*/-]*)+")


def sample(row: str, count: int = 150, *, held_out: bool = False, held_phrasing: bool = False) -> list[Problem]:
    """Draw problems of one row, the same ones at every call."""
    rng = random.Random(f"{row}{held_out}{held_phrasing}")
    return [draw(rng, row, held_out=held_out, held_phrasing=held_phrasing, openings=("st", "ba")) for _ in range(count)]


@pytest.mark.parametrize("row", ANSWERED)
def test_a_right_solution_arrives_at_the_answer(row: str) -> None:
    """Whatever style is drawn, the lines end at the stated answer."""
    for problem in sample(row):
        for seed in range(4):
            assert correct_solution(problem, random.Random(seed))[1] == problem.answer


@pytest.mark.parametrize("row", [row for row in ANSWERED if row not in ("compare", "letter_count")])
def test_every_written_equation_holds(row: str) -> None:
    """Each `a+b=c=d` in a right solution is true arithmetic, computed anew by Python."""
    equations = 0
    for problem in sample(row):
        for line in correct_solution(problem, random.Random(1))[0]:
            for chain in EQUATION.findall(line):
                values = {eval(side.replace("/", "//")) for side in chain.split("=")}  # noqa: S307 - digits, operators
                assert len(values) == 1, line
                equations += 1
    assert equations > 150


@pytest.mark.parametrize("row", ANSWERED)
def test_a_wrong_solution_differs_and_has_no_empty_line(row: str) -> None:
    """A slip changes the answer; the lines keep the one-step-a-line format."""
    wrong = [
        w for problem in sample(row) if (w := wrong_solution(problem, random.Random(3))) and w[1] != problem.answer
    ]
    assert len(wrong) > 40
    assert all(line and "\n" not in line for lines, _ in wrong for line in lines)


def test_expression_answers_equal_pythons_own_evaluation() -> None:
    """The expression in the key, read by Python, gives the answer."""
    for problem in sample("expression", 400):
        assert eval(problem.key.split("|")[1].replace("/", "//")) == int(problem.answer or "")  # noqa: S307


def test_letter_counts_equal_str_count() -> None:
    """Spelling a word line by line counts what `str.count` counts, and spells the word."""
    for problem in sample("letter_count", 300):
        word = problem.key.split("|")[1]
        lines, count = correct_solution(problem, random.Random(0))
        letter = lines[0].split()[1]
        assert lines[0] == f'Count {letter} in "{word}":'
        assert "".join(line[0] for line in lines[1:]) == word
        assert int(count) == word.count(letter)


def test_strawberry_is_never_counted_in_training() -> None:
    """The question that everybody asks stays unseen."""
    rng = random.Random(0)
    assert counting.unseen("strawberry")
    assert all(counting.draw_word(rng, 2, ("strawberr",)) != "strawberry" for _ in range(3000))


@pytest.mark.parametrize("row", ANSWERED)
def test_split_is_disjoint_by_parameters(row: str) -> None:
    """No parameters occur on both sides, whatever the wording."""
    seen = {problem.key for problem in sample(row, 400)}
    held = {problem.key for problem in sample(row, 60, held_out=True)}
    assert seen.isdisjoint(held)


@pytest.mark.parametrize("row", list(MIXTURE))
def test_held_out_phrasings_share_no_template_with_seen_ones(row: str) -> None:
    """With numbers and names taken out, held-out questions look like no seen question."""

    def shape(problem: Problem) -> str:
        return re.sub(r"[\d.+*/()×÷x=-]+", "#", problem.question)

    seen = {shape(problem) for problem in sample(row, 300)}
    held = {shape(problem) for problem in sample(row, 100, held_phrasing=True)}
    assert seen.isdisjoint(held)


def test_each_row_has_at_least_eight_seen_and_two_held_out_phrasings() -> None:
    """The promise about phrasings, where templates are countable."""
    assert len(chain_en.OPENINGS) * len(chain_en.QUESTIONS) >= 8
    assert len(counting.SEEN["en"]) >= 8
    assert len(counting.SEEN["zh"]) >= 8
    assert min(len(held) for held in counting.HELD.values()) >= 2


def test_a_slip_is_followed_through() -> None:
    """After a wrong product the rest of the solution uses it."""
    lines, answer = work_out("e=x*p; m-e", {"x": 3, "p": 4, "m": 50}, random.Random(0), Pen(random.Random(0), 0))
    wrong = int(lines[0].split("=")[1])
    assert wrong != 12
    assert answer == str(50 - wrong)


def test_term_text_and_value_agree() -> None:
    """A term's text, evaluated, is its value."""
    term = Term(kind="group", numbers=(3, 9, 4), op="-")
    assert (term.text(), term.value()) == ("3*(9-4)", 15)


def test_committed_heldout_file_is_what_the_recipe_draws() -> None:
    """heldout.jsonl comes from its seed, has at least 500 problems, unique ids and string answers."""
    rows = [json.loads(line) for line in (NANO / "heldout.jsonl").read_text(encoding="utf-8").splitlines()]
    problems = heldout(7)
    assert [(row["question"], row["answer"]) for row in rows] == [(p.question, p.answer) for p in problems]
    assert len({row["id"] for row in rows}) == len(rows) >= 500
    assert all(problem.held_out for problem in problems)
    assert {row["phrasing"] for row in rows} == {"seen", "held-out"}
