"""MGSM: 250 problems of GSM8K, translated by people (Shi et al., arXiv 2210.03057; CC BY-SA 4.0).

A TSV a language: question, answer; the rows of all languages are the same problems in the same order. Targets are whole
numbers, some with commas. A first line that names its columns may name them in any order.
"""

from pathlib import Path

from marco_cli.errors import ConfigError, InputError
from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import HubPlace, find, read_text

LANGS = ("bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh")
REPO = "juletxara/mgsm"

_QUESTION = ("question", "inputs", "prompt", "problem")
_TARGET = ("answer", "targets", "target", "answer_number")


def load(selection: Selection) -> DataSet:
    """Return the problems of each language that is wanted, one language after the other."""
    for lang in selection.langs:
        if lang not in LANGS:
            raise ConfigError(f"mgsm has no language {lang!r}, expected some of {', '.join(LANGS)}")
    if selection.data is not None and selection.data.is_file() and len(selection.langs) > 1:
        raise ConfigError(
            f"--data {selection.data.name} is one file, but {len(selection.langs)} languages are wanted",
            hint="name the directory that holds mgsm_en.tsv, mgsm_zh.tsv, …",
        )
    items: list[Item] = []
    paths = []
    for lang in selection.langs:
        path = find("mgsm", selection, HubPlace(repo=REPO, path=f"mgsm_{lang}.tsv"))
        items += _items(path, lang)
        paths.append(path.name)
    return DataSet(name="mgsm", items=tuple(items), source=", ".join(paths))


def _items(path: Path, lang: str) -> list[Item]:
    lines = [(number, line) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    columns = _columns(lines[0][1]) if lines else None
    items: list[Item] = []
    for number, line in lines[0 if columns is None else 1 :]:
        where = f"{path.name} line {number}"
        cells = line.split("\t")
        question, target = columns or (0, 1)
        if len(cells) <= max(question, target):
            raise InputError(
                f"{where}: {len(cells)} column(s), expected question, tab, answer",
                hint="MGSM files are tab-separated; for another format use the data set jsonl",
            )
        item = Item(
            id=f"mgsm-{lang}-{len(items) + 1:03d}",
            question=cells[question].strip(),
            target=cells[target].strip(),
            scorer="number",
            lang=lang,
        )
        check_target(item, where=where)
        items.append(item)
    return items


def _columns(first: str) -> tuple[int, int] | None:
    """Return the columns of question and answer if the first line names them."""
    names = [cell.strip().lower() for cell in first.split("\t")]
    question = next((names.index(name) for name in _QUESTION if name in names), None)
    target = next((names.index(name) for name in _TARGET if name in names), None)
    return None if question is None or target is None else (question, target)
