"""`marco doctor` as a user meets it."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from commands.program import Marco, Run

from marco_cli.diagnosis.checks import CHECKS
from marco_cli.diagnosis.throughput import Throughput

pytestmark = pytest.mark.weights


def rows(run: Run) -> dict[str, dict[str, Any]]:
    """Return the findings of a `--json` run by name."""
    document = json.loads(run.out)
    assert (document["v"], document["ok"]) == (1, run.code == 0)
    return {row["name"]: row for row in document["findings"]}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the measurement of the machine, which takes a second."""
    measured = Throughput(fastest=1e10, median=1e10)
    monkeypatch.setattr("marco_cli.diagnosis.throughput.measure_throughput", lambda *_: measured)


def test_a_good_installation_passes_every_check_and_asks_nobody(
    marco: Marco, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 0, one finding a check in the order of the table, nothing broken, each problem has a fix; no connection is made."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    run = marco("doctor", "--json", "-m", tiny_gguf)

    found = rows(run)
    assert run.code == 0, run.out
    assert list(found) == [check.name for check in CHECKS]
    assert all(bool(row["fix"]) == (row["status"] != "ok") for row in found.values())
    assert found["self-test"]["figures"]["fork_difference"] <= 1e-4
    assert found["self-test"]["figures"]["decode_8"] > 0
    assert found["chat template"]["figures"]["leaked"] == 0
    assert found["model"]["figures"]["path"] == str(tiny_gguf)


@pytest.mark.usefixtures("quick")
def test_the_text_says_the_same_in_lines(marco: Marco, tiny_gguf: Path) -> None:
    """One line a finding, its fix below it, on stdout; the summary is for the person, on stderr."""
    run = marco("doctor", "-m", tiny_gguf)

    lines = [line for line in run.out.splitlines() if not line.startswith(" ")]
    assert [line[8:23].strip() for line in lines] == [check.name for check in CHECKS]
    assert {line[:8].strip() for line in lines} <= {"ok", "warn"}
    assert run.err.startswith("marco: ")
    assert "\x1b" not in run.out


@pytest.mark.usefixtures("quick")
def test_a_missing_model_is_broken_with_the_command_that_brings_it(marco: Marco) -> None:
    """Exit 3; what needs the model is not run, everything else is."""
    run = marco("doctor", "--json", "-m", "marco-o1")

    found = rows(run)
    assert run.code == 3
    assert (found["model"]["status"], found["model"]["fix"]) == ("broken", "marco models pull marco-o1")
    assert [name for name, row in found.items() if row["status"] == "broken"] == ["model"]
    assert found["self-test"]["what"] == "not checked, because of loading"


@pytest.mark.usefixtures("quick")
def test_a_damaged_model_is_broken_and_says_why(marco: Marco, tiny_gguf: Path, tmp_path: Path) -> None:
    """A file that ends too early is told from a missing one."""
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_gguf.read_bytes()[:-1000])

    run = marco("doctor", "--json", "-m", path)

    assert run.code == 3
    assert rows(run)["model"]["status"] == "broken"


@pytest.mark.usefixtures("quick")
def test_a_wrong_configuration_is_found_and_the_machine_still_examined(marco: Marco, tmp_path: Path) -> None:
    """file:line and the nearest key; doctor is what one runs when nothing else does."""
    (tmp_path / "bad.yaml").write_text("seed: 1\nsead: 2\n", encoding="utf-8")

    run = marco("doctor", "--json", "--config", tmp_path / "bad.yaml")

    found = rows(run)
    assert run.code == 3
    assert f"{tmp_path / 'bad.yaml'}:2: unknown key 'sead'" in found["configuration"]["what"]
    assert found["configuration"]["fix"] == "did you mean seed?"
    assert found["versions"]["status"] == "ok"


@pytest.mark.usefixtures("quick")
def test_tags_that_the_model_does_not_write_are_a_warning(
    marco: Marco, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading replies with the wrong tags hides the output: the preset that fits is named."""
    monkeypatch.setenv("MARCO_TAGS", "marco")

    found = rows(marco("doctor", "--json", "-m", tiny_gguf))

    assert found["chat template"]["status"] == "warn"
    assert found["chat template"]["fix"].startswith("use --preset generic")


@pytest.mark.usefixtures("quick")
def test_an_unusable_template_is_broken(marco: Marco, tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that drops the question cannot be used, and the self-test of the model still runs."""
    monkeypatch.setenv("MARCO_CHAT_TEMPLATE", "{{ 'hello' }}")

    found = rows(marco("doctor", "--json", "-m", tiny_gguf))

    assert found["chat template"]["status"] == "broken"
    assert found["self-test"]["status"] in {"ok", "warn"}
