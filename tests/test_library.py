"""What programs may import, and that the page about it is true."""

import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from search.scripts import grown_script
from traced import scripted_solver

import marco_cli
from marco_cli import SearchConfig, equal, extract, solve
from marco_cli.errors import ConfigError
from marco_cli.library import OpenSolver
from marco_cli.search.events import SearchEvent

PAGE = Path(__file__).parents[1] / "docs/library.md"
HEAVY = ("numpy", "jinja2", "orjson", "rich", "typer", "llama_cpp", "marco_cli.search", "marco_cli.engine")


def test_the_names_that_programs_may_import() -> None:
    """These and no others, each there, documented, and listed on the page."""
    assert set(marco_cli.__all__) == {
        "SearchConfig", "SearchResult", "Trace", "equal", "extract", "open_solver", "solve",
    }  # fmt: skip
    assert {*marco_cli.__all__, "__version__"} == set(dir(marco_cli))
    for name in marco_cli.__all__:
        assert inspect.getdoc(getattr(marco_cli, name))
        assert re.search(rf"^\| `{name}\b", PAGE.read_text(encoding="utf-8"), re.MULTILINE), name
    with pytest.raises(AttributeError, match="no attribute 'Solver'"):
        marco_cli.Solver  # noqa: B018 (that it is not there is what is tried)


def test_importing_the_package_imports_nothing_else() -> None:
    """`import marco_cli` is as quick as Python itself; a name loads what it needs."""
    code = f"import sys, marco_cli; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"


@pytest.fixture
def solver() -> OpenSolver:
    """Return an open solver whose model speaks by a script."""
    return OpenSolver(scripted_solver(grown_script(5), strategy="mcts", simulations=6, parallel=1))


def test_a_question_is_answered_in_a_notebook_too(solver: OpenSolver) -> None:
    """A solver answers one question after the other, also where an event loop runs; the same seed gives the same search."""

    async def cell() -> str:
        return solve("2+2?", solver=solver).reply.output

    with solver:
        first = solve("2+2?", solver=solver)
        assert asyncio.run(cell()) == first.reply.output
    solver.close()

    assert first.num_simulations == solver.config.simulations == 6
    answer = extract(first.reply.output)
    assert first.answer is not None
    assert answer is not None
    assert equal(first.answer, answer)


def test_a_configuration_takes_the_place_of_the_settings(solver: OpenSolver) -> None:
    """It says how to search, the trace says so too, and events are heard."""
    heard: list[SearchEvent] = []
    config = SearchConfig(strategy="vote", simulations=3, seed=5)
    with solver:
        result = solver.solve("2+2?", config=config, on_event=heard.append)
        trace = solver.trace("2+2?", result, config=config)

    assert (result.strategy, len(result.candidates)) == ("vote", 3)
    assert (trace.config, trace.question) == (config, "2+2?")
    assert heard


def test_settings_beside_an_open_solver_are_refused(solver: OpenSolver) -> None:
    """They could not take effect, and are not passed over in silence; nor is a setting that does not exist."""
    with solver, pytest.raises(TypeError, match="temperature: the solver is open already"):
        solve("2+2?", solver=solver, temperature=0.5)
    with pytest.raises(ConfigError, match="temprature"):
        solve("2+2?", model="marco-nano", temprature=0.5)


@pytest.mark.weights
@pytest.mark.skipif(not PAGE.exists(), reason="the page is not part of a source distribution")
def test_the_examples_of_the_page_run(tmp_path: Path) -> None:
    """Each block is a program of its own that ends well."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        file = tmp_path / f"example{number}.py"
        file.write_text(block, encoding="utf-8")
        ran = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout
