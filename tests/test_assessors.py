"""Models beside the one that answers."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marco_cli.assessors import Assessors, located, named, open_assessors
from marco_cli.config.settings import Settings
from marco_cli.engine.head import Head, Layer, head_path, write_head
from marco_cli.engine.scripted import scripted_engine
from marco_cli.errors import ConfigError, ModelNotFoundError
from marco_cli.models import LocatedModel, locate
from marco_cli.plan import search_plan
from marco_cli.solver import Solver

NANO = locate("marco-nano", {})


def opened(settings: Settings, heads: list[Head | None] | None = None) -> tuple[Assessors, list[LocatedModel]]:
    """Open what settings name on scripted engines; return what was opened, and with which heads."""
    loaded: list[LocatedModel] = []
    heads = [] if heads is None else heads

    def load(model: LocatedModel, head: Head | None) -> object:
        loaded.append(model)
        heads.append(head)
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


@pytest.fixture
def headed(tmp_path: Path) -> Path:
    """Return a model with a head beside it."""
    model = tmp_path / "prm.gguf"
    model.write_bytes(NANO.path.read_bytes())
    layer = Layer(weight=np.ones((1, 4), dtype=np.float32), bias=np.zeros(1, dtype=np.float32))
    write_head(Head(layers=(layer,)), head_path(model))
    return model


@pytest.mark.parametrize(("words", "has_head"), [("", True), (":skywork:min", True), (":yes-no", False)])
def test_a_head_beside_a_model_is_used_unless_the_format_is_of_words(headed: Path, words: str, has_head: bool) -> None:
    """It is one of the files that a run depends on, so that rows of two heads do not mix."""
    settings, heads = Settings(prm=f"{headed}{words}"), list[Head | None]()
    found, loaded = opened(settings, heads)

    assert [model.path for model in loaded] == [headed]
    assert [head is not None for head in heads] == [has_head]
    assert found.scorer is not None
    assert ("prm_head" in located(settings, {})) == has_head


def test_a_model_with_a_head_is_opened_for_words_besides(headed: Path) -> None:
    """A judge wants the vocabulary that the head has replaced."""
    heads: list[Head | None] = []
    found, _ = opened(Settings(prm=str(headed), judge=str(headed)), heads)

    assert [head is not None for head in heads] == [True, False]
    assert len(found.engines) == 2


@pytest.mark.parametrize("words", [":qwen-math-prm", ":skywork"])
def test_a_format_without_its_head_is_told_before_any_model_is_loaded(words: str) -> None:
    """Which file is missing, and what makes it."""
    with pytest.raises(ModelNotFoundError, match=r"reads marco-nano\.head\.npz beside it") as caught:
        located(Settings(prm=f"marco-nano{words}"), {})

    assert "marco models head" in (caught.value.hint or "")


def test_a_model_that_is_named_like_one_with_a_head_is_not_asked_in_words(tmp_path: Path) -> None:
    """Its words mean nothing."""
    model = tmp_path / "Qwen2.5-Math-PRM-7B.gguf"
    model.write_bytes(NANO.path.read_bytes())

    with pytest.raises(ModelNotFoundError, match="has no head"):
        located(Settings(prm=str(model)), {})


def test_the_model_that_answers_has_no_head() -> None:
    """Its hidden states are not at hand."""
    with pytest.raises(ConfigError, match="reads a head"):
        opened(Settings(prm="self:skywork"))


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
        found = open_assessors(base, {}, engine, lambda *_: engine)
        solver = Solver(engine=engine, plan=search_plan(base), model=NANO, assessors=found)
        assert solver.assessors_for(search_plan(base)).scorer is found.scorer
        assert solver.assessors_for(search_plan(Settings())).scorer is None
        with pytest.raises(ConfigError, match="prm is other here"):
            solver.assessors_for(search_plan(Settings(prm="other")))
        await solver.close()

    asyncio.run(work())
