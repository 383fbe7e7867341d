"""MATH-500: competition problems with answers in LaTeX (Hendrycks et al., arXiv 2103.03874; the 500 of arXiv 2305.20050).

Rows {"problem", "answer", "subject", "level"}; MIT.
"""

from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import HubPlace, field, find, read_rows

PLACE = HubPlace(repo="HuggingFaceH4/MATH-500", path="test.jsonl")


def load(selection: Selection) -> DataSet:
    """Return the problems, grouped by level."""
    path = find("math500", selection, PLACE, aliases=("math500.jsonl", "math_500.jsonl"))
    items = []
    for number, (where, row) in enumerate(read_rows(path), 1):
        level = row.get("level")
        item = Item(
            id=f"math500-{number:03d}",
            question=field(row, ("problem", "question"), where).strip(),
            target=field(row, ("answer", "target"), where).strip(),
            scorer="math",
            lang="en",
            group="" if level is None else f"level {level}",
        )
        check_target(item, where=where)
        items.append(item)
    return DataSet(name="math500", items=tuple(items), source=path.name)
