import pytest
from evals.examples import ITEMS, outcome

from marco_cli.engine.base import Usage
from marco_cli.errors import InputError
from marco_cli.evals.forecast import Forecast
from marco_cli.evals.outcome import Outcome, failed
from marco_cli.view.eval_progress import opening_line


def row(variant: str, seconds: float) -> Outcome:
    """Return an answer that took so many seconds of the machine."""
    return outcome(ITEMS[0], ["3"], variant=variant, usage=Usage(decoded=10, model_seconds=seconds))


def test_each_variant_takes_what_its_own_rows_took() -> None:
    """Ten cheap answers and two dear ones are not twelve average ones."""
    forecast = Forecast(["cot"] * 10 + ["mcts"] * 2, [row("cot", 1.0), row("cot", 3.0), row("mcts", 50.0)])

    assert forecast.seconds() == pytest.approx(10 * 2 + 2 * 50)
    forecast.add(row("mcts", 20.0))
    assert forecast.seconds() == pytest.approx(10 * 2 + 1 * 35)


def test_a_busy_machine_makes_the_rest_as_slow_as_what_was() -> None:
    """Four rows of a second each took sixteen, with eight in flight that are half done: the clock goes half as fast."""
    forecast = Forecast(["cot"] * 24, in_flight=8)
    for _ in range(4):
        forecast.add(row("cot", 1.0))

    assert forecast.seconds(elapsed=16.0) == pytest.approx(20 * 2)
    assert forecast.seconds(elapsed=1.0) == pytest.approx(20)


def test_without_a_row_of_every_variant_there_is_no_estimate() -> None:
    """A variant that nothing is known of, or whose rows failed, makes the time unknown, and that is said."""
    forecast = Forecast(["cot", "mcts"], [row("cot", 1.0)])
    assert forecast.seconds() is None
    forecast.add(failed(InputError("no"), item=ITEMS[0], variant="mcts", seed=0))
    assert forecast.seconds() == pytest.approx(1.0)
    assert Forecast(["cot"], [row("cot", 1.0)]).seconds() == pytest.approx(1.0)

    unknown = opening_line(600, 3, 1800, Forecast(["cot"] * 1800))
    assert (
        unknown
        == "600 problems, 3 variants: 1 800 answers to come; how long they take is not known before the first ones"
    )


def test_the_opening_line_says_what_it_goes_by() -> None:
    """A run that is gone on with knows from its rows."""
    forecast = Forecast(["cot"] * 90, [row("cot", 2.0)] * 10)

    assert opening_line(100, 1, 90, forecast).endswith(
        "90 answers to come; about 3 min 0 s to go, by the 10 that are there"
    )
