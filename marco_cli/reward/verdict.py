"""A question that a model answers with one of two words, read off its logits.

In: a `Passage`, which ends where one of two words comes next, or where a model with a head gives its verdict. Out: the log-odds of
the first. Nothing is sampled, unless the passage asks for a critique, and a passage that begins as an earlier one did costs what is
new of it: the engine keeps prefixes. Texts are handed over, so the model that judges may have any vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from typing import Final

from marco_cli.engine.base import HEAD_PROBES, Engine, Request, Usage
from marco_cli.errors import ConfigError, ContextOverflowError, quoted
from marco_cli.prompt.base import Message, Piece, encode

Pieces = tuple[Piece, ...]
Render = Callable[[tuple[Message, ...]], Pieces]
"""Messages → what the model's chat template makes of them, up to where the next reply begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Critique:
    """What the model writes before its verdict."""

    max_tokens: int
    until: str
    """The words that its verdict follows, which also end the critique."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What a model is shown; its verdict is the next word."""

    text: str = ""
    """Plain text, as it stands; for formats without a chat template."""
    turns: tuple[Message, ...] = ()
    """Or turns of a dialogue, which the chat template writes."""
    opening: Pieces = ()
    """How the model's reply to the turns begins."""
    parts: tuple[str, ...] = ()
    """Or texts that are tokenised each for itself, behind the token that a text of the vocabulary begins with."""
    good: str = ""
    bad: str = ""
    """The two words that may come next, with the space before them where one belongs there."""
    mark: str | None = None
    """In place of words: the token that the passage ends with, at which the model's head (`engine.head`) gives its verdict."""
    critique: Critique | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a model thinks of a passage."""

    log_odds: float
    """ln P(good) - ln P(bad), in nats."""
    usage: Usage


class Examiner:
    """A model that reads passages."""

    def __init__(self, engine: Engine, render: Render | None) -> None:
        self._engine = engine
        self._render = render
        """None for a model without a chat template: turns then stand below each other."""

    async def verdict(self, passage: Passage) -> Verdict | None:
        """Return what the model thinks of a passage; None when its context cannot hold it, or the engine gave it up.

        Raises:
            ConfigError: the model's vocabulary does not tell the two words apart, or has no such mark.
            DecodeError: the model refused to evaluate it.
        """
        usage = Usage()
        try:
            shown = self._written(passage)
            if passage.critique is not None:
                said, usage = await self._criticised(shown, passage.critique)
                shown = (*shown, Piece(text=said, is_control=False))
            prompt, probes = self._question(shown, passage) if passage.mark is None else self._marked(shown, passage)
            completion = await self._engine.generate(Request(prompt_ids=prompt, max_tokens=0, probe_ids=probes))
        except ContextOverflowError:
            return None
        if completion.finish_reason == "cancelled":
            return None
        good, bad = completion.probe_logprobs
        return Verdict(log_odds=good - bad, usage=usage + completion.usage)

    async def _criticised(self, shown: Pieces, critique: Critique) -> tuple[str, Usage]:
        """Let the model write its critique; return it, up to where its verdict follows."""
        mark = critique.until.encode()
        ids = self._encode(shown, "")
        room = self._engine.context_size - len(ids) - len(self._engine.tokenize(critique.until)) - _LAST
        completion = await self._engine.generate(
            Request(
                prompt_ids=ids,
                max_tokens=max(1, min(critique.max_tokens, room)),
                stop_when=lambda data, _: mark in data,
            )
        )
        said = completion.text.partition(critique.until)[0]
        return f"{said.rstrip()}\n{critique.until}", completion.usage

    def _question(self, shown: Pieces, passage: Passage) -> tuple[tuple[int, ...], tuple[int, int]]:
        """Return the ids after which the two words part, and the first id of each from there on."""
        good, bad = self._encode(shown, passage.good), self._encode(shown, passage.bad)
        pairs = list(zip(good, bad, strict=False))
        at = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
        if not at:
            words = f"{quoted(passage.good)} and {quoted(passage.bad)}"
            raise ConfigError(f"the vocabulary of {self._engine.info.name} does not tell {words} apart")
        return good[:at], (good[at], bad[at])

    def _marked(self, shown: Pieces, passage: Passage) -> tuple[tuple[int, ...], tuple[int, int]]:
        """Return the ids of a passage that ends with its mark, and what a head is asked for."""
        engine = self._engine
        if passage.parts:
            begin = engine.tokenize(engine.info.bos_text, special=True)
            ids = (*begin, *(token for part in passage.parts for token in engine.tokenize(part)))
        else:
            ids = self._encode(shown, "")
        if engine.tokenize(passage.mark or "", special=True) != ids[-1:]:
            raise ConfigError(
                f"the vocabulary of {engine.info.name} has no token {quoted(passage.mark)}",
                hint="name the format that the model was trained for: --prm MODEL:FORMAT",
            )
        return ids, HEAD_PROBES

    def _encode(self, shown: Pieces, word: str) -> tuple[int, ...]:
        """Return the ids of what is shown and the word after it, tokenised together as in training."""
        engine = self._engine
        return encode(
            (*shown, Piece(text=word, is_control=False)),
            lambda text, special: engine.tokenize(text, special=special),
            is_control=engine.is_control,
            bos_id=engine.info.bos_id,
        )

    def _written(self, passage: Passage) -> Pieces:
        if passage.turns and self._render is not None:
            return (*self._render(passage.turns), *passage.opening)
        text = passage.text + "".join(f"{turn.content}\n" for turn in passage.turns)
        return (Piece(text=text, is_control=False), *passage.opening)


def probability(log_odds: float) -> float:
    """Return the logistic function, in [0, 1]."""
    return 1 / (1 + exp(-max(-_FAR, min(_FAR, log_odds))))


_LAST: Final = 4
"""Tokens kept for the end of a line before the verdict, and for the verdict."""
_FAR: Final = 40.0
"""Log-odds beyond which a probability is 0 or 1 to all digits."""
