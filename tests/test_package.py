import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("llama_cpp", "numpy", "huggingface_hub", "jinja2", "orjson", "rich", "prompt_toolkit")


def python(
    *arguments: str, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run this interpreter in an environment without the checkout on its path."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | (environment or {})
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the build tools that are installed."""
    out = tmp_path_factory.mktemp("dist")
    built = python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT))
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_presets_and_the_model_and_nothing_else(wheel: Path) -> None:
    """Users get the package, its presets and its model; tests, training and benchmarks stay at home."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}

    assert tops == {"marco_cli"}
    assert {f"marco_cli/presets/{preset.name}" for preset in (ROOT / "presets").glob("*.yaml")} <= set(names)
    assert "marco_cli/nano/marco-nano.gguf" in names
    assert "marco_cli/nano/heldout.jsonl" in names
    page = ROOT / "marco_cli/trace/export/html"
    assert {part.relative_to(ROOT).as_posix() for part in page.iterdir()} <= set(names)


@pytest.mark.weights
def test_the_wheel_answers_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Installed from the wheel alone, in another directory, with an empty home, the program answers a question."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    answered = python(
        "-m",
        "marco_cli",
        "ask",
        "What is 12 + 30?",
        "-q",
        cwd=tmp_path,
        environment={"PYTHONPATH": str(site), "HOME": str(tmp_path)},
    )

    assert (answered.returncode, "42" in answered.stdout) == (0, True), answered.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"arguments": "--help"},
        {"arguments": "ask --help"},
        {"_MARCO_COMPLETE": "complete_bash", "COMP_WORDS": "marco as", "COMP_CWORD": "1"},
    ],
)
def test_help_and_completion_load_nothing_heavy(environment: dict[str, str]) -> None:
    """`--help` and the shell's completion answer before any model library is loaded."""
    arguments = environment.get("arguments", "").split()
    code = (
        "import sys; sys.argv = ['marco', *sys.argv[1:]]\n"
        "from marco_cli.commands.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ran = python("-c", code, *arguments, environment=environment)

    assert ran.stdout.strip().endswith("loaded []"), ran.stdout + ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not add up the times of child processes")
def test_help_costs_at_most_three_imports_of_typer() -> None:
    """`marco --help` is as quick as the library that it is made with allows."""

    def seconds(*arguments: str) -> float:
        """Return the processor time of a program, which does not count what others do meanwhile."""
        before = os.times()
        assert python(*arguments).returncode == 0
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    pairs = [(seconds("-m", "marco_cli", "--help"), seconds("-c", "import typer")) for _ in range(5)]
    ratios = sorted(program / library for program, library in pairs)

    assert ratios[len(ratios) // 2] <= 3


def test_the_version_is_the_package_s() -> None:
    """`marco --version` names what is installed."""
    from marco_cli import __version__

    assert python("-m", "marco_cli", "--version").stdout == f"marco {__version__}\n"
