from pathlib import Path

import pytest
from small_gguf import write_model

from marco_cli.diagnosis import installation, machine
from marco_cli.diagnosis.case import Case, Terminal
from marco_cli.diagnosis.checks import CHECKS, Check, diagnose
from marco_cli.diagnosis.finding import Finding, broken, ok
from marco_cli.errors import ConfigError, EngineError
from marco_cli.models import store

SCREEN = Terminal(stdout_is_tty=True, stderr_is_tty=True, is_coloured=True, encoding="utf-8", columns=80)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home, which is the environment's."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def case(home: Path, terminal: Terminal = SCREEN, **variables: str) -> Case:
    """Return an installation whose models lie in `home`."""
    environ = {"MARCO_MODELS_DIR": str(home / "models"), "HF_HOME": str(home / "hf"), **variables}
    return Case(flags={}, environ=environ, config=None, terminal=terminal)


def pulled(home: Path, *, size: int = 0) -> Path:
    """Put a model where a pull would, with a record; `size` belies its length."""
    path = home / "models" / "bartowski" / "Marco-o1-GGUF" / "Marco-o1-Q8_0.gguf"
    path.parent.mkdir(parents=True)
    write_model(path)
    record = store.Record(
        repo="bartowski/Marco-o1-GGUF", revision="main", commit="0" * 40, file=path.name,
        size=size or path.stat().st_size, sha256="0" * 64,
    )  # fmt: skip
    store.write_record(path, record)
    return path


def fail(error: Exception, *, name: str = "first", needs: tuple[str, ...] = ()) -> Check:
    """Return a check that ends with an error."""

    def run(_: Case) -> Finding:
        raise error

    return Check(name=name, run=run, needs=needs, fix="mend it")


def test_every_check_builds_on_earlier_ones() -> None:
    """The table runs from top to bottom, so what a check needs has been found out before it."""
    names = [check.name for check in CHECKS]

    assert len(set(names)) == len(names)
    assert all(set(check.needs) <= set(names[:index]) for index, check in enumerate(CHECKS))


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (
            ConfigError("c.yaml:3: unknown key", hint="did you mean seed?"),
            "c.yaml:3: unknown key",
            "did you mean seed?",
        ),
        (EngineError("no model"), "no model", "mend it"),
        (PermissionError(13, "Permission denied", "/models"), "cannot be examined", "mend it"),
    ],
)
def test_an_error_is_a_finding_with_a_fix(home: Path, error: Exception, what: str, fix: str) -> None:
    """What goes wrong in a check is what it found, and the others still run."""
    findings = list(diagnose(case(home), (fail(error), Check(name="other", run=lambda _: ok("other", "fine")))))

    assert [finding.status for finding in findings] == ["broken", "ok"]
    assert what in findings[0].what
    assert findings[0].fix == fix


def test_what_builds_on_something_broken_is_not_run(home: Path) -> None:
    """One cause gives one broken finding; what could not be checked says which cause, all the way down."""
    never = AssertionError("it was run")
    second = fail(never, name="second", needs=("first",))
    third = fail(never, name="third", needs=("second",))
    first = Check(name="first", run=lambda _: broken("first", "gone", fix="bring it"))

    findings = list(diagnose(case(home), (first, second, third)))

    assert [finding.status for finding in findings] == ["broken", "warn", "warn"]
    assert findings[2].what == "not checked, because of second"


def test_an_unknown_variable_is_found(home: Path) -> None:
    """A slip in a MARCO_ variable breaks every command, so it is named with the nearest one."""
    findings = {f.name: f for f in diagnose(case(home, MARCO_SEAD="1")) if f.name == "configuration"}

    assert findings["configuration"].status == "broken"
    assert findings["configuration"].fix == "did you mean MARCO_SEED?"


def test_settings_are_counted_by_where_they_come_from(home: Path) -> None:
    """The finding names the file that was read and how much each place says."""
    (home / "marco").mkdir()
    (home / "marco" / "config.yaml").write_text("seed: 1\ntop_k: 2\n", encoding="utf-8")

    found = dict(installation.configuration(case(home, MARCO_TOP_P="0.5")).figures)

    assert found == {"path": str(home / "marco" / "config.yaml"), "in_file": 2, "in_environment": 1}


def test_a_pulled_model_with_its_record_is_in_order(home: Path) -> None:
    """Size and hash are on record: nothing to repair."""
    pulled(home)

    finding = installation.models(case(home))

    assert finding.status == "ok"
    assert "marco-o1:q8_0" in finding.what


def test_a_truncated_model_is_broken(home: Path) -> None:
    """A file shorter than its record is found without reading it, with the commands that replace it."""
    path = pulled(home, size=12345)

    finding = installation.models(case(home))

    assert finding.status == "broken"
    assert str(path) in finding.what
    assert finding.fix == "marco models rm -y marco-o1:q8_0 && marco models pull marco-o1:q8_0"


def test_a_model_without_a_record_is_a_warning(home: Path) -> None:
    """Nothing vouches for it: a pull would record its hash."""
    store.record_path(pulled(home)).unlink()

    finding = installation.models(case(home))

    assert (finding.status, finding.fix) == ("warn", "marco models pull marco-o1:q8_0")


def test_without_a_model_of_their_own_users_learn_how_to_get_one(home: Path) -> None:
    """The bundled model is for trying; the fix is one command."""
    finding = installation.models(case(home))

    assert (finding.status, finding.fix) == ("warn", "marco models pull marco-o1")


def test_unfinished_transfers_are_named(home: Path) -> None:
    """What an interrupted pull left takes room, and can be continued or dropped."""
    part = home / "models" / store.PARTIAL / "user" / "repo" / "big.gguf.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1000))

    finding = installation.transfers(case(home))

    assert finding.status == "warn"
    assert "user/repo/big.gguf" in finding.what
    assert dict(finding.figures) == {"unfinished": 1, "bytes": 1000}
    assert installation.transfers(case(home / "elsewhere")).status == "ok"


@pytest.mark.parametrize(
    ("terminal", "status"),
    [
        (SCREEN, "ok"),
        (Terminal(stdout_is_tty=True, stderr_is_tty=True, is_coloured=False, encoding="ascii", columns=80), "warn"),
        (Terminal(stdout_is_tty=True, stderr_is_tty=True, is_coloured=False, encoding="UTF8", columns=30), "warn"),
        (Terminal(stdout_is_tty=False, stderr_is_tty=False, is_coloured=False, encoding="utf-8", columns=30), "ok"),
    ],
)
def test_terminals_that_cannot_show_answers_are_a_warning(home: Path, terminal: Terminal, status: str) -> None:
    """An encoding without Chinese, or a screen too narrow for a tree; a pipe has no width that matters."""
    assert machine.terminal(case(home, terminal)).status == status


def test_a_directory_that_cannot_be_written_is_a_warning(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models could not be fetched into it: the fix is another place."""
    monkeypatch.setattr("os.access", lambda *_: False)

    finding = machine.disk(case(home))

    assert finding.status == "warn"
    assert "MARCO_MODELS_DIR" in (finding.fix or "")


def test_a_full_disk_matters_until_the_model_is_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room for Marco-o1 is a warning; once it is installed it is not."""
    usage = type("Usage", (), {"free": 10**9})()
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)

    before = machine.disk(case(home))
    pulled(home)

    assert before.status == "warn"
    assert machine.disk(case(home)).status == "ok"


def test_a_missing_library_is_broken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A llama.cpp that does not load is a finding with the command that installs it again, not a crash."""
    monkeypatch.setitem(__import__("sys").modules, "marco_cli.engine.llama_library", None)

    finding = machine.llama_build(case(home))

    assert (finding.status, finding.fix) == ("broken", machine.REINSTALL)
