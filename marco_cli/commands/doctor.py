"""`marco doctor`: examine the installation, say how to repair it."""

import os
import shutil
import sys
from contextlib import closing

import typer

from marco_cli.commands import _options as opt
from marco_cli.commands._output import say, write, write_rows
from marco_cli.errors import IncompleteError

EXAMPLES = """
marco doctor
marco doctor -m marco-nano
marco doctor --json | jq .ok
"""


@opt.takes_settings("model", "preset", "ctx", "threads", "gpu_layers", "config")
def doctor(*, given: opt.Given, as_json: opt.Json = False) -> None:
    """Examine this installation and test the model; each problem comes with its fix. Nothing uses the network.

    Ends with 3 if something is broken.
    """
    from marco_cli.diagnosis.case import Case, Terminal
    from marco_cli.diagnosis.checks import diagnose
    from marco_cli.jsonl import encode
    from marco_cli.view.findings import finding_row, finding_text
    from marco_cli.view.terminal import wants_colour

    terminal = Terminal(
        stdout_is_tty=sys.stdout.isatty(),
        stderr_is_tty=sys.stderr.isatty(),
        is_coloured=wants_colour(sys.stderr),
        encoding=sys.stdout.encoding,
        columns=shutil.get_terminal_size().columns,
    )
    findings = []
    with closing(
        Case(flags=opt.settings_given(given), environ=os.environ, config=given["config"], terminal=terminal)
    ) as case:
        for finding in diagnose(case):
            findings.append(finding)
            if not as_json:
                write_rows(finding_text(finding))
    num_warnings, num_broken = (sum(found.status == status for found in findings) for status in ("warn", "broken"))
    if as_json:
        write(encode({"v": 1, "findings": [finding_row(finding) for finding in findings], "ok": not num_broken}))
    say(
        f"marco: {num_broken} broken, {num_warnings} to improve" if num_broken or num_warnings else "marco: all is well"
    )
    if num_broken:
        raise typer.Exit(IncompleteError.exit_code)
