"""Process rewards: a second model says of each step whether the reasoning is right up to there.

Only the literal tables live here, and how a model is named with them: `MODEL[:FORMAT[:AGGREGATE]]`.
"""

from types import MappingProxyType
from typing import Final, NamedTuple

from marco_cli.errors import ConfigError, nearest, quoted

FORMATS: Final = MappingProxyType(
    {
        "math-shepherd": "marco_cli.reward.process.shepherd:FORMAT",
        "rlhflow": "marco_cli.reward.process.rlhflow:FORMAT",
        "yes-no": "marco_cli.reward.process.yes_no:FORMAT",
        "critique": "marco_cli.reward.process.critique:FORMAT",
        "qwen-math-prm": "marco_cli.reward.process.qwen_math:FORMAT",
        "skywork": "marco_cli.reward.process.skywork:FORMAT",
    }
)
"""Name on the command line → how a process model of that kind is asked. A new format is one file and one line here."""

AGGREGATES: Final = MappingProxyType(
    {
        "last": "marco_cli.reward.process.aggregate:last",
        "min": "marco_cli.reward.process.aggregate:least",
        "product": "marco_cli.reward.process.aggregate:product",
        "mean": "marco_cli.reward.process.aggregate:mean",
    }
)
"""Name on the command line → how the scores of steps become one of the whole."""

SELF: Final = "self"
"""In place of a model's name: the model that answers."""


class Named(NamedTuple):
    """A second model, with the words behind its name."""

    model: str
    words: tuple[str, ...]

    def among(self, names: "MappingProxyType[str, str]") -> str | None:
        """Return the word that is one of `names`; None when there is none."""
        return next((word for word in self.words if word in names), None)


def parse(spec: str, *tables: "MappingProxyType[str, str]") -> Named:
    """Return a model's name and the words behind it, at most one of each table.

    Raises:
        ConfigError: two words of the same table, no model before them, or a word that nearly is one.

    """
    model, words = spec, list[str]()
    known = [name for table in tables for name in table]
    while ":" in model and model.rpartition(":")[2] in known:
        model, _, word = model.rpartition(":")
        words.insert(0, word)
    for table in tables:
        if sum(word in table for word in words) > 1:
            raise ConfigError(f"{quoted(spec)} names two of {', '.join(table)}, expected one")
    tail = model.rpartition(":")[2]
    near = nearest(tail, known) if ":" in model else None
    if not model or near is not None:
        hint = f"did you mean {near}?" if near else "name the model first"
        raise ConfigError(f"{quoted(spec)} is not a model with {' or '.join(known)} behind it", hint=hint)
    return Named(model, tuple(words))
