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
    is_document: bool = False
    """Whether a file of this format is about one trace; of the others a file holds rows of many."""


FORMATS: Final[Mapping[str, ExportFormat]] = MappingProxyType(
    {
        "html": ExportFormat("marco_cli.trace.export.page:write", ".html", "one page to explore", is_document=True),
        "json": ExportFormat("marco_cli.trace.export.document:write", ".jsonl", "everything, a line each"),
        "sft": ExportFormat("marco_cli.trace.export.sft:write", ".jsonl", "best replies as chats"),
        "dpo": ExportFormat("marco_cli.trace.export.dpo:write", ".jsonl", "pairs of replies"),
        "prm": ExportFormat("marco_cli.trace.export.prm:write", ".jsonl", "labelled steps"),
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
