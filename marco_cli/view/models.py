"""Models as text: a table of what is installed, and a card of what a GGUF header says.

In: values of `models`, `gguf_header` and `memory`. Out: text without control characters, whatever the file held.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from marco_cli.models import LocatedModel
from marco_cli.models.catalog import CatalogModel
from marco_cli.models.gguf_header import Header
from marco_cli.models.library import Evidence
from marco_cli.models.memory import MemoryEstimate, gib
from marco_cli.view.numbers import grouped
from marco_cli.view.printable import printable

_TEMPLATE_LINES = 12
_EVIDENCE: dict[Evidence, str] = {
    "sha256": "  verified",
    "sha256 unchecked": "  not yet verified",
    "size": "  size only, no checksum",
    "none": "",
}


def model_table(models: Sequence[LocatedModel], sizes: Sequence[tuple[int, str]] = ()) -> str:
    """Return one line a model: name, size, where it comes from, path, how it was checked; empty for no models.

    `sizes` are the weights and the quantisation of each, which then stand behind the bytes.
    """
    rows = [
        (printable(model.name), gib(model.size), *shown, model.source, _place(model))
        for model, shown in zip(models, map(_size, sizes) if sizes else [()] * len(models), strict=True)
    ]
    return _aligned(rows, "<><<<<" if sizes else "<><<")


def alias_table(aliases: Mapping[str, str]) -> str:
    """Return one line an alias: its name, and what it stands for."""
    return _aligned([(printable(name), f"= {printable(target)}") for name, target in aliases.items()], "<<")


def _place(model: LocatedModel) -> str:
    return f"{printable(str(model.path))}{_EVIDENCE[model.evidence]}"


def _size(size: tuple[int, str]) -> tuple[str, str]:
    num_weights, quantisation = size
    billions = num_weights / 1e9
    shown = f"{billions:.1f}B" if billions >= 1 else f"{num_weights / 1e6:.0f}M" if num_weights >= 1e6 else "?"
    return shown if num_weights else "?", printable(quantisation) or "?"


def offer_table(offers: Sequence[tuple[str, int, int]]) -> str:
    """Return one line a model of a repository: what to type, its bytes, and its parts where there are several."""
    rows = [(printable(name), gib(size), f"in {parts} parts" if parts > 1 else "") for name, size, parts in offers]
    return _aligned(rows, "<><")


def catalogue_table(entries: Sequence[CatalogModel]) -> str:
    """Return one line a model of the catalogue: name, weights, bytes of its usual quantisation, title, whether it was tried."""
    rows = [
        (
            entry.name,
            "" if entry.parameters is None else f"{entry.parameters:.1f}B",
            "bundled" if entry.size is None else f"{entry.size / 1e9:.1f} GB",
            entry.title + ("" if entry.is_tried else " (not tried)"),
        )
        for entry in entries
    ]
    return _aligned(rows, "<>><")


def repository_table(found: Sequence[tuple[str, int]]) -> str:
    """Return one line a repository of the hub: its name, and how often it was downloaded."""
    return _aligned([(printable(name), f"{grouped(downloads)} downloads") for name, downloads in found], "<<")


def _aligned(rows: Sequence[tuple[str, ...]], sides: str) -> str:
    """Return a line a row, cells two spaces apart; `sides` says of each column whether it stands left (`<`) or right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in rows
    )


def model_card(path: Path, header: Header, estimate: MemoryEstimate, *, ctx: int, parallel: int) -> str:
    """Return what the header says and the estimate in lines of `key: value`, the chat template last."""
    rows = (
        ("file", f"{path} ({gib(estimate.weights)} of weights)"),
        ("name", header.name),
        ("architecture", header.architecture),
        ("parameters", f"{header.parameters / 1e9:.2f} billion" if header.parameters >= 10**8 else header.parameters),
        ("quantisation", header.quantisation),
        ("context", header.context_length and f"{header.context_length} tokens"),
        ("layers", header.num_layers),
        ("heads", header.num_heads and f"{header.num_heads}, {header.num_kv_heads} for keys and values"),
        ("vocabulary", header.vocab_size and f"{header.vocab_size} tokens"),
        ("memory", _memory(estimate, ctx, parallel)),
        ("chat template", _excerpt(header.chat_template)),
    )
    width = max(len(key) for key, _ in rows) + 2
    return "\n".join(f"{key + ':':<{width}}{printable(str(value)) if value else 'not stated'}" for key, value in rows)


def _memory(estimate: MemoryEstimate, ctx: int, parallel: int) -> str:
    return (
        f"about {gib(estimate.total)} with {ctx} tokens of context and {parallel} sequences: "
        f"weights {gib(estimate.weights)}, KV cache {gib(estimate.kv_cache)}, "
        f"scratch {gib(estimate.compute + estimate.outputs)}"
    )


def _excerpt(template: str | None) -> str | None:
    if template is None:
        return None
    lines = template.splitlines()
    rest = f"\n  … {len(lines) - _TEMPLATE_LINES} more lines, all in --json" if len(lines) > _TEMPLATE_LINES else ""
    return "\n  " + "\n  ".join(line[:200] for line in lines[:_TEMPLATE_LINES]) + rest
