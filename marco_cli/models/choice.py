"""Which model answers when none is named, and which preset goes with a model.

In: the name that the settings hold. Out: a located model, and the name of a preset. Only catalogue and GGUF headers are
read, so whoever just shows settings loads no engine.
"""

from collections.abc import Mapping
from typing import Final

from marco_cli.models.gguf_header import read as read_header
from marco_cli.models.library import LocatedModel, find_installed, locate

DEFAULT_MODEL: Final = "marco-o1"
BUNDLED_MODEL: Final = "marco-nano"
BUNDLED_NOTICE: Final = (
    "this is marco-nano, the bundled demo model; `marco models pull marco-o1` fetches the real one (about 4.7 GB)"
)
"""Said where nobody chose the bundled model. 7.6 billion weights at the 4.9 bits of Q4_K_M; `pull` tells the hub's own figure
before it fetches anything."""


def choose_model(spec: str | None, environ: Mapping[str, str]) -> LocatedModel:
    """Return the named model; without a name Marco-o1 if it is installed, else the bundled marco-nano.

    Raises:
        ModelNotFoundError: the named model is not on this machine.

    """
    if spec is not None:
        return locate(spec, environ)
    return find_installed(DEFAULT_MODEL, environ) or locate(BUNDLED_MODEL, environ)


def implied_preset(model: LocatedModel) -> str:
    """Return the preset that goes with a model: the catalogue's, else the one whose tags its chat template names."""
    if model.preset is not None:
        return model.preset
    template = read_header(model.path).chat_template or ""
    if "<Thought>" in template:
        return "marco-o1"
    return "deepseek-r1" if "</think>" in template else "generic"
