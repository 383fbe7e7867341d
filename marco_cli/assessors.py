"""Models beside the one that answers: a process model (`--prm`) and a judge (`--judge`).

In: settings, and how an engine is opened. Out: what a search asks. Both are named as `MODEL[:WORD…]`, and `self` is the model
that answers, on its own engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from marco_cli.config.settings import Settings
from marco_cli.engine.base import Engine, ModelInfo
from marco_cli.errors import ConfigError
from marco_cli.models import LocatedModel, locate
from marco_cli.phrasing import Phrasing
from marco_cli.prompt.base import Message, Piece, Prompt
from marco_cli.prompt.template import choose_template
from marco_cli.reward.judge import MANNERS, Judge
from marco_cli.reward.process import AGGREGATES, FORMATS, SELF, Named, parse
from marco_cli.reward.process.model import ProcessModel, format_of
from marco_cli.reward.verdict import Examiner, Render

Open = Callable[[LocatedModel], Engine]
KEYS = ("prm", "judge")
"""Settings that name such a model."""


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
    """Return the other models by setting.

    Raises:
        ConfigError: a setting is malformed.
        ModelNotFoundError: a model is not on this machine.
    """
    found = {key: named(settings, key) for key in KEYS}
    return {key: locate(each.model, environ) for key, each in found.items() if each is not None and each.model != SELF}


def open_assessors(settings: Settings, models: Mapping[str, LocatedModel], own: Engine, open_engine: Open) -> Assessors:
    """Open the other models; one that both settings name is opened once.

    Raises:
        EngineError: a model cannot be loaded; those that were are closed again.
    """
    opened: dict[str, Engine] = {}

    def engine_of(key: str) -> Engine:
        model = models.get(key)
        if model is None:
            return own
        path = str(model.path)
        if path not in opened:
            opened[path] = open_engine(model)
        return opened[path]

    scorer, judge = None, None
    prm, judging = named(settings, "prm"), named(settings, "judge")
    if prm is not None:
        engine = engine_of("prm")
        form = prm.among(FORMATS) or format_of(f"{engine.info.name} {prm.model}")
        scorer = ProcessModel(examiner(engine), form=form, aggregate=prm.among(AGGREGATES))
    if judging is not None:
        judge = Judge(examiner(engine_of("judge")), manner=judging.among(MANNERS) or "pairwise")
    return Assessors(scorer=scorer, judge=judge, engines=tuple(opened.values()))


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
