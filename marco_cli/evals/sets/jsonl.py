"""The user's own problems: one JSON object a line with a question and a `target`.

`question` may be called `prompt` or `problem`, `target` also `answer`. Optional: `id` (else `line-<n>`), `scorer` (exact,
number, choice, regex, contains or rubric; else `exact`, or `--scorer` for all), `lang`, `group`, `references`.
"""

from marco_cli.config.option import did_you_mean
from marco_cli.errors import ConfigError, InputError, quoted
from marco_cli.evals import SCORERS
from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import Row, field, read_rows


def load(selection: Selection) -> DataSet:
    """Return the rows of the file that `--data` names."""
    if selection.data is None:
        raise ConfigError("the data set jsonl is a file of yours", hint="marco eval jsonl --data FILE.jsonl")
    path = selection.data
    items = []
    for number, (where, row) in enumerate(read_rows(path), 1):
        item = _item(row, number, where, selection.scorer)
        check_target(item, where=where)
        items.append(item)
    return DataSet(name="jsonl", items=tuple(items), source=path.name)


def _item(row: Row, number: int, where: str, scorer: str | None) -> Item:
    wanted = scorer or _optional(row, "scorer", "exact")
    if wanted not in SCORERS:
        raise InputError(f"{where}: scorer is {quoted(wanted)}", hint=did_you_mean(wanted, SCORERS))
    references = row.get("references") or ()
    if not isinstance(references, list | tuple) or not all(isinstance(text, str) for text in references):
        raise InputError(f"{where}: references is no list of texts")
    return Item(
        id=field(row, ("id",), where) if row.get("id") is not None else f"line-{number}",
        question=field(row, ("question", "prompt", "problem"), where),
        target=field(row, ("target", "answer"), where),
        scorer=wanted,
        lang=_optional(row, "lang"),
        group=_optional(row, "group"),
        references=tuple(references),
    )


def _optional(row: Row, name: str, default: str = "") -> str:
    """Return a field as text; null is as good as none."""
    value = row.get(name)
    return default if value is None else str(value)
