import pytest
from tables import table

from marco_cli.config.settings import Settings
from marco_cli.errors import ConfigError
from marco_cli.evals.variant import parse_variants


def test_a_name_a_budget_and_settings_make_a_variant() -> None:
    """`mcts-paper@8+step=mini32` is the paper's search with 8 simulations of 32-token steps."""
    (variant,) = parse_variants(["mcts-paper@8+step=mini32"], Settings())
    config, is_routed = variant.plan.config, variant.plan.is_routed

    assert (config.strategy, config.simulations, config.step, is_routed) == ("mcts-paper", 8, "mini32", False)
    assert variant.label == "mcts-paper@8+step=mini32"


def test_efforts_are_variants_too() -> None:
    """`auto` answers at once and searches on when in doubt; `high` is its bundle."""
    auto, high = parse_variants(["auto", "high"], Settings(strategy="cot"))

    assert auto.plan.is_routed
    assert high.plan.config.simulations == 32


def test_without_a_choice_three_strategies_are_compared() -> None:
    """One chain, a vote and a search; a strategy from a preset or the environment counts as a choice."""
    assert [each.label for each in parse_variants([], Settings())] == ["cot", "vote", "mcts"]
    assert [each.label for each in parse_variants([], Settings(strategy="beam"))] == ["beam"]


def test_a_greedy_chain_has_one_seed() -> None:
    """What has nothing to draw is not run thrice; a sampled chain is, each time with another seed."""
    greedy, vote = parse_variants(["cot", "vote"], Settings(seed=5), num_seeds=3)
    (sampled,) = parse_variants(["cot"], Settings(temperature=0.8), num_seeds=3)

    assert (greedy.num_seeds, vote.num_seeds, sampled.num_seeds) == (1, 3, 3)
    assert [vote.seeded(n).config.seed for n in range(3)] == [5, 6, 7]


@table(
    [
        ("mtcs", "'mtcs' is neither a strategy", "did you mean mcts?"),
        ("mcts@many", "many", None),
        ("mcts@0", "0", None),
        ("mcts+stepp=line", "'stepp' is not a setting", "did you mean step?"),
        ("mcts+model=other", "'model' is not a setting", None),
        ("mcts+line", "'line' is not a setting=value", "mcts@16+step=mini32"),
        ("mcts+step=word", "word", None),
    ]
)
def test_a_slip_costs_one_line(text: str, message: str, hint: str | None) -> None:
    """The message quotes what was typed, the hint names what is near."""
    with pytest.raises(ConfigError) as caught:
        parse_variants([text], Settings())

    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_the_same_variant_twice_is_refused() -> None:
    """Rows of two equal labels could not be told apart."""
    with pytest.raises(ConfigError, match="twice"):
        parse_variants(["cot", "cot"], Settings())
