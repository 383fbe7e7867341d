"""Write docs/help.md and docs/marco.1, the manual page, from what the commands say of themselves.

    python docs/make_help.py            writes both
    python docs/make_help.py --check    ends with 1 if one of them is not what would be written

Both hold every command with its whole help, `--help-all` where there is one. `man docs/marco.1` shows the second.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from marco_cli.commands._help import EXPERT, panels
from marco_cli.commands.app import app
from marco_cli.config.settings import OPTIONS

HERE = Path(__file__).parent
COLUMNS = 80
HEAD = "<!-- Written by docs/make_help.py; edit the commands in marco_cli/commands instead. -->\n\n"
PRIORITY = (
    "A setting is taken from the command line, else from the preset that is named there, else from its environment variable, "
    "else from the configuration file (`marco config path`), else from the preset of the model, else from its default."
)


def commands(command: Any, context: Any) -> Iterator[tuple[Any, Any]]:
    """Yield a command and those below it, each with a context to print help in."""
    yield command, context
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, context_of(below, name, context))


def context_of(command: Any, name: str, parent: Any = None) -> Any:
    """Return a context in which a command prints all of its help, the same on every terminal."""
    context = command.context_class(
        command,
        info_name=name,
        parent=parent,
        terminal_width=COLUMNS,
        max_content_width=COLUMNS,
        help_option_names=["-h", "--help"],
    )
    context.meta[EXPERT] = True
    return context


def everything() -> list[tuple[Any, Any]]:
    """Return every command of the program in the order of `marco --help`."""
    root: Any = typer.main.get_command(app)
    return list(commands(root, context_of(root, "marco")))


def markdown() -> str:
    """Return docs/help.md."""
    pages = everything()
    contents = [f"- [`{context.command_path}`](#{context.command_path.replace(' ', '-')})" for _, context in pages]
    parts = [
        f"{HEAD}# Commands and options",
        "What `--help` says of every command, expert settings included. `man docs/marco.1` shows the same as a manual page.",
        "\n".join([*contents, "- [settings](#settings)"]),
    ]
    for command, context in pages:
        parts.append(f"## {context.command_path}")
        parts.append(f"```text\n{command.get_help(context)}\n```")
    rows = [f"| `{key}` | `{option.variable}` | {_cell(option.about.help)} |" for key, option in OPTIONS.items()]
    parts.append("## settings")
    parts.append(
        f"{PRIORITY} `--set KEY=VALUE` sets any of them for one command, `marco config set KEY VALUE` for good."
    )
    parts.append("\n".join(["| key | variable | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def manual() -> str:
    """Return docs/marco.1, in the macros of man(7)."""
    pages = everything()
    root, _ = pages[0]
    lines = [
        '.\\" Written by docs/make_help.py; edit the commands in marco_cli/commands instead.',
        '.TH MARCO 1 "" "marco" "User Commands"',
        ".SH NAME",
        _roff(f"marco - {root.help[0].lower()}{root.help[1:].rstrip('.')}"),
        ".SH SYNOPSIS",
        ".B marco",
        _roff("[OPTIONS] COMMAND [ARGS]..."),
        ".br",
        ".B marco",
        _roff('"QUESTION"'),
        ".SH COMMANDS",
    ]
    for command, context in pages:
        lines += [f".SS {_roff(context.command_path)}", _roff(" ".join((command.help or "").split()))]
        for heading, rows in panels(command, context).items():
            lines += [".PP", f".I {_roff(heading)}:"]
            for spelling, text in rows:
                lines += [".TP", f".B {_roff(spelling)}", _roff(" ".join(text.split()))]
        if command.epilog:
            lines += [".PP", ".I Examples:", ".PP", ".nf", *map(_roff, command.epilog.strip().splitlines()), ".fi"]
    lines += [".SH SETTINGS", _roff(PRIORITY.replace("`", ""))]
    for key, option in OPTIONS.items():
        lines += [".TP", f".B {_roff(f'{key}, {option.variable}')}", _roff(option.about.help)]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("{", "\\{").replace("<", "\\<")


def _roff(text: str) -> str:
    """Return a line of text that roff takes for nothing else."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...").replace("`", "")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


PAGES = {"help.md": markdown, "marco.1": manual}


def main() -> int:
    """Write the pages, or say which are not what the commands say."""
    stale = [name for name, page in PAGES.items() if not _is_written(HERE / name, page())]
    if "--check" in sys.argv[1:]:
        for name in stale:
            sys.stderr.write(f"docs/{name} is not what the commands say: run docs/make_help.py\n")
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stderr.write(f"wrote docs/{name}\n")
    return 0


def _is_written(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
