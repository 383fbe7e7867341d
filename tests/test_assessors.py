"""Models beside the one that answers."""

import asyncio
from dataclasses import replace

import pytest

from marco_cli.assessors import Assessors, located, named, open_assessors
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import scripted_engine
from marco_cli.errors import ConfigError, ModelNotFoundError
from marco_cli.models import LocatedModel, locate
from marco_cli.plan import search_plan
from marco_cli.solver import Solver

NANO = locate("marco-nano", {})


def opened(settings: Settings) -> tuple[Assessors, list[LocatedModel]]:
    """Open what settings name on scripted engines; return what was opened."""
    loaded: list[LocatedModel] = []

    def load(model: LocatedModel) -> object:
        loaded.append(model)
        return scripted_engine(lambda _: {})

    own = scripted_engine(lambda _: {})
    return open_assessors(settings, located(settings, {}), own, load), loaded  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "num_loaded", "has_scorer", "has_judge"),
    [
        ({}, 0, False, False),
        ({"prm": "self:yes-no"}, 0, True, False),
        ({"judge": "self"}, 0, False, True),
        ({"prm": "marco-nano:math-shepherd:min"}, 1, True, False),
        ({"prm": "marco-nano", "judge": "marco-nano:pointwise"}, 1, True, True),
    ],
)
def test_each_other_model_is_opened_once(
    settings: dict[str, str], num_loaded: int, has_scorer: bool, has_judge: bool
) -> None:
    """`self` opens nothing, and a model that is both opens one engine."""
    found, loaded = opened(Settings(**settings))  # type: ignore[arg-type]

    assert [model.path for model in loaded] == [NANO.path] * num_loaded
    assert len(found.engines) == num_loaded
    assert (found.scorer is not None, found.judge is not None) == (has_scorer, has_judge)


@pytest.mark.parametrize(("key", "spec"), [("prm", "gone:min"), ("judge", "gone:pairwise")])
def test_a_model_that_is_not_here_is_told_before_any_is_loaded(key: str, spec: str) -> None:
    """By its name without the words behind it."""
    with pytest.raises(ModelNotFoundError, match="gone"):
        located(replace(Settings(), **{key: spec}), {})  # type: ignore[arg-type]


def test_a_judge_has_no_format() -> None:
    """A word that the other setting takes is a slip here."""
    with pytest.raises(ConfigError, match="yes-no"):
        located(Settings(judge="marco-nano:yes-no"), {})


def test_a_process_model_is_the_reward_and_the_vote() -> None:
    """Unless others are chosen."""
    default = search_plan(Settings(prm="self")).config
    chosen = search_plan(Settings(prm="self", reward="checked", vote="majority")).config

    assert (default.reward_name, default.vote_name) == ("process", "process")
    assert (chosen.reward_name, chosen.vote_name) == ("checked", "majority")
    assert named(Settings(), "prm") is None


def test_a_plan_with_another_process_model_is_refused() -> None:
    """A row's preset cannot open a model; without one it is searched without."""

    async def work() -> None:
        base, engine = Settings(prm="self"), scripted_engine(lambda _: {})
        found = open_assessors(base, {}, engine, lambda _: engine)
        solver = Solver(engine=engine, plan=search_plan(base), model=NANO, assessors=found)
        assert solver.assessors_for(search_plan(base)).scorer is found.scorer
        assert solver.assessors_for(search_plan(Settings())).scorer is None
        with pytest.raises(ConfigError, match="prm is other here"):
            solver.assessors_for(search_plan(Settings(prm="other")))
        await solver.close()

    asyncio.run(work())
