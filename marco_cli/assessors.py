"""Models beside the one that answers: a process model (`--prm`) and a judge (`--judge`).

In: settings, and how an engine is opened. Out: what a search asks. Both are named as `MODEL[:WORD…]`, and `self` is the model
that answers, on its own engine. A process model may have a head (`engine.head`) in a file beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from marco_cli.config.settings import Settings
from marco_cli.engine.base import Engine, ModelInfo
from marco_cli.engine.head import Head, head_path, read_head
from marco_cli.errors import ConfigError, ModelNotFoundError
from marco_cli.models import LocatedModel, locate
from marco_cli.phrasing import Phrasing
from marco_cli.prompt.base import Message, Piece, Prompt
from marco_cli.prompt.template import choose_template
from marco_cli.reward.judge import MANNERS, Judge
from marco_cli.reward.process import AGGREGATES, FORMATS, SELF, Named, parse
from marco_cli.reward.process.model import ProcessModel, format_of, wants_head
from marco_cli.reward.verdict import Examiner, Render

Open = Callable[[LocatedModel, Head | None], Engine]
KEYS = ("prm", "judge")
"""Settings that name such a model."""
HEAD = "prm_head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessors:
    """What a search asks besides its own model."""

    scorer: ProcessModel | None = None
    judge: Judge | None = None
    engines: tuple[Engine, ...] = ()
    """Those that were opened for it."""


def named(settings: Settings, key: str) -> Named | None:
    """Return the model that a setting of `KEYS` names, with the words behind it; None where it names none.

    Raises:
        ConfigError: it is malformed.
    """
    spec: str | None = getattr(settings, key)
    if spec is None:
        return None
    return parse(spec, FORMATS, AGGREGATES) if key == "prm" else parse(spec, MANNERS)


def located(settings: Settings, environ: Mapping[str, str]) -> dict[str, LocatedModel]:
    """Return the other models by setting, and the head of a process model as `HEAD`.

    Raises:
        ConfigError: a setting is malformed.
        ModelNotFoundError: a model or its head is not on this machine.
    """
    named_by = {key: each for key in KEYS if (each := named(settings, key)) is not None}
    found = {key: locate(each.model, environ) for key, each in named_by.items() if each.model != SELF}
    head = _located_head(named_by["prm"], found["prm"]) if "prm" in found else None
    return found if head is None else {**found, HEAD: head}


def open_assessors(settings: Settings, models: Mapping[str, LocatedModel], own: Engine, open_engine: Open) -> Assessors:
    """Open the other models; one that both settings name is opened once, unless a head is on it.

    Raises:
        ConfigError: the model that answers is asked for a head.
        EngineError: a model or a head cannot be loaded; those that were are closed again.
    """
    opened: dict[tuple[str, bool], Engine] = {}

    def engine_of(key: str, head: Head | None = None) -> Engine:
        model = models.get(key)
        if model is None:
            return own
        place = (str(model.path), head is not None)
        if place not in opened:
            opened[place] = open_engine(model, head)
        return opened[place]

    scorer, judge = None, None
    prm, judging = named(settings, "prm"), named(settings, "judge")
    if prm is not None:
        head = read_head(models[HEAD].path) if HEAD in models else None
        engine = engine_of("prm", head)
        num_outputs = None if head is None else head.num_outputs
        form = prm.among(FORMATS) or format_of(f"{engine.info.name} {prm.model}", num_outputs)
        if wants_head(form) and head is None:
            raise ConfigError(f"{form} reads a head, and the model that answers has none", hint="--prm MODEL.gguf")
        scorer = ProcessModel(examiner(engine), form=form, aggregate=prm.among(AGGREGATES))
    if judging is not None:
        judge = Judge(examiner(engine_of("judge")), manner=judging.among(MANNERS) or "pairwise")
    return Assessors(scorer=scorer, judge=judge, engines=tuple(opened.values()))


def _located_head(prm: Named, model: LocatedModel) -> LocatedModel | None:
    """Return the head that a process model is read by; None where it answers in words.

    Raises:
        ModelNotFoundError: its format wants one, and there is none.
    """
    path, form = head_path(model.path), prm.among(FORMATS)
    is_there = path.is_file()
    wanted = form or (None if is_there else format_of(f"{model.name} {prm.model}"))
    if wanted is not None and not wants_head(wanted):
        return None
    if not is_there:
        raise ModelNotFoundError(
            f"{prm.model} has no head: {wanted} reads {path.name} beside it",
            hint="marco models head FOLDER GGUF makes it, from the folder with the model's safetensors files",
        )
    return LocatedModel(name=path.name, path=path, source=model.source, files=(path,), hashes=(None,))


def examiner(engine: Engine) -> Examiner:
    """Return what asks a model by its own chat template."""
    return Examiner(engine, _render(engine.info))


def _render(info: ModelInfo) -> Render | None:
    """Return how a model's own chat template writes turns; None where it has none."""
    try:
        choose_template(None, info.chat_template)
    except ConfigError:
        return None
    phrasing = Phrasing(settings=Settings(), info=info)

    def render(turns: tuple[Message, ...]) -> tuple[Piece, ...]:
        return phrasing.render(Prompt(messages=turns)).pieces

    return render
