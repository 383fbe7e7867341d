"""GSM8K: 1,319 grade-school problems with worked solutions (Cobbe et al., arXiv 2110.14168; MIT).

Rows {"question", "answer"}; the target is what follows "####" in the answer, or the whole answer where there is none.
The hub has it as Parquet; a local copy may be JSON lines.
"""

from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import HubPlace, field, find, read_rows

PLACE = HubPlace(repo="openai/gsm8k", path="main/test-00000-of-00001.parquet")


def load(selection: Selection) -> DataSet:
    """Return the test problems."""
    path = find("gsm8k", selection, PLACE, aliases=("test.jsonl", "gsm8k.jsonl", "gsm8k_test.jsonl"))
    items = []
    for number, (where, row) in enumerate(read_rows(path), 1):
        item = Item(
            id=f"gsm8k-{number:04d}",
            question=field(row, ("question",), where).strip(),
            target=field(row, ("answer", "target"), where).rpartition("####")[2].strip(),
            scorer="number",
            lang="en",
        )
        check_target(item, where=where)
        items.append(item)
    return DataSet(name="gsm8k", items=tuple(items), source=path.name)
