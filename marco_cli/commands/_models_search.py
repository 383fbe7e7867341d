"""`marco models search`: which models there are of a name, in the catalogue and on the hub."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from marco_cli.commands._options import Json
from marco_cli.commands._output import say, write, write_rows
from marco_cli.errors import ModelNotFoundError
from marco_cli.view.printable import printable

if TYPE_CHECKING:
    from marco_cli.hub.finding import Found
    from marco_cli.models.catalog import CatalogModel

Offline = Annotated[bool, typer.Option("--offline", envvar="MARCO_OFFLINE", help="Never use the network.")]

SEARCH_EXAMPLES = """
marco models search                            # the catalogue: sizes, and what was tried
marco models search qwen3 4b
marco models search llama --offline            # asks no server
"""


def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Part of a name; without it, the catalogue.")
    ] = None,
    *,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Look for models by name: in the catalogue of small reasoning models, then on the hub, most downloaded first."""
    from marco_cli.jsonl import encode
    from marco_cli.models import catalog, store
    from marco_cli.view.models import catalogue_table, repository_table

    name = " ".join(words or ())
    known = catalog.search(name)
    if known and not as_json:
        write_rows(printable(catalogue_table(known)))
    is_asked = bool(name) and not (offline or store.is_offline())
    found = _found_on_hub(name) if is_asked else ()
    if as_json:
        rows = {"catalogue": [_entry_row(entry) for entry in known], "repositories": [asdict(each) for each in found]}
        write(encode({"v": 1, **rows, "is_hub_asked": is_asked}))
    elif found:
        write_rows(repository_table([(each.name, each.downloads) for each in found]))
    if name and not is_asked:
        say("marco: offline: the hub was not asked")
    if not known and not found:
        raise ModelNotFoundError(f"no model is called anything like {name[:40]!r}", hint="marco models search")
    names = [*(entry.name for entry in known if entry.bundled is None), *(each.name for each in found)]
    if names:
        say(f"marco: to fetch one: marco models pull {printable(names[0])}")


def _found_on_hub(name: str) -> "tuple[Found, ...]":
    from marco_cli.hub.download import Retry
    from marco_cli.hub.finding import find

    return find(name, retry=Retry(say=say))


def _entry_row(entry: "CatalogModel") -> dict[str, object]:
    return {
        "name": entry.name,
        "title": entry.title,
        "parameters": None if entry.parameters is None else round(1e9 * entry.parameters),
        "quantisation": entry.default,
        "bytes": entry.size,
        "preset": entry.preset,
        "is_tried": entry.is_tried,
    }
