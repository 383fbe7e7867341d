"""Open-ended questions: advice, explanations, plans, colloquial translations and short code, in English and Chinese.

Rows {"id", "kind", "lang", "question", "rubric"}, written for this project; the rubric is a list of criteria
(`marco_cli.evals.rubric`). A user's own questions come from `--data FILE.jsonl` with the same fields.
"""

from importlib.resources import files

from marco_cli.errors import InputError
from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import Row, field, find_bundled, read_rows


def load(selection: Selection) -> DataSet:
    """Return the questions, grouped by kind."""
    path = find_bundled(selection, files("marco_cli.evals.sets") / "open.jsonl")
    items = []
    for number, (where, row) in enumerate(read_rows(path), 1):
        item = Item(
            id=field(row, ("id",), where) if "id" in row else f"line-{number}",
            question=field(row, ("question", "prompt"), where),
            target=_rubric(row, where),
            scorer="rubric",
            lang=str(row.get("lang", "")),
            group=str(row.get("kind", "")),
        )
        check_target(item, where=where)
        items.append(item)
    return DataSet(name="open", items=tuple(items), source=path.name)


def _rubric(row: Row, where: str) -> str:
    criteria = row.get("rubric")
    if not isinstance(criteria, list) or not all(isinstance(line, str) for line in criteria):
        raise InputError(
            f"{where}: no list of criteria under rubric", hint='write e.g. "rubric": ["say: help | volunteer"]'
        )
    return "\n".join(criteria)
