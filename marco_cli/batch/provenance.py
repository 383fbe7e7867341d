"""What a run is, for the file beside its output: what rows of one file must have in common, and what else is worth knowing.

In: settings, the model, how rows are read and written. Out: two objects for `journal.open_journal`.
"""

from collections.abc import Mapping
from typing import Final

from marco_cli import __version__
from marco_cli.batch.record import Format
from marco_cli.batch.rows import Layout
from marco_cli.config.settings import OPTIONS, Settings
from marco_cli.models import LocatedModel
from marco_cli.models.library import sha256_of

_NEUTRAL: Final = ("model", "preset", "ctx", "threads", "gpu_layers", "batch", "thought", "trace", "trace_limit")
"""Settings that name what is recorded otherwise, or belong to the machine: a run may go on with others."""


def configuration(
    settings: Settings,
    *,
    model: LocatedModel,
    others: Mapping[str, LocatedModel],
    layout: Layout,
    form: Format,
    min_confidence: float | None,
) -> Mapping[str, object]:
    """Return what must be the same for rows to stand in one file. Hashes models that nothing vouches for.

    `others` are the models that assess replies, by setting.
    """
    values = {key: getattr(settings, key) for key in OPTIONS if key not in _NEUTRAL}
    return {
        "model_sha256": hashes(model),
        **{f"{key}_sha256": hashes(other) for key, other in others.items()},
        "settings": values,
        "text": layout.is_text,
        "field": layout.field,
        "format": form,
        "min_confidence": min_confidence,
    }


def facts(settings: Settings, *, model: LocatedModel, source: str, parallel: int | None) -> Mapping[str, object]:
    """Return what else is worth knowing of a run."""
    return {
        "version": __version__,
        "model": model.name,
        "model_path": str(model.path),
        "input": source,
        "parallel": parallel,
        **{key: getattr(settings, key) for key in _NEUTRAL if key not in ("model", "thought")},
    }


def hashes(model: LocatedModel) -> list[str]:
    """Return the SHA-256 of each part of a model; a part that nothing vouches for is read from end to end."""
    return [known or sha256_of(path) for path, known in zip(model.files, model.hashes, strict=True)]
