"""Which model answers when none is named, and which preset goes with a model.

In: the name that the settings hold. Out: a located model, and the name of a preset. Only catalogue and GGUF headers are
read, so a command that only shows settings loads no engine.
"""

from collections.abc import Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Final

from marco_cli.models.catalog import entries
from marco_cli.models.gguf_header import read as read_header
from marco_cli.models.library import LocatedModel, find_installed, locate
from marco_cli.prompt.turn import render_turn
from marco_cli.sections import TAG_STYLES, Tags
from marco_cli.sections.opening import prompted, written

DEFAULT_MODEL: Final = "marco-o1"
BUNDLED_MODEL: Final = "marco-nano"
BUNDLED_NOTICE: Final = (
    "this is marco-nano, the bundled demo model; `marco models pull marco-o1` fetches the real one (about 4.7 GB)"
)
"""Said where the bundled model was not chosen. 7.6 billion weights at the 4.9 bits of Q4_K_M; `pull` tells the hub's own figure
before it fetches anything."""

_PRESETS: Final[Mapping[str, str]] = MappingProxyType(
    {"marco": "marco-o1"} | {name: name for name in TAG_STYLES if name not in ("marco", "none")}
)
"""Format → the preset of the models that have it."""


def choose_model(spec: str | None, environ: Mapping[str, str]) -> LocatedModel:
    """Return the named model; without a name Marco-o1 if it is installed, else the bundled marco-nano.

    Raises:
        ModelNotFoundError: the named model is not on this machine.
    """
    if spec is not None:
        return locate(spec, environ)
    return find_installed(DEFAULT_MODEL, environ) or locate(BUNDLED_MODEL, environ)


def implied_preset(model: LocatedModel) -> str:
    """Return the preset that goes with a model: the catalogue's, also under another file name, else that of its format.

    The format is read off what its template writes, never off what its source mentions. Where that shows none, the prompt
    and the reply will.
    """
    if model.preset is not None:
        return model.preset
    header = read_header(model.path)
    own_name = (header.name or "").lower().replace(" ", "-")
    known = next((entry for entry in entries() if own_name in (entry.name, *entry.aliases)), None)
    if known is not None:
        return known.preset
    tags = template_format(header.chat_template or "")
    name = next((name for name, style in TAG_STYLES.items() if tags is not None and style.is_like(tags)), "none")
    return _PRESETS.get(name, "generic")


@cache
def template_format(template: str) -> Tags | None:
    """Return the format that a chat template writes: at the end of its prompts, else in assistants' turns."""
    render = partial(render_turn, template)
    return prompted(render) or written(render)
