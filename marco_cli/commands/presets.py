"""`marco presets`: list, show, path, validate."""

from typing import TYPE_CHECKING, Annotated

import typer

from marco_cli.commands._completion import complete_presets
from marco_cli.commands._help import Commands
from marco_cli.commands._options import Config, Json
from marco_cli.commands._output import say, write, write_result
from marco_cli.config.home import is_directory
from marco_cli.errors import ConfigError

if TYPE_CHECKING:
    from marco_cli.config.preset import Preset

_EXAMPLES = """
marco presets list
marco presets show marco-o1
marco ask -p translate "…"
"""

app = Commands(epilog=_EXAMPLES, name="presets", help="List, show and check recipes.")

Name = Annotated[
    str | None,
    typer.Argument(metavar="[PRESET]", help="Name of a preset, or path of its file.", autocompletion=complete_presets),
]


@app.command("list")
def list_presets(*, as_json: Json = False) -> None:
    """List the presets that can be used by name, with what they are for."""
    from marco_cli.config.preset import load_preset, preset_names
    from marco_cli.view.presets import preset_table

    presets = []
    for name in preset_names():
        try:
            presets.append(load_preset(name))
        except ConfigError as error:  # one broken file of the user's must not hide the others
            say(f"marco: {error.message}")
    write_result(preset_table(presets), {"presets": [_row(preset) for preset in presets]}, as_json=as_json)


@app.command()
def show(preset: Name = None, *, config: Config = None, as_json: Json = False) -> None:
    """Print every setting under a preset (or as things are) and where its value comes from, and what the efforts are."""
    from marco_cli.commands._resolved import settings_document, settings_in_effect
    from marco_cli.jsonl import encode
    from marco_cli.search.effort import AUTO, AUTO_SEARCH, EFFORTS
    from marco_cli.view.presets import effort_table
    from marco_cli.view.settings import settings_text

    resolved = settings_in_effect({"preset": preset}, config)
    if not as_json:
        table = "\n".join(f"#   {line}" for line in effort_table(EFFORTS, AUTO_SEARCH).splitlines())
        text = f"{settings_text(resolved, with_origin=True)}\n\n# What --effort stands for:\n{table}\n"
        write(text.encode(errors="replace"))
        return
    efforts = {name: effort._asdict() for name, effort in {AUTO: AUTO_SEARCH, **EFFORTS}.items()}
    write(encode({"v": 1, **settings_document(resolved), "efforts": efforts}))


@app.command()
def path(preset: Name = None, *, as_json: Json = False) -> None:
    """Print where a preset's file is; without a name, the directory that your own presets go to."""
    from marco_cli.config.preset import config_directory, load_preset
    from marco_cli.jsonl import encode

    place = config_directory() / "presets" if preset is None else load_preset(preset).path
    write(encode({"v": 1, "path": str(place)}) if as_json else f"{place}\n".encode(errors="surrogateescape"))
    if preset is None and not is_directory(place):
        say("marco: there is no such directory yet; a YAML file in it is a preset by its name")


@app.command()
def validate(
    presets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PRESET]...", help="All of them when none is named.", autocompletion=complete_presets),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Check presets: keys, values, what they extend, and whether what they ask for goes together."""
    from marco_cli.config.preset import preset_names
    from marco_cli.jsonl import encode

    outcomes = [(name, _problem(name)) for name in presets or preset_names()]
    if as_json:
        rows = [{"name": name, "ok": error is None, "error": error and error.message} for name, error in outcomes]
        write(encode({"v": 1, "presets": rows}))
    else:
        write("".join(f"{'ok   ' if error is None else 'WRONG'}  {name}\n" for name, error in outcomes).encode())
    errors = [error for _, error in outcomes if error is not None]
    if errors:
        raise errors[0]


def _problem(name: str) -> ConfigError | None:
    """Return what is wrong with a preset, taken by itself: neither flags nor environment nor configuration count."""
    from marco_cli.config.preset import load_preset
    from marco_cli.config.settings import Settings
    from marco_cli.plan import search_plan

    try:
        settings = Settings(**{entry.key: entry.value for entry in load_preset(name).entries})  # type: ignore[arg-type]
        search_plan(settings)
    except ConfigError as error:
        return error
    return None


def _row(preset: "Preset") -> dict[str, object]:
    return {
        "name": preset.name,
        "description": preset.description,
        "path": str(preset.path),
        "extends": list(preset.extends),
    }
