"""Small Python functions to be written, with tests: numbers and lists (`code`), and texts (`code-text`).

Rows {"id", "group", "question", "tests", "hidden"}, written for this project (benchmarks/code_problems.py). A reply is right when it
passes both; `--check python` sees `tests` alone. A user's own come from `--data FILE.jsonl` with the same fields, or as rows of `jsonl`.
"""

from importlib.resources import files

from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.checking import target_of
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import field, find_bundled, read_rows


def load(selection: Selection) -> DataSet:
    """Return functions on numbers and lists."""
    return _load(selection, "code")


def load_texts(selection: Selection) -> DataSet:
    """Return functions on texts."""
    return _load(selection, "code-text")


def _load(selection: Selection, name: str) -> DataSet:
    path = find_bundled(selection, files("marco_cli.evals.sets") / f"{name}.jsonl")
    items = []
    for where, row in read_rows(path):
        tests = field(row, ("tests",), where)
        item = Item(
            id=field(row, ("id",), where),
            question=field(row, ("question", "prompt"), where),
            target=target_of("python", f"{tests}\n{row.get('hidden', '')}"),
            scorer="check",
            group=str(row.get("group", "")),
            tests=tests,
        )
        check_target(item, where=where)
        items.append(item)
    return DataSet(name=name, items=tuple(items), source=path.name)
