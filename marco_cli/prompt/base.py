"""What is asked: messages, the forced opening of the reply, and their way to token ids.

In: a question with the texts that a preset puts around it. Out: a `Prompt`, and from the rendered pieces of one
(`template.render`) token ids in which nothing that a user, a file or a preset's message says is a control token.
This module knows neither templates nor vocabularies.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from marco_cli.errors import InputError

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation.

    Raises:
        InputError: the content has bytes that are not UTF-8 (lone surrogates).
    """

    role: Role
    content: str

    def __post_init__(self) -> None:
        try:
            self.content.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"the {self.role}'s text is not UTF-8 at character {error.start}, expected UTF-8",
                hint="convert it, e.g. with iconv -t UTF-8",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A conversation that waits for a reply, and how that reply must begin ("" leaves it to the model)."""

    messages: tuple[Message, ...]
    prefill: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a rendered prompt; only in control pieces may text like `<|im_end|>` become a control token."""

    text: str
    is_control: bool


def compose(
    question: str,
    *,
    system: str | None = None,
    prefix: str = "",
    suffix: str = "",
    variables: tuple[tuple[str, str], ...] = (),
    prefill: str = "",
    history: tuple[Message, ...] = (),
) -> Prompt:
    """Put a preset's texts around a question, which is taken as it is: its braces are text.

    A `system` of None adds no system message, so that the model's template decides; "" adds an empty one. `variables`
    are the values for `{name}` in system, prefix and suffix; braces around any other name stay text. `history` begins
    with the oldest turn.

    Raises:
        InputError: the question is blank, or a text is not UTF-8.
    """
    if not question.strip():
        raise InputError("the question is empty, expected some text", hint='try: marco ask "What is 12 + 30?"')
    opening = () if system is None else (Message(role="system", content=_substitute(system, variables)),)
    content = _substitute(prefix, variables) + question + _substitute(suffix, variables)
    return Prompt(messages=(*opening, *history, Message(role="user", content=content)), prefill=prefill)


def encode(
    pieces: tuple[Piece, ...],
    tokenize: Callable[[str, bool], tuple[int, ...]],
    *,
    is_control: Callable[[int], bool],
    bos_id: int | None = None,
) -> tuple[int, ...]:
    """Return the token ids of rendered pieces.

    The text is tokenised as a whole, as in training, unless that makes control tokens of what a message says or of what stands
    around it: then piece by piece.

    Args:
        pieces: those of `template.Rendered`.
        tokenize: (text, whether control tokens are recognised) → ids, adding neither a BOS nor an EOS of its own.
        is_control: says whether an id is a control token.
        bos_id: the id that every sequence of the vocabulary begins with, if it wants one; put first unless the
            template already did.
    """
    ids = tokenize("".join(piece.text for piece in pieces), True)
    apart = tuple(token for piece in pieces for token in tokenize(piece.text, piece.is_control))
    if list(filter(is_control, ids)) != list(filter(is_control, apart)):
        ids = apart
    if bos_id is None or ids[:1] == (bos_id,):
        return ids
    return (bos_id, *ids)


def _substitute(text: str, variables: tuple[tuple[str, str], ...]) -> str:
    """Replace `{name}` of declared variables in one pass, so that a value's braces stay text."""
    values = dict(variables)
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)
