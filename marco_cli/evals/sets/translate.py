"""Chinese slang into English: sentences that a word-for-word translation gets wrong.

Rows {"id", "question", "target", "references"}, written for this project after the showcase of the Marco-o1 report
(arXiv 2411.14405). A user's own pairs come from `--data FILE.jsonl` with the same fields. Scored by chrF against all references.
"""

from importlib.resources import files

from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import field, find_bundled, read_rows
from marco_cli.evals.translation import check_available


def load(selection: Selection) -> DataSet:
    """Return the pairs."""
    check_available()
    path = find_bundled(selection, files("marco_cli.evals.sets") / "translate.jsonl")
    items = []
    for number, (where, row) in enumerate(read_rows(path), 1):
        item = Item(
            id=field(row, ("id",), where) if "id" in row else f"line-{number}",
            question=field(row, ("question", "source"), where),
            target=field(row, ("target", "translation"), where),
            scorer="chrf",
            lang=str(row.get("lang", "zh")),
            references=tuple(text for text in row.get("references") or () if isinstance(text, str)),
        )
        check_target(item, where=where)
        items.append(item)
    return DataSet(name="translate", items=tuple(items), source=path.name)
