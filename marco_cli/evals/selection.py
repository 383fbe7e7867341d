"""Load a data set by name and leave what is wanted of it.

In: a name and a `Selection`. Out: a `DataSet`. The choice that a limit leaves depends on the data set, the limit and the
draw seed alone, and translations of one problem are left or taken together.
"""

import random
from collections.abc import Callable
from dataclasses import replace

from marco_cli.config.option import did_you_mean
from marco_cli.errors import ConfigError, InputError, quoted
from marco_cli.evals import DATASETS, SCORERS
from marco_cli.evals.base import DataSet, Item, Selection
from marco_cli.evals.scoring import check_target
from marco_cli.search import load

Loader = Callable[[Selection], DataSet]


def check_name(name: str) -> None:
    """Refuse a data set that is not in the table.

    Raises:
        ConfigError: there is none of that name; the hint names a near one.
    """
    if name not in DATASETS:
        raise ConfigError(
            f"there is no data set {name!r}, expected one of {', '.join(DATASETS)}", hint=did_you_mean(name, DATASETS)
        )


def load_items(name: str, selection: Selection) -> DataSet:
    """Return the items of a data set that are wanted.

    Raises:
        ConfigError: an unknown data set, language or scorer.
        InputError: the data is not here, or not what it should be.
    """
    check_name(name)
    if selection.scorer is not None and selection.scorer not in SCORERS:
        raise ConfigError(
            f"scorer is {selection.scorer!r}, expected one of {', '.join(SCORERS)}",
            hint=did_you_mean(selection.scorer, SCORERS),
        )
    loader: Loader = load(DATASETS[name].place)
    found = loader(replace(selection, langs=selection.langs or DATASETS[name].langs))
    items = _wanted(found.items, selection)
    if not items:
        langs = sorted({item.lang for item in found.items if item.lang})
        raise InputError(
            f"the data set {name} has no items in {', '.join(selection.langs) or 'it'}",
            hint=f"--lang may be {', '.join(langs)}" if langs else "check the path given to --data",
        )
    _check_ids(items)
    return replace(found, items=items)


def _wanted(items: tuple[Item, ...], selection: Selection) -> tuple[Item, ...]:
    """Filter by language and limit; the scorer that was asked for replaces the items' own."""
    if selection.langs and any(item.lang for item in items):
        items = tuple(item for item in items if item.lang in selection.langs)
    if selection.scorer is not None:
        items = tuple(replace(item, scorer=selection.scorer) for item in items)
        for item in items:
            check_target(item, where=item.id)
    if selection.limit is None:
        return items
    # Items that are translations of each other differ in their ids by the language only.
    problems = list(dict.fromkeys(_without_lang(item) for item in items))
    random.Random(selection.draw).shuffle(problems)  # noqa: S311 (a reproducible choice)
    chosen = set(problems[: selection.limit])
    return tuple(item for item in items if _without_lang(item) in chosen)


def _without_lang(item: Item) -> str:
    return item.id.replace(f"-{item.lang}-", "-", 1) if item.lang else item.id


def _check_ids(items: tuple[Item, ...]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise InputError(f"the id {quoted(item.id)} occurs twice in the data set", hint="ids must differ")
        seen.add(item.id)
