"""Where a model, a preset and a strategy meet: a question in, a `SearchResult` out.

`resolve_settings` and `open_solver` turn settings into an open engine; `Solver.solve` turns a question into a problem and
runs a strategy on it. Commands, batches and evaluations go through here and nowhere else.
"""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marco_cli.check.panel import Checks
from marco_cli.config.layers import resolve
from marco_cli.config.settings import Settings
from marco_cli.engine.base import Engine, SamplingParams, TokenListener
from marco_cli.engine.batched import BatchedEngine
from marco_cli.errors import ConfigError, InputError
from marco_cli.models import LocatedModel, locate
from marco_cli.models.admission import admit
from marco_cli.models.choice import choose_model, implied_preset, template_format
from marco_cli.models.memory import refuse_excess
from marco_cli.phrasing import Phrasing
from marco_cli.prompt import worker
from marco_cli.prompt.base import Message, Prompt
from marco_cli.search import STRATEGIES
from marco_cli.search.base import DEFAULT_REFLECTION, Problem, Reply, SearchResult, is_chinese
from marco_cli.search.budget import Stop
from marco_cli.search.config import SearchConfig
from marco_cli.search.effort import AUTO, AUTO_SEARCH, EFFORTS
from marco_cli.search.events import EventListener
from marco_cli.search.paper import paper_config
from marco_cli.search.route import answer_or_search
from marco_cli.search.solve import search
from marco_cli.sections import NONE, SectionParser, Tags
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


def sampling_params(settings: Settings) -> SamplingParams:
    """Return how a search draws tokens: greedily at temperature 0, and without a temperature at its own."""
    usual = SearchConfig().sampling
    is_usual = settings.temperature is None
    return SamplingParams(
        temperature=usual.temperature if settings.temperature is None else settings.temperature,
        top_k=settings.top_k,
        top_p=usual.top_p if is_usual and settings.top_p == 1 else settings.top_p,
        min_p=settings.min_p,
        repeat_penalty=settings.repeat_penalty,
    )


def search_plan(settings: Settings) -> tuple[SearchConfig, bool]:
    """Return how to search, and whether a chain comes first and may make the search unnecessary.

    Without an effort it is `auto`; with a strategy or a number of simulations, which ask for a search, `medium` with that
    changed. A chain is greedy unless a temperature above 0 is set.

    Raises:
        ConfigError: the settings do not go together, or the temperature is 0 and the strategy lives on differing samples.

    """
    is_direct = settings.strategy is not None or settings.simulations is not None
    effort = settings.effort or ("medium" if is_direct else AUTO)
    bundle = AUTO_SEARCH if effort == AUTO else EFFORTS[effort]
    is_sampled = bool(settings.temperature)
    strategy = settings.strategy or ("sample" if is_sampled and bundle.strategy == "cot" else bundle.strategy)
    if settings.temperature == 0 and STRATEGIES[strategy].needs_chance:
        raise ConfigError(
            f"at temperature 0 all replies of {strategy} would be the same",
            hint="leave the temperature out, which samples at 0.7, or use --strategy mcts, which then searches greedily",
        )
    chosen: dict[str, Any] = {
        "strategy": strategy,
        "seed": settings.seed,
        "sampling": sampling_params(settings),
        "greedy_first": not is_sampled,
        "parallel": settings.parallel or bundle.parallel,
        "simulations": settings.simulations or bundle.simulations,
        "max_search_tokens": settings.max_search_tokens or bundle.max_search_tokens,
        "time_limit": settings.time_limit or bundle.time_limit,
    }
    for key in ("certainty", "step", "reflection", "reward", "vote", "doubt_below"):
        value = getattr(settings, key)
        if value is not None:
            chosen[key] = value
    config = SearchConfig(**chosen)
    if strategy == "mcts-paper":
        config = paper_config(settings.step or "line", base=config)
    return config, effort == AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Solver:
    """An open engine with the settings that questions are put to it with."""

    engine: Engine
    settings: Settings
    model: LocatedModel
    critic: Engine | None = None
    """Who judges the steps of `tot`, if it is not the model itself."""
    checks: Checks = field(default_factory=Checks)

    @property
    def phrasing(self) -> Phrasing:
        """How questions are put to the model."""
        return Phrasing(settings=self.settings, info=self.engine.info)

    def prompt(self, question: str, *, history: tuple[Message, ...] = ()) -> Prompt:
        """Put the preset's texts around a question.

        Raises:
            InputError: the question is empty or no text.
            ConfigError: the model has no usable chat template.

        """
        return self.phrasing.prompt(question, history=history)

    def problem(self, question: str, *, history: tuple[Message, ...] = (), tests: str = "") -> Problem:
        """Put the preset's texts and the model's chat template around a question; `tests` are for its checks alone.

        Raises:
            InputError: the question is empty, no text, or so long that it need not be tokenised.
            ConfigError: the model has no usable chat template.

        """
        settings, phrasing, engine = self.settings, self.phrasing, self.engine
        prompt = phrasing.prompt(question, history=history)
        _refuse_huge(prompt, engine.context_size)
        rendered = phrasing.render(prompt)
        ids = phrasing.encode(rendered, lambda text, special: engine.tokenize(text, special=special), engine.is_control)
        tags, beginning = begun(rendered.ending, prompt.prefill, self._tags(phrasing.template))
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

    def _tags(self, template: str) -> Tags:
        """Return the reply format to expect: the settings' or the template's. Only with `none` the reply cannot change it."""
        named = read_tags(self.settings.tags)
        if named is not None:
            return named.free if named.marks else named
        return (template_format(template) or NONE).free

    async def solve(
        self,
        problem: Problem,
        *,
        on_event: EventListener | None = None,
        on_token: TokenListener | None = None,
        stop: Stop | None = None,
    ) -> SearchResult:
        """Search for the answer as the settings say; `on_token` hears the first chain."""
        config, is_routed = search_plan(self.settings)
        run = answer_or_search if is_routed else search
        return await run(
            problem,
            engine=self.engine,
            config=config,
            critic=self.critic,
            verifier=self.checks.panel(self.settings.check),
            on_event=on_event,
            on_token=on_token,
            stop=stop,
        )

    def section_lengths(self, problem: Problem, reply: Reply) -> tuple[int, int]:
        """Return how many sampled tokens of a reply belong to its thought, tags included, and how many to its output."""
        parser = SectionParser(problem.tags)
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        parser.skim(problem.prefill)
        thought = output = 0
        for token, is_sampled in zip(reply.tokens.ids.tolist(), reply.tokens.is_sampled.tolist(), strict=True):
            parser.skim(decode(self.engine.detokenize((token,))))
            is_output = parser.inside == "output" or (output > 0 and parser.inside is None)
            output += is_output and is_sampled
            thought += not is_output and is_sampled
        return (thought, output) if parser.tags.marks else (0, thought + output)

    async def close(self) -> None:
        """Free the memory of the model, and of the critic, and end what the checks have started."""
        await self.checks.close()
        await self.engine.close()
        if self.critic is not None:
            await self.critic.close()


def open_solver(settings: Settings, model: LocatedModel, environ: Mapping[str, str]) -> Solver:
    """Load a model, and a critic if there is to be one, as the settings say.

    Raises:
        ConfigError: the search cannot be done as asked for.
        ModelNotFoundError: the critic is not on this machine.
        EngineError: a model cannot be loaded.

    """
    worker.start()  # ready before the model is
    config, _ = search_plan(settings)
    checks = Checks()
    checks.panel(settings.check)  # a check that cannot be used costs no model load
    critic = None if settings.critic is None else locate(settings.critic, environ)
    engine = _open(settings, model, config.parallel, environ)
    try:
        judge = None if critic is None else _open(settings, critic, config.parallel, environ)
    except BaseException:
        engine.discard()
        raise
    return Solver(engine=engine, settings=settings, model=model, critic=judge, checks=checks)


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


def _open(settings: Settings, model: LocatedModel, parallel: int, environ: Mapping[str, str]) -> BatchedEngine:
    header = admit(model, environ)
    from marco_cli.engine.llama_library import free_gpu_memory  # noqa: PLC0415 (takes a while)
    from marco_cli.engine.llamacpp import DEFAULT_PLACES, LlamaOptions, open_engine  # noqa: PLC0415 (takes a while)

    refuse_excess(header, ctx=settings.ctx, batch=settings.batch, gpu_memory=free_gpu_memory() or 0)
    options = LlamaOptions(
        cells=settings.ctx,
        places=max(parallel, DEFAULT_PLACES),
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
        batch=settings.batch,
    )
    return open_engine(model.path, options, name=model.name)


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
