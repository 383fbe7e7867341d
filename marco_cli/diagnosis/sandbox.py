"""Check of what checks of answers run in."""

import asyncio
import os

from marco_cli.check.jail import python_jail
from marco_cli.check.limits import Limits
from marco_cli.check.sandbox import run
from marco_cli.diagnosis.case import Case
from marco_cli.diagnosis.finding import Finding, broken, ok, warn
from marco_cli.diagnosis.machine import version_of

_MEANS = {
    "bubblewrap": "bubblewrap",
    "landlock": "Landlock, seccomp and namespaces",
    "sandbox-exec": "sandbox-exec",
    "limits": "limits of time and memory alone",
}
_CODE = 7


def sandbox(_: Case) -> Finding:
    """Check that `--check` can run something, and how far it is shut in."""
    if os.name != "posix":
        return warn("sandbox", "--check command: and python3: need Linux or macOS", fix="use --check python:")
    jail = python_jail()
    outcome = asyncio.run(
        run(["/bin/sh", "-c", f"exit {_CODE}"], data=b"", limits=Limits(seconds=30), jail=jail, files={})
    )
    monty = version_of("pydantic-monty")
    interpreter = f"python: by pydantic-monty {monty}" if monty else "python: needs pip install pydantic-monty"
    what = f"checks run in {_MEANS[jail.means]}; {interpreter}"
    if outcome.code != _CODE:
        return broken(
            "sandbox",
            f"nothing can be started in {_MEANS[jail.means]}",
            fix="--check python: and math: work all the same",
            means=jail.means,
        )
    if not jail.is_closed:
        return warn(
            "sandbox", f"{what}; files and network are open to them", fix="install bubblewrap", means=jail.means
        )
    return ok("sandbox", what, means=jail.means, monty=monty)
