import asyncio
from pathlib import Path

import pytest

from marco_cli.conversation.setup import Setup, serves, switched
from marco_cli.errors import ConfigError, EngineError, EngineLostError, MarcoError, ModelNotFoundError
from marco_cli.plan import search_plan
from marco_cli.solver import Solver, open_solver

pytestmark = pytest.mark.weights


@pytest.fixture
def setup(nano_gguf: Path, tmp_path: Path) -> Setup:
    """Return the setup of an empty home, in which the bundled model answers."""
    return Setup(flags={}, environ={"HOME": str(tmp_path), "MARCO_MODELS_DIR": str(tmp_path)})


def opened(setup: Setup) -> Solver:
    """Open what a setup names."""
    return open_solver(*setup.resolve(), setup.environ)


@pytest.mark.parametrize(
    ("key", "value", "is_kept"),
    [
        ("effort", "high", True),
        ("system", "Be brief.", True),
        ("preset", "generic", True),
        ("parallel", 16, True),
        ("parallel", 17, False),
        ("ctx", 512, False),
    ],
)
def test_only_what_the_engine_was_opened_with_loads_anew(setup: Setup, key: str, value: object, is_kept: bool) -> None:
    """A change that the open engine can serve keeps it, with its KV memory; any other opens a new one."""

    async def work() -> None:
        before = opened(setup)
        changed = setup.changed(key, value)
        settings, model = changed.resolve()
        after, plan = await switched(before, changed)

        assert serves(before, search_plan(settings), model) is is_kept
        assert (after.engine is before.engine) is is_kept
        assert not isinstance(plan, MarcoError)
        assert getattr(plan.settings, key) == value
        await after.close()

    asyncio.run(work())


def test_a_setting_can_be_taken_back(setup: Setup) -> None:
    """None is what the other layers say."""
    assert setup.changed("effort", "high").changed("effort", None).resolve() == setup.resolve()


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [("effort", "hihg", ConfigError), ("model", "no-such-model", ModelNotFoundError), ("preset", "nope", ConfigError)],
)
def test_what_cannot_be_had_changes_nothing(
    setup: Setup, key: str, value: object, error: type[ConfigError | ModelNotFoundError]
) -> None:
    """A wrong value or a missing model is found before anything is closed."""

    async def work() -> None:
        solver = opened(setup)
        with pytest.raises(error):
            await switched(solver, setup.changed(key, value))

        assert solver.engine.tokenize("still open")
        await solver.close()

    asyncio.run(work())


def test_a_model_that_does_not_load_leaves_the_one_before(setup: Setup, tmp_path: Path, tiny_gguf: Path) -> None:
    """When the new model turns out to be damaged, the old one is loaded again, and the error says what was wrong."""
    half = tmp_path / "half.gguf"
    half.write_bytes(tiny_gguf.read_bytes()[: tiny_gguf.stat().st_size // 2])

    async def work() -> None:
        solver, failure = await switched(opened(setup), setup.changed("model", str(half)).changed("preset", "generic"))

        assert isinstance(failure, EngineError)
        assert solver.model.name == "marco-nano"
        assert solver.engine.tokenize("open again")
        await solver.close()

    asyncio.run(work())


def test_when_neither_model_loads_there_is_nothing_to_go_on_with(
    setup: Setup, tmp_path: Path, tiny_gguf: Path, nano_gguf: Path
) -> None:
    """The error is one of its own, which ends a conversation, and says why either model did not load."""
    half, mine = tmp_path / "half.gguf", tmp_path / "mine.gguf"
    half.write_bytes(tiny_gguf.read_bytes()[: tiny_gguf.stat().st_size // 2])
    mine.write_bytes(nano_gguf.read_bytes())
    own = setup.changed("model", str(mine)).changed("preset", "generic")

    async def work() -> None:
        solver = opened(own)
        mine.write_bytes(b"GGUF")
        with pytest.raises(EngineLostError, match="mine does not load again"):
            await switched(solver, own.changed("model", str(half)))

    asyncio.run(work())
