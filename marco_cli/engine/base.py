"""What an engine is: token ids in, scored tokens out.

A `Request` asks for the continuation of a token prefix, a `Completion` is what was sampled, with one row of scores a
token. Engines know nothing of chat templates, sections, steps or trees; callers bring token ids and keep them,
so text is never tokenised twice.

All log-probabilities are natural logarithms (nats) under the model's own distribution: softmax of the raw logits at
temperature 1, before penalties, top-k, top-p and min-p.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from marco_cli.errors import ConfigError

NUM_TOP = 5
"""How many alternatives are kept a token: the K of the confidence in the Marco-o1 paper (arXiv 2411.14405)."""

HEAD_PROBES = (1, 0)
"""`Request.probe_ids` of a model with a head in place of words (`engine.head`): good and bad."""

FinishReason = Literal["eos", "stop", "step", "length", "loop", "cancelled"]
"""Why a completion ended: an end-of-generation id, a stop text, `Request.stop_when`, `max_tokens`, or a cancel; and of a reply,
that it said the same again and again."""

StopRule = Callable[[bytes, int], bool]
"""`stop_when(data, num_sampled)`: is this the end of a step? `data` is what was sampled so far, as bytes."""

TokenListener = Callable[[int, bytes], None]
"""`on_token(id, piece)`: called on the event loop after each sampled token; a piece may be part of a character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How the next token is drawn. Filters apply in this order: penalty, temperature, top-k, top-p, min-p."""

    temperature: float = 0.0
    """0 takes the most likely token."""
    top_k: int = 0
    """Keep the k most likely tokens; 0 keeps all."""
    top_p: float = 1.0
    """Keep the smallest set of most likely tokens whose probability reaches p, in (0, 1]."""
    min_p: float = 0.0
    """Keep tokens at least this likely relative to the most likely one, in [0, 1]."""
    repeat_penalty: float = 1.0
    """Divide (multiply, if negative) the logits of the tokens seen in the last `repeat_window` by this."""
    repeat_window: int = 64

    def __post_init__(self) -> None:
        """Refuse values outside their ranges."""
        for name, ok, expected in (
            ("temperature", self.temperature >= 0, "0 or more"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("min_p", 0 <= self.min_p <= 1, "between 0 and 1"),
            ("repeat_penalty", self.repeat_penalty > 0, "above 0"),
            ("repeat_window", self.repeat_window >= 0, "0 or more"),
        ):
            if not ok:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected {expected}")


GREEDY = SamplingParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Ask for the continuation of `prompt_ids` + `forced_ids`."""

    prompt_ids: tuple[int, ...]
    forced_ids: tuple[int, ...] = ()
    """Tokens that we insert before sampling starts; they open the completion, marked and unscored."""
    max_tokens: int
    """Sampled tokens at most; 0 evaluates the prompt and answers only `probe_ids`."""
    sampling: SamplingParams = GREEDY
    seed: int = 0
    """The request's own random stream: its tokens do not depend on what else is running."""
    stop_when: StopRule | None = None
    probe_ids: tuple[int, ...] = ()
    """Ids whose log-probability is wanted at the first sampled position."""
    keep_tokens: int | None = None
    """How many tokens of prompt and completion stay in the prefix cache afterwards; None keeps all."""

    def __post_init__(self) -> None:
        """Refuse an empty prompt and negative counts."""
        if not self.prompt_ids and not self.forced_ids:
            raise ConfigError("the prompt has no tokens, expected at least 1")
        if self.max_tokens < 0:
            raise ConfigError(f"max_tokens is {self.max_tokens}, expected 0 or more")
        if self.keep_tokens is not None and self.keep_tokens < 0:
            raise ConfigError(f"keep_tokens is {self.keep_tokens}, expected 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tokens:
    """A run of n tokens with their scores: one row a token, columns as arrays that must not be written to."""

    ids: NDArray[np.int32]
    """[n]"""
    is_sampled: NDArray[np.bool_]
    """[n]; False = forced: the scores of that row are NaN (`top_ids` -1)."""
    logprobs: NDArray[np.float32]
    """[n] nats, of the token itself"""
    top_ids: NDArray[np.int32]
    """[n, NUM_TOP], most likely first"""
    top_logprobs: NDArray[np.float32]
    """[n, NUM_TOP] nats"""
    entropy: NDArray[np.float32]
    """[n] nats, of the whole distribution"""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> "Tokens":
        return Tokens(**{name: getattr(self, name)[rows] for name in self.__slots__})

    @property
    def confidence(self) -> NDArray[np.float32]:
        """[n] c_i = exp(p(t_i)) / Σ_{k≤5} exp(p(t_k)), in (0, 1] (arXiv 2411.14405, the confidence score).

        The softmax normaliser cancels, so the sum runs over the five most likely tokens; a sampled token outside the
        five is added to the sum, which the paper leaves open and which keeps c_i ≤ 1. NaN where forced.
        """
        top = np.exp(self.top_logprobs)
        own = np.exp(self.logprobs)
        outside = ~(self.top_ids == self.ids[:, None]).any(axis=1)  # else it is in the sum already
        confidence: NDArray[np.float32] = own / (top.sum(axis=1) + np.where(outside, own, 0))
        return confidence

    @property
    def margin(self) -> NDArray[np.float32]:
        """[n] p1 - p2: how much more likely the best token was than the second, in [0, 1]. NaN where forced."""
        margin: NDArray[np.float32] = np.exp(self.top_logprobs[:, 0]) - np.exp(self.top_logprobs[:, 1])
        return margin

    @staticmethod
    def forced(ids: Sequence[int]) -> "Tokens":
        """Return unscored rows for tokens that we insert."""
        n = len(ids)
        nan = np.full((n, NUM_TOP), np.nan, dtype=np.float32)
        return Tokens(
            ids=np.asarray(ids, dtype=np.int32),
            is_sampled=np.zeros(n, dtype=np.bool_),
            logprobs=nan[:, 0],
            top_ids=np.full((n, NUM_TOP), -1, dtype=np.int32),
            top_logprobs=nan,
            entropy=nan[:, 0],
        )

    @staticmethod
    def concat(parts: Sequence["Tokens"]) -> "Tokens":
        """Return the parts in order as one run; no parts give an empty run."""
        if not parts:
            return Tokens.forced(())
        return Tokens(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in Tokens.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What work cost. Adds with `+`; shares of work done together (seconds) add up to the whole."""

    decoded: int = 0
    """Tokens sampled."""
    prefilled: int = 0
    """Prompt and forced tokens evaluated."""
    reused: int = 0
    """Tokens taken from the KV memory, or from a row that another request had evaluated in the same tick."""
    evaluated: int = 0
    """Rows that went through the model."""
    forks: int = 0
    """Sequences started from a cached prefix."""
    evictions: int = 0
    """Cached prefixes given up for room, and running requests preempted."""
    ticks: int = 0
    """Decode calls taken part in."""
    width_sum: int = 0
    """Requests that took part, summed over those ticks."""
    model_seconds: float = 0.0
    """Share of the time inside the model's decode call."""
    other_seconds: float = 0.0
    """Share of the time spent planning and sampling."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) - getattr(other, name) for name in self.__slots__})

    @property
    def mean_batch_width(self) -> float:
        """Requests running together on average, 0 before the first tick."""
        return self.width_sum / self.ticks if self.ticks else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Completion:
    """What came of a request."""

    tokens: Tokens
    """Forced tokens first, then the sampled ones (an end-of-generation id included)."""
    data: bytes
    """The text of the sampled tokens; may begin or end inside a UTF-8 character."""
    finish_reason: FinishReason
    probe_logprobs: tuple[float, ...] = ()
    """Nats, in the order of `Request.probe_ids`."""
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str:
        """The data as text; broken characters become U+FFFD."""
        return self.data.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What is known of the loaded model."""

    name: str
    path: str | None = None
    architecture: str = ""
    num_parameters: int = 0
    num_vocab: int
    train_context: int
    """Positions that the model was trained on."""
    chat_template: str | None = None
    """Jinja2 source, as the model ships it."""
    bos_id: int | None = None
    """The id that every prompt of this vocabulary begins with, if it wants one."""
    bos_text: str = ""
    eos_text: str = ""
    eos_ids: frozenset[int] = frozenset()
    """The main end-of-generation ids; the model may know more of them, and any ends a completion."""
    settings: tuple[tuple[str, str], ...] = ()
    """How it was loaded (threads, layers on the GPU, context, …), for people."""


class Engine(Protocol):
    """Token ids in, scored tokens out; any number of requests at once."""

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        ...

    @property
    def context_size(self) -> int:
        """Tokens that one request may have, prompt and completion together."""
        ...

    @property
    def usage(self) -> Usage:
        """What all work since opening cost."""
        ...

    @property
    def max_num_seqs(self) -> int:
        """Requests that are decoded together at most; more wait their turn."""
        ...

    def tokenize(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the ids of a text; only with `special` do control tokens written in it count as such."""
        ...

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of the ids; control tokens are empty, but for those that are to be spelt out."""
        ...

    def is_control(self, token: int) -> bool:
        """Say whether an id is a control token, spelt out or not."""
        ...

    def spell(self, marks: Sequence[str]) -> None:
        """Spell out the control tokens of these texts from here on, but for those that end the generation."""
        ...

    async def generate(self, request: Request, on_token: TokenListener | None = None) -> Completion:
        """Continue a prefix.

        Cancelling the awaiting task drops the request within one tick.

        Raises:
            ContextOverflowError: prompt and allowance do not fit the context together.
            DecodeError: the model refused to evaluate it.
        """
        ...

    async def reset_cache(self, ids: Sequence[int]) -> None:
        """Forget everything but the longest prefix of `ids` that the KV memory holds; with work in flight, do nothing.

        Where tokens lie in the memory moves the last bits of what is computed. When each of many problems begins with
        this, and ends before the next one begins, each comes out the same to the bit, whichever came before it.
        """
        ...

    def free_suffixes(self, ids: Sequence[int]) -> None:
        """Say that nothing will go on from `ids` any more: what the KV memory holds beyond them alone is given up.

        Takes effect before the next decode call. A prefix of `ids` stays, if nothing else holds one.
        """
        ...

    def cancel(self) -> None:
        """End every request in flight with what it has (`finish_reason` "cancelled"), within one tick."""
        ...

    async def close(self) -> None:
        """Drop requests in flight and free the model's memory; closing twice is harmless."""
        ...
