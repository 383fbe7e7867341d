"""The program: mounts the commands, and turns errors into one line and an exit code."""

import errno
import os
import sys
import traceback
from typing import Annotated

import typer

from marco_cli import __version__
from marco_cli.commands import (
    _exit_signals,
    ask,
    batch,
    chat,
    config,
    doctor,
    evaluate,
    models,
    presets,
    prompt,
    traces,
)
from marco_cli.commands._first_word import FirstWord
from marco_cli.commands._help import Commands
from marco_cli.commands._output import occupy_closed_streams, report, say, write
from marco_cli.errors import EXIT_INTERRUPTED, MarcoError, StorageError

_EXAMPLES = """
marco "How many r's are in strawberry?"
marco ask --effort high "What is 17 * 23 - 4?"
marco chat
marco batch questions.jsonl -o answers.jsonl -m marco-nano
marco models pull marco-o1
"""

app = Commands(
    name="marco",
    cls=FirstWord,
    help="Make a small local model think harder: tree search over its reasoning, offline.",
    epilog=_EXAMPLES,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("ask", epilog=ask.EXAMPLES)(ask.ask)
app.command("chat", epilog=chat.EXAMPLES)(chat.chat)
app.command("batch", epilog=batch.EXAMPLES)(batch.batch)
app.command("prompt", epilog=prompt.EXAMPLES)(prompt.prompt)
app.add_typer(evaluate.app)
app.add_typer(traces.app)
app.add_typer(models.app)
app.add_typer(presets.app)
app.add_typer(config.app)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 (the signature is the library's)
    if wanted:
        write(f"marco {__version__}\n".encode())
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Make a small local model think harder: tree search over its reasoning, offline."""


def main() -> None:
    """Run the command line and exit with the code of `errors`."""
    occupy_closed_streams()
    _exit_signals.install()
    as_json = "--json" in sys.argv[1:]
    try:
        app(prog_name="marco")
    except MarcoError as error:
        sys.exit(report(error, as_json=as_json))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 (the last resort: a bug becomes one line)
        explained = _explained(error)
        if os.environ.get("MARCO_LOG") == "debug":
            traceback.print_exc()
        elif type(explained) is MarcoError:
            say("set MARCO_LOG=debug to see where it happened")
        sys.exit(report(explained, as_json=as_json))


def _explained(error: Exception) -> MarcoError:
    """Return what ended the command: a file that the system refuses is not a bug, whichever file it is."""
    if isinstance(error, OSError) and (error.filename is not None or error.errno == errno.ENOSPC):
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return StorageError(f"{place}{error.strerror}")
    return MarcoError(f"internal error: {type(error).__name__}: {error}")
