"""The user's own problems: one JSON object a line with a question and a `target`.

`question` may be called `prompt` or `problem`, `target` also `answer`; it may be a list of texts, of which any is right.
Optional: `id` (else `line-<n>`), `scorer` (exact, number, choice, math, regex, contains or rubric; else `exact`, or `--scorer`
for all), `lang`, `group`, `references` (further right answers). Of the scorer `check`, the default where there are `tests`, the answer is code
that must pass the `tests`, which the checks of the search see, too, and `hidden`, which they do not; or `check` is `math:` and an
equation that it must solve, or an expression that it must equal.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from marco_cli.answer import read
from marco_cli.config.option import did_you_mean
from marco_cli.errors import ConfigError, InputError, quoted
from marco_cli.evals import SCORERS
from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.checking import target_of
from marco_cli.evals.scoring import check_target
from marco_cli.evals.source import Row, field, read_rows

_SHOWN: Final = 30
"""Characters of a target that a notice shows."""
_FORMULAS: Final = ("tuple", "set", "interval", "matrix", "expression", "equation")


def load(selection: Selection) -> DataSet:
    """Return the rows of the file that `--data` names."""
    if selection.data is None:
        raise ConfigError("the data set jsonl is a file of yours", hint="marco eval jsonl --data FILE.jsonl")
    path = selection.data
    items = []
    unnamed = []
    for number, (where, row) in enumerate(read_rows(path), 1):
        item = _item(row, number, where, selection.scorer)
        check_target(item, where=where)
        items.append(item)
        if selection.scorer is None and row.get("scorer") is None:
            unnamed.append(item)
    return DataSet(
        name="jsonl", items=tuple(items), source=path.name, notices=(_choice_of_scorer(unnamed),) if unnamed else ()
    )


def _choice_of_scorer(items: Sequence[Item]) -> str:
    """Say by what problems are scored that name no scorer, why, and what else there is for such targets."""
    kinds = Counter(_kind(item) for item in items)
    counts = ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in kinds.most_common())
    said = f"scored by exact, because neither --scorer nor the rows name a scorer, and it fits any target ({counts})"
    if "text" not in kinds:
        return f"{said}: the answer of a reply must equal the target, as numbers do (4.0 is 4)"
    text = next(" ".join(item.target.split()) for item in items if _kind(item) == "text")
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    other = shown.lower() if shown.lower() != shown else shown.title()
    spelt = f" ({quoted(other)} is {quoted(shown)})" if other != shown else ""
    return (
        f"{said}: the answer of a reply must be the target and no more, letter case aside{spelt}; --scorer contains takes it "
        "anywhere in a reply"
    )


def _kind(item: Item) -> str:
    """Return what a target is, in a word."""
    answer = read(item.target, lang=item.lang)
    if answer is None:
        return "text"
    return "formula" if answer.kind in _FORMULAS else answer.kind if answer.kind in ("number", "choice") else "text"


def _item(row: Row, number: int, where: str, scorer: str | None) -> Item:
    wanted = scorer or _optional(row, "scorer", "check" if "tests" in row else "exact")
    if wanted not in SCORERS:
        raise InputError(f"{where}: scorer is {quoted(wanted)}", hint=did_you_mean(wanted, SCORERS))
    row, targets = ({**row, "target": _checked(row)}, ()) if wanted == "check" else _targets(row, where)
    references = row.get("references") or ()
    if not isinstance(references, list | tuple) or not all(isinstance(text, str) for text in references):
        raise InputError(f"{where}: references is not a list of texts")
    return Item(
        id=field(row, ("id",), where) if row.get("id") is not None else f"line-{number}",
        question=field(row, ("question", "prompt", "problem"), where),
        target=field(row, ("target", "answer"), where),
        scorer=wanted,
        lang=_optional(row, "lang"),
        group=_optional(row, "group"),
        references=(*targets, *references),
        tests=_tests(row, "tests"),
    )


def _checked(row: Row) -> str:
    """Return the target of a row that is scored by a check."""
    tests = "\n".join(filter(None, (_tests(row, "tests"), _tests(row, "hidden"))))
    return target_of(_optional(row, "check", "python"), tests)


def _tests(row: Row, name: str) -> str:
    """Return tests that are a text or a list of texts."""
    tests = row.get(name)
    return "\n".join(map(str, tests)) if isinstance(tests, list) else _optional(row, name)


def _targets(row: Row, where: str) -> tuple[Row, tuple[str, ...]]:
    """Return the row with one target, and the others that it lists."""
    name = next((name for name in ("target", "answer") if isinstance(row.get(name), list)), None)
    if name is None:
        return row, ()
    targets = [field({name: value}, (name,), where) for value in row[name]]
    if not targets:
        raise InputError(f"{where}: {name} is an empty list", hint="every row needs a target")
    return {**row, name: targets[0]}, tuple(targets[1:])


def _optional(row: Row, name: str, default: str = "") -> str:
    """Return a field as text; null is as good as none."""
    value = row.get(name)
    return default if value is None else str(value)
