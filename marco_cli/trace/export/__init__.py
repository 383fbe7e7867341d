"""Traces for others: pages of a search, and rows to train on. One format a file, one line each in this table."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from marco_cli.search import load
from marco_cli.trace.export.base import Export, Options
from marco_cli.trace.record import Trace


class Writer(Protocol):
    """Writes traces in one format, one after the other, holding no more than one of them."""

    def __call__(self, traces: Iterable[Trace], options: Options) -> Iterator[Export]:
        """Yield what becomes of each trace, in their order."""
        ...


class ExportFormat(NamedTuple):
    """A format that traces can be exported in."""

    writer: str
    """`module:function` of a `Writer`."""
    suffix: str
    about: str
    is_document: bool
    """Whether a file of this format is about one trace; of the others a file holds rows of many."""


FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType(
    {
        "html": ExportFormat(
            writer="marco_cli.trace.export.page:write", suffix=".html", about="one page to explore", is_document=True
        ),
        "json": ExportFormat(
            writer="marco_cli.trace.export.document:write",
            suffix=".jsonl",
            about="everything, a line each",
            is_document=False,
        ),
        "sft": ExportFormat(
            writer="marco_cli.trace.export.sft:write", suffix=".jsonl", about="best replies as chats", is_document=False
        ),
        "dpo": ExportFormat(
            writer="marco_cli.trace.export.dpo:write", suffix=".jsonl", about="pairs of replies", is_document=False
        ),
        "prm": ExportFormat(
            writer="marco_cli.trace.export.prm:write", suffix=".jsonl", about="labelled steps", is_document=False
        ),
    }
)


def writer(name: str) -> Writer:
    """Return the writer of a format."""
    found: Writer = load(FORMATS[name].writer)
    return found


def format_of_file(name: str) -> str | None:
    """Return the format that a file's name ends like; None where none or several do."""
    found = [each for each, entry in FORMATS.items() if name.lower().endswith(entry.suffix)]
    return found[0] if len(found) == 1 else None
