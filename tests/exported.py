"""Exports of traces, and their rows."""

import json
from collections.abc import Iterable
from typing import Any

from marco_cli.trace.export import writer
from marco_cli.trace.export.base import Export, Options
from marco_cli.trace.record import Trace


def exported(name: str, traces: Iterable[Trace], **options: Any) -> list[Export]:
    """Return what a format makes of traces."""
    return list(writer(name)(traces, Options(**options)))


def read(export: Export) -> list[dict[str, Any]]:
    """Return rows."""
    return [json.loads(line) for line in export.data.splitlines()]
