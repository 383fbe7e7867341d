"""The file beside an output file that says what made it: `PATH.meta.json`.

In: what a run is, as plain values. Out: the file, written as a whole; and the answer whether a run may go on with rows that
it describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from marco_cli import jsonl
from marco_cli.draft import put
from marco_cli.errors import ConfigError, InputError, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What made the rows of a file."""

    configuration: object
    """What its rows have in common."""
    facts: object
    earlier: tuple[object, ...]
    """Configurations and facts that rows were made with before another was insisted on; oldest first."""


def meta_path(path: Path) -> Path:
    """Return where the description of an output file is."""
    return path.parent / (path.name + ".meta.json")


def plain(value: object) -> object:
    """Return a value as it comes back from JSON."""
    return jsonl.decode(jsonl.encode(value))


def read_meta(path: Path) -> Meta | None:
    """Return the description of the output file `path`; None when it is missing, damaged or cannot be read."""
    try:
        meta = jsonl.decode(meta_path(path).read_bytes())
    except (OSError, InputError):
        return None
    if not isinstance(meta, dict):
        return None
    earlier = meta.get("earlier")
    return Meta(
        configuration=meta.get("configuration"),
        facts=meta.get("facts"),
        earlier=tuple(earlier) if isinstance(earlier, list) else (),
    )


def write_meta(
    path: Path, *, configuration: Mapping[str, object], facts: Mapping[str, object], before: Meta | None
) -> None:
    """Describe the output file `path`, which was described otherwise before."""
    earlier = (
        () if before is None else (*before.earlier, {"configuration": before.configuration, "facts": before.facts})
    )
    meta = {"v": 1, "configuration": configuration, "facts": facts, "earlier": earlier}
    put(meta_path(path), jsonl.encode(meta, indent=True))


def check_meta(path: Path, before: Meta | None, configuration: Mapping[str, object], *, force: bool) -> None:
    """Refuse a configuration that is not that of the rows in `path`, unless `force` is set.

    Raises:
        ConfigError: it is another one, or not known.
    """
    if force:
        return
    hint = "--force goes on all the same, --overwrite begins anew"
    if before is None:
        raise ConfigError(f"{meta_path(path)} is missing or damaged, so nothing says what made {path.name}", hint=hint)
    old, new = _flat(before.configuration), _flat(plain(configuration))
    changed = [name for name in (*new, *(old.keys() - new.keys())) if old.get(name) != new.get(name)]
    if changed:
        name = changed[0]
        more = f" ({len(changed) - 1} more differences)" if changed[1:] else ""
        raise ConfigError(
            f"{path.name} was made with another configuration: "
            f"{name} was {quoted(old.get(name))}, now {quoted(new.get(name))}{more}",
            hint=hint,
        )


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    """Return nested objects as one: `{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, object] = {}
    for name, item in value.items():
        flat |= _flat(item, f"{prefix}.{name}" if prefix else name)
    return flat
