"""The problems that marco-nano was never trained on: 600 in English and Chinese, bundled, so that `eval` works at once.

Rows {"id", "family", "difficulty", "lang", "question", "answer", "phrasing"}, drawn by the model's recipe.
"""

from importlib.resources import files

from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import field, find_bundled, read_rows


def load(selection: Selection) -> DataSet:
    """Return the problems, grouped by family."""
    path = find_bundled(selection, files("marco_cli.nano") / "heldout.jsonl")
    items = []
    for where, row in read_rows(path):
        item = Item(
            id=field(row, ("id",), where),
            question=field(row, ("question",), where),
            target=field(row, ("answer",), where),
            scorer="number",
            lang=str(row.get("lang", "")),
            group=str(row.get("family", "")),
        )
        check_target(item, where=where)
        items.append(item)
    return DataSet(name="nano", items=tuple(items), source=path.name)
