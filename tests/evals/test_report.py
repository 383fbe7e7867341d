import json
import random
from dataclasses import replace

import pytest
from evals.examples import ITEMS, outcome
from tables import table

from marco_cli import jsonl
from marco_cli.errors import InputError
from marco_cli.evals.base import Item
from marco_cli.evals.comparison import compare_rows, verdict
from marco_cli.evals.intervals import Estimate, Pairing
from marco_cli.evals.outcome import Failure, Outcome
from marco_cli.evals.paper import MGSM, standard_error
from marco_cli.evals.report import About, Report, build_report
from marco_cli.view.eval_summary import summary_document

ABOUT = About(dataset="sums", source="test", model="scripted", price_per_hour=2.0, precision=0.9)


def report(*rows: Outcome, about: About = ABOUT) -> Report:
    """Return the report on some rows."""
    return build_report(rows, about)


def test_right_wrong_silent_and_forced_are_told_apart() -> None:
    """Accuracy is over all that was asked; silence and force have their own figures; failed rows are in none."""
    rows = [
        outcome(ITEMS[0], ["3"]),
        outcome(ITEMS[1], ["5"]),
        outcome(ITEMS[2], ["no idea at all, sorry, I am only a small model and cannot say anything about numbers of that kind"]),
        outcome(ITEMS[3], ["6"], is_forced=True),
        outcome(ITEMS[4], [], error=Failure(type="context_overflow", message="too long")),
    ]  # fmt: skip
    (variant,) = report(*rows).variants

    assert (variant.num_right, variant.num_wrong, variant.num_no_answer) == (2, 1, 1)
    assert (variant.num_forced, variant.num_errors, variant.num_items) == (1, 1, 4)
    assert variant.accuracy.value == 0.5
    assert "1 rows failed" in report(*rows).notices[0]


def test_costs_are_per_right_answer_of_all_that_was_spent() -> None:
    """Four rows of 10 tokens and half a second, two right: 20 tokens and one second each, at 2 an hour 2/3600."""
    rows = [outcome(item, ["3"] if n < 2 else ["99"]) for n, item in enumerate(ITEMS[:4])]
    rows[1] = outcome(ITEMS[1], ["4"])
    (variant,) = report(*rows).variants

    assert variant.num_right == 2
    assert variant.cost.tokens_per_right == 20
    assert variant.cost.seconds_per_right == 1
    assert variant.cost.price_per_right == pytest.approx(2 / 3600)


def test_nothing_right_has_no_price() -> None:
    """Division by nothing gives no figure instead of an infinite one."""
    cost = report(outcome(ITEMS[0], ["9"])).variants[0].cost

    assert (cost.tokens_per_right, cost.seconds_per_right, cost.price_per_right) == (None, None, None)


def test_seeds_are_averaged_per_item() -> None:
    """Two seeds of one item are one item of value 0.5, not two items."""
    rows = [outcome(ITEMS[0], ["3"], seed=0), outcome(ITEMS[0], ["9"], seed=1)]
    (variant,) = report(*rows).variants

    assert (variant.accuracy.value, variant.accuracy.num, variant.seeds) == (0.5, 1, (0, 1))


def test_guesses_of_all_seeds_make_one_pool() -> None:
    """Samples of two seeds are four independent guesses; Test@k is the unbiased estimate over them."""
    rows = [outcome(ITEMS[0], ["3", "9"], seed=0), outcome(ITEMS[0], ["9", "9"], seed=1)]
    (variant,) = report(*rows).variants

    assert variant.is_independent
    assert {at.k: at.solved for at in variant.at} == {1: 0.25, 2: 0.5, 4: 1.0}


@pytest.mark.parametrize(
    ("outputs", "reflects", "num_silent", "solved"),
    [
        (["3", "3", "3", "3"], {1: 0, 3: 2}, 0, {1: 1.0, 2: 1.0}),
        (["3", "9", "9"], {1: 0}, 1, {1: 1 / 3, 2: 2 / 3}),
        (["3", "9", "3"], {1: 0, 2: 1}, 0, {1: 1.0}),
        (["3"], {}, 1, {1: 0.5, 2: 1.0}),
    ],
)
def test_a_reflection_is_no_guess_of_its_own(
    outputs: list[str], reflects: dict[int, int], num_silent: int, solved: dict[int, float]
) -> None:
    """It takes a simulation and is neither a further guess nor a silent one; a reply without an output is a wrong guess."""
    row = outcome(ITEMS[0], outputs, reflects=reflects, num_simulations=len(outputs) + num_silent)
    found = report(row).variants[0].at

    assert {at.k: at.solved for at in found} == pytest.approx(solved)
    assert found[0].maj == pytest.approx(found[0].solved)


def test_a_k_that_not_every_item_has_is_left_out() -> None:
    """Where one vote stopped early, larger k have no figure rather than a flattering one."""
    rows = [outcome(ITEMS[0], ["3", "3"]), outcome(ITEMS[1], ["4", "4", "4", "4"])]

    assert [at.k for at in report(*rows).variants[0].at] == [1, 2]


def test_reflections_are_counted_by_what_they_changed() -> None:
    """Wrong to right and right to wrong, and what stayed."""
    row = outcome(ITEMS[0], ["9", "3", "3", "9", "3", "3"], reflects={1: 0, 3: 2, 5: 4})
    flips = report(row).variants[0].reflections

    assert (flips.gained, flips.lost, flips.kept_right, flips.kept_wrong) == (1, 1, 1, 0)


def test_the_searches_of_auto_are_counted() -> None:
    """How often the first chain was doubted, and what the search made of it."""
    wrong = outcome(ITEMS[0], ["9"]).score
    rows = [outcome(ITEMS[0], ["3"], first=wrong), outcome(ITEMS[1], ["4"], strategy="cot")]
    variant = report(*rows).variants[0]

    assert variant.num_searched == 1
    assert variant.searches.gained == 1


def test_signals_that_know_are_told_from_those_that_do_not() -> None:
    """A confidence that is higher for every right answer has AUROC 1, and its threshold keeps exactly those."""
    rows = [
        outcome(item, [item.target if n < 4 else "99"], confidences=(0.9 - n / 20,)) for n, item in enumerate(ITEMS)
    ]
    signals = {signal.name: signal for signal in report(*rows).variants[0].signals}
    confidence = signals["confidence"]

    assert confidence.auroc == 1.0
    assert confidence.threshold is not None
    assert (confidence.threshold.precision, confidence.threshold.coverage) == (1.0, 0.5)
    assert "answer margin" not in signals  # the same everywhere: it says nothing


def test_the_most_instructive_failures_come_from_every_kind() -> None:
    """Found but not chosen, sure and wrong, spoilt by reflection, silent: each at most once an item, ten in all."""
    missed = outcome(ITEMS[0], ["9", "3", "3"], confidences=(0.99, 0.5, 0.5))
    sure = outcome(ITEMS[1], ["9"], confidences=(0.999,))
    spoilt = outcome(ITEMS[2], ["5", "99"], confidences=(0.5, 0.9), reflects={1: 0})
    silent = outcome(ITEMS[3], [])
    kinds = [failure.kind for failure in report(missed, sure, spoilt, silent).failures]

    assert set(kinds) == {"found, not chosen", "sure and wrong", "spoilt by reflection", "no answer"}
    many = [outcome(replace(ITEMS[0], id=str(n)), ["9"]) for n in range(30)]
    assert len(report(*many).failures) == 10


def test_the_order_of_rows_changes_nothing() -> None:
    """A resumed run writes its rows in another order and comes to the same figures."""
    rows = [
        outcome(item, [item.target if n % 3 else "99", "7", item.target], variant=label, seed=seed)
        for n, item in enumerate(ITEMS)
        for label in ("cot", "vote")
        for seed in (0, 1)
    ]
    about = replace(ABOUT, labels=("cot", "vote"))
    shuffled = random.Random(1).sample(rows, len(rows))

    assert jsonl.encode(summary_document(report(*rows, about=about))) == jsonl.encode(
        summary_document(report(*shuffled, about=about))
    )


def test_the_summary_is_one_json_object() -> None:
    """Every figure, finite or null; failures by their names."""
    document = json.loads(jsonl.encode(summary_document(report(*(outcome(item, ["3"]) for item in ITEMS)))))

    assert document["v"] == 1
    assert document["variants"][0]["accuracy"]["value"] == 0.125
    assert document["failures"][0].keys() == {"kind", "item", "variant", "seed"}


def test_answers_that_a_clock_ended_are_told() -> None:
    """A time limit makes figures depend on the machine and its load: the report says for how many."""
    rows = [outcome(ITEMS[0], ["3"], stop_reason="time"), outcome(ITEMS[1], ["4"])]

    assert "1 of the answers ended at a time limit" in report(*rows).notices[0]
    assert report(rows[1]).notices == ()


def test_languages_and_kinds_have_their_own_figures() -> None:
    """Groups appear when there are at least two."""
    variant = report(*(outcome(item, [item.target]) for item in ITEMS)).variants[0]

    assert [group.name for group in variant.by_lang] == ["en", "zh"]
    assert variant.by_group == ()


def test_the_papers_table_belongs_to_mgsm() -> None:
    """Its figures stand beside measured ones of the same language only; errors are those of 250 problems."""
    item = Item(id="mgsm-en-001", question="?", target="3", scorer="number", lang="en")
    found = report(outcome(item, ["3"]), about=replace(ABOUT, dataset="mgsm"))

    assert {row.lang for row in found.paper} == {"en"}
    assert len(found.paper) == 5
    assert len(MGSM) == 10
    assert standard_error(90.4) == pytest.approx(1.863, abs=0.001)
    assert report(outcome(item, ["3"])).paper == ()


def pairing(value: float, low: float, high: float, sign_p_value: float) -> Pairing:
    """Return a difference with an interval."""
    difference = Estimate(value=value, low=low, high=high, num=50)
    return Pairing(difference=difference, gained=5, lost=2, p_value=0.3, sign_p_value=sign_p_value)


@table(
    [
        ((0.1, 0.02, 0.18, 0.05), 8.0, "mcts is better than cot: +10.0 points [+2.0, +18.0] at 8.0 times the tokens"),
        (
            (-0.1, -0.18, -0.02, 0.01),
            8.0,
            "mcts is worse than cot: -10.0 points [-18.0, -2.0] at 8.0 times the tokens; the extra work did not pay",
        ),
        (
            (0.02, -0.04, 0.08, 0.6),
            8.0,
            "no difference shown between mcts and cot: +2.0 points [-4.0, +8.0] at 8.0 times the tokens; the extra work is not shown to pay",
        ),
        (
            (0.02, -0.04, 0.08, 0.01),
            0.5,
            "no difference shown between mcts and cot: +2.0 points [-4.0, +8.0] at 0.5 times the tokens",
        ),
        (
            (0.1, 0.02, 0.18, 0.125),
            0.5,
            "no difference shown between mcts and cot: +10.0 points [+2.0, +18.0] (sign test: p = 0.125) at 0.5 times the tokens",
        ),
        (
            (-0.1, -0.18, -0.02, 0.125),
            8.0,
            "no difference shown between mcts and cot: -10.0 points [-18.0, -2.0] (sign test: p = 0.125) at 8.0 times the tokens; the extra work is not shown to pay",
        ),
    ]
)
def test_the_verdict_is_plain(difference: tuple[float, float, float, float], ratio: float, words: str) -> None:
    """Better, worse or not to be told, with the price, also when search did not pay; why, where the tests disagree."""
    assert verdict("cot", "mcts", pairing(*difference), ratio) == words


@pytest.mark.parametrize("num_seeds", [1, 2])
@pytest.mark.parametrize(("gained", "lost"), [(4, 0), (5, 0), (6, 0), (0, 4), (0, 6), (9, 2), (12, 2)])
def test_the_verdict_is_that_of_the_exact_test_too(gained: int, lost: int, num_seeds: int) -> None:
    """Of 60 problems few differ: what the exact test of the same report leaves open is never called better or worse."""
    items = [replace(ITEMS[0], id=str(number)) for number in range(60)]
    rows = [
        outcome(item, ["3" if is_right else "9"], variant=label, seed=seed)
        for number, item in enumerate(items)
        for label, is_right in (("cot", number < lost), ("vote", lost <= number < lost + gained))
        for seed in range(num_seeds)
    ]
    (comparison,) = report(*rows, about=replace(ABOUT, labels=("cot", "vote"))).comparisons
    word = "no difference" if comparison.pairing.p_value > 0.05 else "better" if gained > lost else "worse"

    assert comparison.pairing.difference.low > 0 or comparison.pairing.difference.high < 0
    assert word in comparison.verdict


def test_only_the_same_questions_are_compared() -> None:
    """Ids that stand for different questions in two runs are refused."""
    other = replace(ITEMS[0], question="something else")

    with pytest.raises(InputError, match="different questions"):
        compare_rows({"a": [outcome(ITEMS[0], ["3"])], "b": [outcome(other, ["3"])]})
    assert compare_rows({"a": [outcome(ITEMS[0], ["3"])], "b": [outcome(ITEMS[1], ["4"])]}) == ()
