"""What all formats share: what may be chosen, what comes out, and texts that can do no harm wherever they end up.

Rows for training never hold null: readers infer a column's type from its first rows, and one null too many breaks them.
What is not known is the empty text there.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from marco_cli import jsonl
from marco_cli.errors import ConfigError
from marco_cli.search.base import Candidate, Reply
from marco_cli.trace.fields import is_correct
from marco_cli.trace.record import Trace

Layout = Literal["messages", "sharegpt", "text"]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_MARKUP: Final = re.compile(r"[<>&]")


class Caption(NamedTuple):
    """What a node says in a drawing."""

    text: str
    slip: str = ""
    """The first false equation in it."""
    is_false: bool = False
    """Whether a reply with a false equation ends here."""


def plain_captions(trace: Trace) -> tuple[Caption, ...]:
    """Return the texts of the nodes as the model wrote them."""
    return tuple(Caption(node.step.data.decode(errors="replace")) for node in trace.tree.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an export may be told.

    Raises:
        ConfigError: a value outside its range.
    """

    layout: Layout = "messages"
    """Of `sft`: `messages` as trl reads them, ShareGPT's `conversations`, or `prompt` and `completion` as the model had them."""
    pairs: int = 4
    """Of `dpo`: pairs of one trace at most."""
    margin: float = 0.1
    """Of `dpo`: how much more reward the chosen reply has at least, in [0, 1], where no target decides."""
    min_visits: int = 1
    """Of `prm`: a path ends before the first step that was visited less often."""
    threshold: float | None = None
    """Of `prm`: the value from which a step counts as good, in [0, 1]; None: 0.5, with a target any value above 0."""
    captions: Callable[[Trace], Sequence[Caption]] = plain_captions
    """Of `html`: what the nodes say, by their ids."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for flag, value, least in (("--pairs", self.pairs, 1), ("--min-visits", self.min_visits, 1)):
            if value < least:
                raise ConfigError(f"{flag} is {value}, expected {least} or more")
        for name, share in (("--margin", self.margin), ("--threshold", self.threshold)):
            if share is not None and not 0 <= share <= 1:
                raise ConfigError(f"{name} is {share:g}, expected a number between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What one trace came to."""

    trace_id: str
    data: bytes = b""
    """A document, or lines of JSON."""
    num_rows: int = 1
    reason: str = ""
    """Why there is nothing to export, for a person."""
    warning: str = ""
    """What the reader of the rows must know."""


def no_rows(trace: Trace, reason: str) -> Export:
    """Say that a trace has nothing to give."""
    return Export(trace_id=trace.id, num_rows=0, reason=reason)


def rows(trace: Trace, documents: list[dict[str, object]], *, warning: str = "") -> Export:
    """Return rows as lines of JSON."""
    data = b"".join(map(jsonl.encode, documents))
    return Export(trace_id=trace.id, data=data, num_rows=len(documents), warning=warning)


def json_block(document: object) -> str:
    """Return a JSON document that can stand in HTML: no text in it can end the block."""
    return _MARKUP.sub(_escape, jsonl.encode(document).decode()).rstrip()


def visible(text: str) -> str:
    """Return a text with its control characters as symbols (U+2400), others that cannot be seen as U+FFFD."""
    return _CONTROL.sub(_symbol, text)


def cropped(text: str, length: int) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(visible(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def content(trace: Trace, reply: Reply) -> str:
    """Return a whole reply as the model wrote it, with the tags of its format and the opening that the prompt gave it."""
    return (trace.problem.prefill + reply.data.decode(errors="replace")).strip()


def imitated(trace: Trace, reply: Reply) -> dict[str, object]:
    """Return a reply as the message that a model learns from.

    Its content is the reply as it was written, tags and all. Where the model's chat template would cut the thought out of
    that, `content` is the output and the thought stands in `reasoning_content`.
    """
    if not reply.thought or not is_thought_apart(trace):
        return {"role": "assistant", "content": content(trace, reply)}
    return {"role": "assistant", "content": reply.output, "reasoning_content": reply.thought}


def is_thought_apart(trace: Trace) -> bool:
    """Say whether messages hold the thought in `reasoning_content`, as most templates for `<think>` can read it."""
    if trace.thought_place is None:  # a trace of an earlier version
        return "</think>" in content(trace, trace.reply)
    return trace.thought_place != "content"


def loss_of_thought(trace: Trace) -> str:
    """Return a warning where the model's chat template keeps no thought, wherever it stands."""
    if trace.thought_place != "nowhere":
        return ""
    return (
        f"the chat template of {trace.model.name} deletes thoughts: "
        "export -F sft --layout text, or train with a template that keeps reasoning_content"
    )


def whole_candidates(trace: Trace) -> tuple[Candidate, ...]:
    """Return the candidates whose replies the model ended by itself: a reply that was cut teaches the wrong end."""
    return tuple(candidate for candidate in trace.candidates if candidate.reply.is_whole and candidate.reply.output)


def messages(trace: Trace) -> list[dict[str, object]]:
    """Return the conversation up to the question, as chat messages."""
    return [{"role": message.role, "content": message.content} for message in trace.messages]


def origin(trace: Trace) -> dict[str, object]:
    """Return where a row comes from, without null."""
    return {
        "id": trace.id,
        "item": trace.item or "",
        "session": trace.session or "",
        "model": trace.model.name,
        "strategy": trace.result.strategy,
        "question": trace.question,
        "answer": "" if trace.answer is None else trace.answer.canonical,
        "target": trace.target or "",
        "correct": {True: "yes", False: "no", None: ""}[is_correct(trace)],
        "confidence": float(trace.result.confidence),
    }


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _symbol(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "\ufffd"
