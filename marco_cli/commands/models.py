"""`marco models`: pull, search, list, alias, info, verify, path, head, rm.

Each command reads its options, checks them, makes one call and prints: the result on stdout, the talk on stderr.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from marco_cli.commands._completion import complete_aliases, complete_models
from marco_cli.commands._help import Commands
from marco_cli.commands._models_head import HEAD_EXAMPLES, head
from marco_cli.commands._models_search import SEARCH_EXAMPLES, Offline, search
from marco_cli.commands._options import Json
from marco_cli.commands._output import confirm, say, write_result
from marco_cli.errors import ConfigError, EngineError, ModelNotFoundError, StorageError
from marco_cli.view.printable import printable

if TYPE_CHECKING:
    from marco_cli.hub.pull import Offer, PullPlan
    from marco_cli.models import LocatedModel
    from marco_cli.models.library import Verification

_EXAMPLES = """
marco models list
marco models pull marco-o1                     # the largest quantisation that fits this machine
marco models search                            # models that are known by a short name, with sizes
marco models search qwen3                      # and what the hub has of that name
marco models pull user/repo                    # what a repository of the hub has
marco models alias qwen ./qwen.gguf            # then: marco ask -m qwen "…"
marco models info marco-nano
"""

app = Commands(epilog=_EXAMPLES, name="models", help="Find, fetch, list, name, check and remove models.")

Spec = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        autocompletion=complete_models,
        help="A name (marco-o1, marco-o1:q8_0), an alias, user/repo:Q4_K_M, hf:user/repo/file.gguf[@revision], an address of the "
        "hub, or a path.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


_PULL_EXAMPLES = """
marco models pull marco-o1                     # the largest quantisation that fits this machine
marco models pull marco-o1:q8_0
marco models pull user/repo                    # lists the GGUF files of a repository, with sizes
marco models pull user/repo:Q4_K_M
marco models pull marco-o1 --dry-run
"""
_ALIAS_EXAMPLES = """
marco models alias qwen ./qwen2.5-0.5b.gguf    # then: marco ask -m qwen "…"
marco models alias big marco-o1:q8_0
marco models alias                             # lists them
marco models alias --remove qwen
"""


@app.command(epilog=_PULL_EXAMPLES)
def pull(
    model: Spec = "marco-o1",
    *,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and stop.")] = False,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Fetch a model from the hub; continues where an earlier pull stopped. A repository alone lists what it has."""
    from marco_cli.models import find_installed, memory, store
    from marco_cli.models.alias import meaning

    model = meaning(model)
    here = _locate_offline(model) if offline or store.is_offline() else find_installed(model)
    if here is not None:
        say(f"{here.name} is already here")
        write_result(here.path, {"model": _row(here), "received": 0}, as_json=as_json)
        return
    from marco_cli.hub import pull as pulling
    from marco_cli.hub.download import Retry
    from marco_cli.view.transfer import open_view

    retry = Retry(say=say)
    offered = pulling.offers(model, retry=retry)
    if len(offered) > 1:
        _list_offers(offered, as_json=as_json)
        return
    plan = pulling.plan(offered[0].name if offered else model, total_memory=memory.total(), retry=retry)
    say(_describe(plan))
    if dry_run:
        row = {"name": plan.name, "repo": plan.repository.name, "size": plan.size, "reason": plan.reason}
        write_result(plan.name, {"plan": {**row, "files": [asdict(file) for file in plan.files]}}, as_json=as_json)
        return
    if plan.reason and plan.missing and not yes and sys.stdin.isatty() and not confirm("Fetch it?", default=True):
        raise ModelNotFoundError(f"{plan.name} was not fetched", hint=f"marco models pull {plan.name}")
    with open_view(sys.stderr) as view:
        done = pulling.execute(plan, on_event=view.on_event)
    write_result(done.model.path, {"model": _row(done.model), "received": done.received}, as_json=as_json)


app.command("search", epilog=SEARCH_EXAMPLES)(search)


@app.command("list")
def list_models(*, as_json: Json = False) -> None:
    """List the models on this machine with their weights and quantisations, aliases, and the names that can be pulled."""
    from marco_cli.models import catalog, installed, store
    from marco_cli.models.alias import aliases
    from marco_cli.view.models import model_table

    here, unfinished, own = installed(), store.unfinished(), aliases()
    named, astray = _aliased(own)
    sizes = [_size(model) for model in (*here, *named)]
    names = [entry.name for entry in catalog.entries() if entry.bundled is None]
    rows = [{"name": transfer.name, "bytes": transfer.done} for transfer in unfinished]
    models = [
        {**_row(model), "parameters": num_weights or None, "quantisation": quantisation or None}
        for model, (num_weights, quantisation) in zip(here, sizes, strict=False)
    ]
    document = {"models": models, "aliases": own, "unfinished": rows, "available": names}
    write_result(model_table((*here, *named), sizes), document, as_json=as_json)
    for name, why in astray.items():
        say(f"marco: the alias {name} leads nowhere: {printable(why)}")
    for transfer in unfinished:
        say(f"unfinished: {transfer.name}, {transfer.done / 1e6:.1f} MB are here; marco models pull continues it")
    say("to fetch one: marco models pull NAME; marco models search lists names and sizes")


@app.command(epilog=_ALIAS_EXAMPLES)
def alias(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="What to call it; without it, all are listed.", autocompletion=complete_aliases
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|MODEL]", help="A GGUF file, or any name of a model.", autocompletion=complete_models
        ),
    ] = None,
    *,
    remove: Annotated[
        str | None,
        typer.Option("--remove", metavar="NAME", help="Forget one; its model stays.", autocompletion=complete_aliases),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a model a name of your own, to be used wherever a model is named."""
    from marco_cli.models import alias as own
    from marco_cli.models import locate
    from marco_cli.view.models import alias_table

    if remove is not None and name is not None:
        raise ConfigError(
            "--remove takes one alias, and nothing beside it", hint=f"marco models alias --remove {remove}"
        )
    if remove is not None:
        own.remove_alias(remove)
        say(f"marco: {printable(remove)} is forgotten; its model stays")
    elif name is not None and model is not None:
        own.refuse_name(name)
        locate(model)
        target = own.set_alias(name, model)
        say(f'marco: {name} is {printable(target)}; try: marco ask -m {name} "…"')
    kept = own.aliases()
    if name is not None and model is None:
        if name.lower() not in kept:
            raise ModelNotFoundError(f"no alias is called {name[:40]!r}", hint=f"marco models alias {name[:40]} FILE")
        kept = {name.lower(): kept[name.lower()]}
    if as_json or (remove is None and model is None):
        write_result(alias_table(kept), {"aliases": kept}, as_json=as_json)
    if name is remove is None and not kept and not as_json:
        say("marco: there are no aliases yet: marco models alias NAME FILE")


@app.command()
def info(
    model: Spec,
    *,
    ctx: Annotated[int, typer.Option("--ctx", min=1, help="Context, in tokens, for the memory estimate.")] = 8192,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=256, help="Sequences decoded at once.")] = 8,
    as_json: Json = False,
) -> None:
    """Show what a model is, from its header alone, and estimate the memory that it takes."""
    from marco_cli.models import gguf_header, locate, memory
    from marco_cli.view.models import model_card

    located = locate(model)
    header = gguf_header.read(located.path)
    headers = (header, *(gguf_header.read(path) for path in located.files[1:]))
    weights = sum(part.tensor_bytes for part in headers)
    estimate = memory.memory_estimate(header, ctx=ctx, parallel=parallel, weights=weights)
    card = model_card(located.path, header, estimate, ctx=ctx, parallel=parallel)
    sizes = {**asdict(estimate), "total": estimate.total, "ctx": ctx, "parallel": parallel}
    document = {"model": _row(located), "header": asdict(header), "memory": sizes, "parts": len(headers)}
    write_result(card, document, as_json=as_json)


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="All of them when none is named.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Compare models with what the hub stated when they were pulled: its SHA-256, or else the size; no network."""
    from marco_cli.models import gguf_header, installed, library, locate

    chosen = [locate(name) for name in names or ()]
    chosen = chosen or [model for model in installed() if model.evidence != "none"]
    outcomes = [(model, outcome) for model in chosen for outcome in library.verify(model)]
    rows = [{"name": model.name, **_facts(outcome), "ok": outcome.is_intact} for model, outcome in outcomes]
    lines = [_verdict(model, outcome) for model, outcome in outcomes]
    write_result("\n".join(lines), {"files": rows}, as_json=as_json)
    damaged = [model for model, outcome in outcomes if not outcome.is_intact]
    if damaged:
        raise StorageError(
            f"{damaged[0].name} is damaged: it is not what was recorded when it was pulled",
            hint=f"marco models rm -y {damaged[0].name} && marco models pull {damaged[0].name}",
        )
    for model in chosen:
        gguf_header.read(model.path)


@app.command()
def path(model: Spec, *, as_json: Json = False) -> None:
    """Print where a model lies."""
    from marco_cli.models import locate

    located = locate(model)
    write_result(located.path, {"model": _row(located)}, as_json=as_json)


app.command("head", epilog=HEAD_EXAMPLES)(head)


@app.command()
def rm(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="What to delete.")] = None,
    *,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Delete what interrupted pulls left.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete a model from the models directory; asks first."""
    from marco_cli.models import library, locate, store
    from marco_cli.models.alias import meaning

    if (model is None) is not unfinished:
        raise ConfigError("rm takes a model or --unfinished, and not both", hint="marco models list")
    meant = meaning(model) if model else None
    if meant != model:
        raise ConfigError(
            f"{model} is an alias of {meant}", hint=f"marco models alias --remove {model}, or marco models rm {meant}"
        )
    located = locate(model) if model else None
    paths = library.removable(located) if located else tuple(item.path for item in store.unfinished())
    if not yes and not sys.stdin.isatty():
        raise ConfigError(
            f"rm asks before it deletes {len(paths)} files, and stdin is not a terminal", hint="use --yes"
        )
    if not yes and not confirm(f"Delete {', '.join(str(path) for path in paths)}?", default=False):
        say("nothing was deleted")
        return
    freed = library.remove(located) if located else store.remove_unfinished()
    write_result(f"{freed} bytes freed", {"removed": [str(path) for path in paths], "freed": freed}, as_json=as_json)


def _locate_offline(spec: str) -> "LocatedModel":
    from marco_cli.models import locate

    try:
        return locate(spec)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(
            f"{error.message}, and offline mode is on", hint=f"without it: {error.hint}" if error.hint else None
        ) from error


def _describe(plan: "PullPlan") -> str:
    missing = sum(file.size for file in plan.missing)
    if not missing:
        return f"{plan.name} is already here, in the version that the hub has"
    why = f", {plan.reason}" if plan.reason else ""
    licence = f"; licence: {plan.licence}" if plan.licence else ""
    parts = f" in {len(plan.files)} parts" if len(plan.files) > 1 else ""
    return f"{plan.name}: {missing / 1e9:.2f} GB{parts} from {plan.repository.name} to {plan.folder}{why}{licence}"


def _row(model: "LocatedModel") -> dict[str, object]:
    return {
        "name": model.name,
        "path": str(model.path),
        "files": [str(path) for path in model.files],
        "source": model.source,
        "size": model.size,
        "sha256": list(model.hashes),
        "evidence": model.evidence,
        "preset": model.preset,
    }


def _aliased(own: Mapping[str, str]) -> tuple[list["LocatedModel"], dict[str, str]]:
    """Return the models that aliases stand for, by these names, and of the others why they are not found."""
    from dataclasses import replace

    from marco_cli.models import locate

    found, astray = [], {}
    for name in own:
        try:
            found.append(replace(locate(name), name=name, source="alias"))
        except (ConfigError, ModelNotFoundError) as error:
            astray[name] = error.message
    return found, astray


def _size(model: "LocatedModel") -> tuple[int, str]:
    """Return the number of weights and the quantisation; of a file that is damaged, what its name says."""
    from marco_cli.models import catalog, gguf_header

    try:
        headers = [gguf_header.read(path) for path in model.files]
    except EngineError:
        return 0, catalog.quantisation_of(model.path.name) or ""
    return sum(header.parameters for header in headers), headers[0].quantisation or ""


def _list_offers(offered: "Sequence[Offer]", *, as_json: bool) -> None:
    """Print the models of a repository, each as what fetches it."""
    from marco_cli.view.models import offer_table

    table = offer_table([(offer.name, offer.size, offer.parts) for offer in offered])
    write_result(table, {"offers": [asdict(offer) for offer in offered]}, as_json=as_json)
    say(f"nothing was fetched; name one: marco models pull {offered[0].name}")


def _verdict(model: "LocatedModel", outcome: "Verification") -> str:
    how = "verified" if outcome.is_by_hash else "size only, no checksum"
    named = f"{model.name}  {outcome.path}"
    return f"ok  {named}  {how}" if outcome.is_intact else f"DAMAGED  {named}"


def _facts(outcome: "Verification") -> dict[str, object]:
    return {"path": str(outcome.path), "expected": outcome.expected, "actual": outcome.actual}
