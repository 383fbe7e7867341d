"""The checks of `marco doctor`, in the order in which they run: a new one is one function and one line here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from marco_cli.diagnosis import installation, machine, model, sandbox, speed
from marco_cli.diagnosis.case import Case
from marco_cli.diagnosis.finding import Finding, broken, warn
from marco_cli.errors import MarcoError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check: what it is called, what it does, which ones it builds on, and the fix when its error brings none."""

    name: str
    run: Callable[[Case], Finding]
    needs: tuple[str, ...] = ()
    fix: str = "set MARCO_LOG=debug and run it again"


CHECKS: Final = (
    Check(name="versions", run=machine.versions),
    Check(name="llama.cpp", run=machine.llama_build),
    Check(name="configuration", run=installation.configuration, fix="marco config edit"),
    Check(name="terminal", run=machine.terminal),
    Check(name="threads", run=machine.threads, needs=("configuration",)),
    Check(name="disk", run=machine.disk, fix="set MARCO_MODELS_DIR to a directory that you can read and write"),
    Check(name="sandbox", run=sandbox.sandbox, fix="set TMPDIR to a directory that you can write"),
    Check(name="models", run=installation.models, fix="check the permissions of the models directory"),
    Check(name="transfers", run=installation.transfers, fix="marco models rm --unfinished"),
    Check(name="model", run=model.chosen_model, needs=("configuration",), fix="marco models verify"),
    Check(name="memory", run=machine.memory, needs=("model",)),
    Check(name="loading", run=model.loading, needs=("llama.cpp", "model"), fix="marco models verify"),
    Check(name="chat template", run=model.chat_template, needs=("loading",), fix="use --chat-template chatml"),
    Check(name="self-test", run=model.self_test, needs=("loading",), fix="marco models verify"),
    Check(name="speed", run=speed.speed, needs=("llama.cpp", "configuration")),
    Check(name="models to try", run=speed.recommended, needs=("speed",)),
)


def diagnose(case: Case, checks: tuple[Check, ...] = CHECKS) -> Iterator[Finding]:
    """Yield one finding a check; what builds on something broken is not run, and says so."""
    blocked: set[str] = set()
    for check in checks:
        cause = next((name for name in check.needs if name in blocked), None)
        if cause is None:
            finding = _run(check, case)
        else:
            finding = warn(check.name, f"not checked, because of {cause}", fix=f"repair {cause} first")
        if cause is not None or finding.status == "broken":
            blocked.add(check.name)
        yield finding


def _run(check: Check, case: Case) -> Finding:
    """Run one check; an error that a user can meet is what it found."""
    try:
        return check.run(case)
    except MarcoError as error:
        return broken(check.name, error.message, fix=error.hint or check.fix)
    except OSError as error:
        return broken(check.name, f"cannot be examined: {error}", fix=check.fix)
