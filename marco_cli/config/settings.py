"""Every setting of the program, once: type, default, range and help.

A new setting is one new line in `Settings`; the table `OPTIONS` is read off that class, and YAML keys, flags and
environment variables are read off the table. Where values come from is `config`'s business.
"""

from dataclasses import MISSING, Field, dataclass, fields, replace
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from marco_cli.config.option import About, Kind, Option, Pairs, TypedPairs
from marco_cli.reward import REWARDS
from marco_cli.reward.process import AGGREGATES, FORMATS
from marco_cli.search import STRATEGIES, VOTES, ReflectionMode, StepMode
from marco_cli.search.effort import AUTO, EFFORTS

UNDECIDED = "auto"
"""The word for None, "decided by the model or the machine", in files, variables, flags and listings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked; `None` means "decided by the model or the machine".

    Raises:
        ConfigError: a value has the wrong type or lies outside its range.
    """

    model: Annotated[str | None, About(help="Name or alias of a model, or path of a GGUF file.")] = None
    preset: Annotated[str | None, About(help="Name of a preset, or path of its YAML file.")] = None
    system: Annotated[
        str | None, About(help="System prompt; without one the model's chat template decides.", is_prose=True)
    ] = None
    chat_template: Annotated[
        str | None,
        About(help="`chatml` or a Jinja2 text, instead of the template that the model ships.", is_prose=True),
    ] = None
    template_var: Annotated[
        TypedPairs, About(help="NAME=VALUE that the chat template reads, e.g. reasoning_effort=low; JSON or text.")
    ] = ()
    think: Annotated[
        Literal["on", "off", "auto"],
        About(help="Whether the model thinks first, by the switch that its chat template offers; auto leaves it be."),
    ] = "auto"
    tags: Annotated[
        str,
        About(
            help="Marks of thought and output: auto as prompt, template and reply show; a format's name; or your own.",
            kind="tags",
        ),
    ] = "auto"
    prefill: Annotated[str, About(help="Forced opening of the reply.")] = ""
    prefix: Annotated[str, About(help="Text put before the question.")] = ""
    suffix: Annotated[str, About(help="Text put after the question.")] = ""
    variables: Annotated[Pairs, About(help="name=value for each {name} in system, prefix and suffix.")] = ()
    reflection_phrases: Annotated[Pairs, About(help="language=phrase that makes the model think again.")] = ()
    temperature: Annotated[
        float | None,
        About(help="Sampling temperature; 0 is greedy. auto: greedy chains, sampled searches.", least=0, most=10),
    ] = None
    top_k: Annotated[int, About(help="Sample from the k likeliest tokens; 0 is all of them.", least=0)] = 0
    top_p: Annotated[
        float, About(help="Sample from the likeliest tokens that together hold this probability.", above=0, most=1)
    ] = 1.0
    min_p: Annotated[
        float, About(help="Drop tokens below this share of the likeliest one's probability.", least=0, most=1)
    ] = 0.0
    repeat_penalty: Annotated[
        float, About(help="Makes tokens that were already said less likely; 1 is off.", above=0, most=10)
    ] = 1.0
    max_tokens: Annotated[
        int | None, About(help="Most tokens of a reply; auto is what the context leaves, 16384 at most.", least=1)
    ] = None
    max_thought_tokens: Annotated[
        int | None, About(help="Most tokens of the thought, which is then closed by force.", least=0)
    ] = None
    closing_phrase: Annotated[str, About(help="Said at the end of a thought that is closed by force.")] = ""
    output_reserve: Annotated[
        int, About(help="Tokens kept for the output when the thought uses up its budget.", least=0)
    ] = 256
    stop: Annotated[tuple[str, ...], About(help="Text that ends the reply.")] = ()
    seed: Annotated[int, About(help="Seed of all random streams.", least=0)] = 0
    ctx: Annotated[int | None, About(help="Context size in tokens.", least=1, most=100_000_000)] = None
    threads: Annotated[int | None, About(help="CPU threads.", least=1, most=512)] = None
    gpu_layers: Annotated[int | None, About(help="Layers put on the GPU.", least=-1, words=(("all", -1),))] = None
    batch: Annotated[int | None, About(help="Most tokens evaluated at once.", least=1, most=65_536)] = None
    # llama.cpp has at most 256 sequence ids; one stays free for what the others fork from.
    parallel: Annotated[int | None, About(help="Most requests decoded at once.", least=1, most=255)] = None
    effort: Annotated[
        str | None,
        About(help="How hard to think. auto answers at once and searches on when in doubt.", choices=(AUTO, *EFFORTS)),
    ] = None
    strategy: Annotated[
        str | None, About(help="How to search, instead of the effort's own strategy.", choices=STRATEGIES)
    ] = None
    simulations: Annotated[int | None, About(help="Budget: simulations of a tree, replies of the others.", least=1)] = (
        None
    )
    max_search_tokens: Annotated[int | None, About(help="Budget: decoded tokens.", least=1)] = None
    time_limit: Annotated[float | None, About(help="Budget: seconds.", above=0)] = None
    certainty: Annotated[
        float | None,
        About(
            help="Stop when the leading answer stays ahead with this probability; 1 never stops early.", above=0, most=1
        ),
    ] = None
    step: Annotated[StepMode | None, About(help="What one step of the tree is.")] = None
    reflection: Annotated[
        ReflectionMode | None, About(help="When the model is made to think again at the end of a thought.")
    ] = None
    reward: Annotated[str | None, About(help="What a finished path is worth.", choices=REWARDS)] = None
    vote: Annotated[str | None, About(help="How finished paths become one answer.", choices=VOTES)] = None
    prm: Annotated[
        str | None,
        About(
            help="MODEL[:FORMAT[:AGGREGATE]] that scores each step; formats: "
            f"{', '.join(FORMATS)}; aggregates: {', '.join(AGGREGATES)}."
        ),
    ] = None
    judge: Annotated[
        str | None,
        About(help="MODEL or self, with :pairwise or :pointwise, that chooses among replies to an open question."),
    ] = None
    corrects: Annotated[
        bool | None, About(help="Put false arithmetic right while a search writes it. Default: yes, but in mcts-paper.")
    ] = None
    programs: Annotated[
        float | None,
        About(
            help="Share of the replies of mcts that answer with a program, which is run; 0: none. Default: two thirds, a quarter for "
            "models that think first.",
            least=0,
            most=1,
        ),
    ] = None
    doubt_below: Annotated[
        float | None, About(help="Mean confidence below which auto searches on; measured per model.", least=0, most=1)
    ] = None
    check: Annotated[
        tuple[str, ...],
        About(help="KIND or KIND:ARG that knows a right answer, which ends the search; wrong ones leave the vote."),
    ] = ()
    thought: Annotated[
        Literal["auto", "full", "hide"], About(help="Show the thought: folded, whole, or not at all.")
    ] = "auto"
    trace: Annotated[bool, About(help="Keep the evidence of each answer: see marco traces.")] = True
    trace_limit: Annotated[
        int, About(help="Megabytes of traces that are kept; the oldest go first.", least=1, most=1_000_000)
    ] = 500

    def __post_init__(self) -> None:
        for key, option in OPTIONS.items():
            option.check(getattr(self, key), where=key)


_KINDS: dict[object, Kind] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "switch",
    tuple[str, ...]: "texts",
    Pairs: "pairs",
    TypedPairs: "typed pairs",
}


def _option(field: "Field[object]", annotation: object) -> Option:
    """Read one field of `Settings`; a missing `About` or a type outside `_KINDS` is a bug and fails at import."""
    plain, about = get_args(annotation)
    members = get_args(plain)
    is_optional = NoneType in members
    if is_optional:
        plain = next(member for member in members if member is not NoneType)
    if get_origin(plain) is Literal:
        about, plain = replace(about, choices=get_args(plain)), str
    return Option(
        key=field.name,
        kind=about.kind or _KINDS[plain],
        about=replace(about, words=((UNDECIDED, None), *about.words)) if is_optional else about,
        default=None if field.default is MISSING else field.default,  # type: ignore[arg-type]  # a field's default is Any
        is_optional=is_optional,
    )


def _table() -> dict[str, Option]:
    annotations = get_type_hints(Settings, include_extras=True)
    return {field.name: _option(field, annotations[field.name]) for field in fields(Settings)}


OPTIONS: dict[str, Option] = _table()
"""Key → option, in the order of the fields."""
