"""Where a model, a preset and a strategy meet: a question in, a `SearchResult` out.

`resolve_settings` and `open_solver` turn settings into an open engine; `Solver.problem` turns a question into a problem and
`Solver.solve` runs a strategy on it. Commands, batches and evaluations go through here and nowhere else.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from marco_cli import assessors
from marco_cli.answer.language import is_chinese
from marco_cli.assessors import Assessors
from marco_cli.check import monty
from marco_cli.check.panel import Checks
from marco_cli.config.layers import resolve
from marco_cli.config.settings import Settings
from marco_cli.engine.base import Engine, TokenListener
from marco_cli.engine.batched import BatchedEngine
from marco_cli.engine.head import Head
from marco_cli.errors import ConfigError, InputError
from marco_cli.models import LocatedModel
from marco_cli.models.admission import admit
from marco_cli.models.choice import choose_model, implied_preset, template_format
from marco_cli.models.memory import refuse_excess
from marco_cli.phrasing import Phrasing
from marco_cli.plan import SearchPlan, search_plan
from marco_cli.prompt import worker
from marco_cli.prompt.base import Message, Prompt
from marco_cli.search.base import DEFAULT_REFLECTION, Problem, SearchResult
from marco_cli.search.budget import Stop
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.events import EventListener
from marco_cli.search.program import Interpreter
from marco_cli.search.route import answer_or_search
from marco_cli.search.solve import search
from marco_cli.sections import NONE, Tags
from marco_cli.sections.format import read_tags, relevant
from marco_cli.sections.opening import begun

_MOST_CHARACTERS = 256
"""Of a token, on the average of a whole prompt: the longest tokens of real vocabularies are runs of 128 spaces."""

if TYPE_CHECKING:
    from marco_cli.engine.llama_weights import Weights


def resolve_settings(
    flags: Mapping[str, object], environ: Mapping[str, str], config: str | None = None
) -> tuple[Settings, LocatedModel]:
    """Merge all layers of settings and find the model that they name; its own preset is the weakest layer.

    Raises:
        ConfigError: a setting is wrong.
        ModelNotFoundError: the model is not on this machine.
    """
    resolved = resolve(
        flags=flags, env=environ, config=config, implied_preset=lambda name: implied_preset(choose_model(name, environ))
    )
    return resolved.settings, choose_model(resolved.settings.model, environ)


class Solver:
    """An open engine, with the plan and the model that it was opened for. Any question may come with a plan of its own."""

    def __init__(
        self,
        *,
        engine: Engine,
        plan: SearchPlan,
        model: LocatedModel,
        checks: Checks | None = None,
        assessors: Assessors | None = None,
    ) -> None:
        self.engine = engine
        self.plan = plan
        self.model = model
        self.checks = checks or Checks()
        self.assessors = assessors or Assessors()
        """Models beside the one that answers."""

    def phrasing(self, plan: SearchPlan | None = None) -> Phrasing:
        """Return how questions are put to the model."""
        return Phrasing(settings=(plan or self.plan).settings, info=self.engine.info)

    def problem(
        self, question: str, plan: SearchPlan | None = None, *, history: tuple[Message, ...] = (), tests: str = ""
    ) -> Problem:
        """Put the preset's texts and the model's chat template around a question; `tests` are for its checks alone.

        Raises:
            InputError: the question is empty, no text, or so long that it need not be tokenised.
            ConfigError: the model has no usable chat template.
        """
        phrasing, engine = self.phrasing(plan), self.engine
        settings = phrasing.settings
        prompt = phrasing.prompt(question, history=history)
        _refuse_huge(prompt, engine.context_size)
        rendered = phrasing.render(prompt)
        ids = phrasing.encode(rendered, lambda text, special: engine.tokenize(text, special=special), engine.is_control)
        tags, beginning = begun(rendered.ending, prompt.prefill, _tags(phrasing))
        engine.spell(tuple(mark for each in relevant(tags) for mark in each.marks))
        return Problem(
            prompt_ids=ids,
            tags=tags,
            prefill=beginning,
            max_tokens=settings.max_tokens,
            max_thought_tokens=settings.max_thought_tokens,
            closing_phrase=settings.closing_phrase,
            output_reserve=settings.output_reserve,
            stop_texts=settings.stop,
            question=question,
            tests=tests,
            prompt_text=rendered.text,
            reflection=_reflection(settings, question),
        )

    async def solve(
        self,
        problem: Problem,
        plan: SearchPlan | None = None,
        *,
        on_event: EventListener | None = None,
        on_token: TokenListener | None = None,
        stop: Stop | None = None,
    ) -> SearchResult:
        """Search for the answer as the plan says; `on_token` hears the first chain.

        Raises:
            ConfigError: the plan asks for other models than were opened.
        """
        plan = plan or self.plan
        run = answer_or_search if plan.is_routed else search
        return await run(problem, self.context(plan, on_event=on_event, on_token=on_token, stop=stop), plan.config)

    def context(
        self,
        plan: SearchPlan,
        *,
        on_event: EventListener | None = None,
        on_token: TokenListener | None = None,
        stop: Stop | None = None,
    ) -> SearchContext:
        """Return what a search by this plan works with.

        Raises:
            ConfigError: the plan asks for other models than were opened.
        """
        asked = self.assessors_for(plan)
        return SearchContext(
            engine=self.engine,
            scorer=asked.scorer,
            judge=asked.judge,
            verifier=self.checks.panel(plan.settings.check),
            interpreter=open_interpreter(plan.config, self.checks),
            on_event=on_event,
            on_token=on_token,
            stop=stop or Stop(),
        )

    def assessors_for(self, plan: SearchPlan) -> Assessors:
        """Return what a search by this plan asks besides its own model.

        Raises:
            ConfigError: another model than was opened.
        """
        asked = {key: getattr(plan.settings, key) for key in assessors.KEYS}
        for key, name in asked.items():
            opened = getattr(self.plan.settings, key)
            if name not in (None, opened):
                raise ConfigError(
                    f"{key} is {name} here, and {opened or 'no model'} is open", hint=f"use one {key} for all"
                )
        return replace(
            self.assessors,
            scorer=self.assessors.scorer if asked["prm"] else None,
            judge=self.assessors.judge if asked["judge"] else None,
        )

    async def close(self) -> None:
        """Free the memory of all models, and end what the checks have started."""
        await self.checks.close()
        await self.engine.close()
        for engine in self.assessors.engines:
            await engine.close()


def open_solver(settings: Settings, model: LocatedModel, environ: Mapping[str, str]) -> Solver:
    """Load a model as the settings say, and those that assess its replies.

    Raises:
        ConfigError: the search cannot be done as asked for.
        ModelNotFoundError: a model that assesses is not on this machine.
        EngineError: a model cannot be loaded.
    """
    worker.start()  # ready before the model is
    plan = search_plan(settings)
    checks = Checks()
    checks.panel(settings.check)  # a check that cannot be used costs no model load
    open_interpreter(plan.config, checks)
    others = assessors.located(settings, environ)
    with ExitStack() as opened:

        def load(located: LocatedModel, head: Head | None = None) -> BatchedEngine:
            engine = _open(plan, located, environ, head)
            opened.callback(engine.discard)
            return engine

        own = load(model)
        asked = assessors.open_assessors(settings, others, own, load)
        opened.pop_all()
    return Solver(engine=own, plan=plan, model=model, checks=checks, assessors=asked)


def open_interpreter(config: SearchConfig, checks: Checks) -> Interpreter | None:
    """Return what runs the programs that replies answer with; None where no reply does, or it is missing and was not asked for.

    Raises:
        ConfigError: programs were asked for, and it is not installed.
    """
    is_usual = config.programs is None
    if not config.entry.has_programs or config.programs == 0 or (is_usual and not monty.is_installed()):
        return None
    return checks.calculator()


def open_vocabulary(model: LocatedModel, environ: Mapping[str, str]) -> "Weights":
    """Load what a model file says of itself and of its tokens, without the weights.

    Raises:
        EngineError: it cannot be loaded.
    """
    admit(model, environ)
    from marco_cli.engine.llama_library import begin  # noqa: PLC0415 (takes a while)
    from marco_cli.engine.llama_weights import Weights  # noqa: PLC0415

    begin()
    return Weights(model.path, gpu_layers=0, vocabulary_only=True)


def _open(plan: SearchPlan, model: LocatedModel, environ: Mapping[str, str], head: Head | None) -> BatchedEngine:
    settings = plan.settings
    header = admit(model, environ)
    from marco_cli.engine.llama_library import free_gpu_memory  # noqa: PLC0415 (takes a while)
    from marco_cli.engine.llamacpp import DEFAULT_MAX_NUM_SEQS, LlamaOptions, open_engine  # noqa: PLC0415 (takes a while)

    refuse_excess(header, ctx=settings.ctx, batch=settings.batch, gpu_memory=free_gpu_memory() or 0)
    options = LlamaOptions(
        cells=settings.ctx,
        max_num_seqs=max(plan.config.parallel, DEFAULT_MAX_NUM_SEQS),
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
        batch=settings.batch,
    )
    return open_engine(model.path, options, name=model.name, head=head)


def _tags(phrasing: Phrasing) -> Tags:
    """Return the reply format to expect: the settings' or the template's. Only with `none` the reply cannot change it."""
    named = read_tags(phrasing.settings.tags)
    if named is not None:
        return named.free if named.marks else named
    return (template_format(phrasing.template) or NONE).free


def _refuse_huge(prompt: Prompt, context_size: int) -> None:
    """Refuse a prompt that cannot fit: to tokenise 60 MB takes llama.cpp a minute and 5 GB."""
    num_characters = sum(len(message.content) for message in prompt.messages)
    if num_characters > _MOST_CHARACTERS * context_size:
        raise InputError(
            f"the prompt has {num_characters} characters, more than a context of {context_size} tokens can hold",
            hint="shorten the prompt",
        )


def _reflection(settings: Settings, question: str) -> str:
    """Return the phrase that makes the model think again, in the language of the question where the preset has one."""
    phrases = dict(settings.reflection_phrases)
    return phrases.get("zh" if is_chinese(question) else "en", DEFAULT_REFLECTION)
