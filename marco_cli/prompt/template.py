"""Renders a conversation through a model's own chat template.

In: a `Prompt` and the Jinja2 text of a GGUF. Out: the text that the template makes of the messages, in pieces that keep what
users wrote apart from what the template wrote, and what had to be done to the messages for it. The template sees the real
messages and its text is taken as it is (`provenance` says who wrote what); a template that loses what a user wrote is refused.
"""

import datetime as dt
import itertools
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from marco_cli.errors import ConfigError
from marco_cli.prompt import worker
from marco_cli.prompt.base import Message, Piece, Prompt
from marco_cli.prompt.provenance import Contents, StandIns, Written, trace

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
OWN_VARIABLES = frozenset({"messages", "add_generation_prompt", "now"})
"""What a template reads that a setting may not replace."""
_BETWEEN = "\n\n"  # a system text and the first question: as the documentation of Gemma and of Mistral has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A prompt as the model gets it."""

    pieces: tuple[Piece, ...]
    """In order, neighbours of one kind joined; the last one is control text where there is a prefill."""
    notes: tuple[str, ...] = ()
    """What the template did not take as it was given, one line each."""

    @property
    def text(self) -> str:
        """The whole text; its end says whether the reply begins inside a thought, after one, or openly."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def ending(self) -> str:
        """What the template and the prefill wrote after the last message."""
        return self.pieces[-1].text if self.pieces and self.pieces[-1].is_control else ""


def choose_template(override: str | None, shipped: str | None) -> str:
    """Return the template to use: the `chat_template` setting (`chatml`, or a Jinja2 text), else the model's own.

    Raises:
        ConfigError: neither is there, or the override is neither.
    """
    if override is None:
        if not shipped:
            raise ConfigError(
                "the model ships no chat template",
                hint="use --chat-template chatml, or a --preset that sets chat_template",
            )
        return shipped
    if override == "chatml":
        return CHATML
    if "{{" not in override and "{%" not in override:
        raise ConfigError(f"chat_template: got {override[:40]!r}, expected chatml or a Jinja2 text", hint="try chatml")
    return override


def render(
    prompt: Prompt, template: str, *, bos: str, eos: str, variables: Mapping[str, object] = MappingProxyType({})
) -> Rendered:
    """Return the prompt as the template writes it, with the prefill at its end.

    The template is Jinja2 text, and may read `variables` besides. What the template's own ending already says of the
    prefill is not repeated. A template that takes contents as lists of typed parts only gets them so; where it refuses
    a system message at the beginning, that text goes before the first question.

    Raises:
        ConfigError: the template is faulty, leaves the sandbox, does not end, or refuses, drops or changes a message.
    """
    if taken := sorted(OWN_VARIABLES & variables.keys()):
        raise ConfigError(f"template_var: {taken[0]} is what the program sets", hint="leave it out")
    given = {"tools": None, "documents": None, "bos_token": bos, "eos_token": eos, **variables, "now": _now()}
    written, notes = _written(_Conversation(template=template, messages=prompt.messages, variables=given))
    pieces = tuple(_pieces(written))
    tail = pieces[-1].text if pieces and pieces[-1].is_control else ""
    return Rendered(pieces=_joined([*pieces, Piece(text=unsaid(prompt.prefill, tail), is_control=True)]), notes=notes)


def _now() -> str:
    """Return the local time, as ISO 8601 has it."""
    return dt.datetime.now(tz=dt.UTC).astimezone().replace(tzinfo=None).isoformat()


@dataclass(slots=True)
class _Allowance:
    """Seconds that a template may take for one prompt, all its runs together."""

    seconds: float = 1.5 * worker.DEADLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conversation:
    """Messages in one form on their way into one template."""

    template: str
    messages: tuple[Message, ...]
    variables: Mapping[str, object]
    as_parts: bool = False
    allowance: _Allowance = field(default_factory=_Allowance)

    def run(self, *alternatives: Contents) -> list[dict[str, str]]:
        """Return what the template makes of the messages with each of these contents in place of their own."""
        started = time.monotonic()
        runs = [self._variables(contents) for contents in alternatives]
        try:
            return worker.run_template(self.template, runs, min(worker.DEADLINE, self.allowance.seconds))
        finally:
            self.allowance.seconds = max(0.0, self.allowance.seconds - (time.monotonic() - started))

    @property
    def remedy(self) -> str:
        """Name what to try when the template does not take this conversation."""
        has_system = any(message.role == "system" for message in self.messages)
        return "try --chat-template chatml" + (", or leave out --system" if has_system else "")

    def with_system_in_question(self) -> "_Conversation | None":
        """Return the conversation with its leading system text before the first question; None where that cannot be."""
        first, second, *others = (*self.messages, None, None)[: max(2, len(self.messages))]
        if first is None or second is None or first.role != "system" or second.role != "user":
            return None
        text = f"{first.content.strip()}{_BETWEEN}{second.content}" if first.content.strip() else second.content
        return replace(self, messages=(replace(second, content=text), *filter(None, others)), as_parts=False)

    def _variables(self, contents: Contents) -> dict[str, object]:
        turns = [
            {"role": message.role, "content": [{"type": "text", "text": content}] if self.as_parts else content}
            for message, content in zip(self.messages, contents, strict=True)
        ]
        return {**self.variables, "messages": turns, "add_generation_prompt": True}


def _written(conversation: _Conversation) -> tuple[Written, tuple[str, ...]]:
    """Render in the first form that the template takes, the plainest first."""
    first = _attempt(conversation)
    if isinstance(first, Written):
        return first, ()
    parts = "the chat template takes messages as lists of typed parts"
    attempts: list[tuple[_Conversation, tuple[str, ...]]] = [(replace(conversation, as_parts=True), (parts,))]
    folded = conversation.with_system_in_question()
    if folded is not None and first.is_fault:
        what = "the chat template takes no system message: its text goes before the first question"
        attempts += [(folded, (what,)), (replace(folded, as_parts=True), (what, parts))]
    for attempted, notes in attempts:
        written = _attempt(attempted)
        if isinstance(written, Written):
            return written, notes
    raise first.error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """Why the template cannot be used with messages in one form."""

    error: ConfigError
    is_fault: bool = False
    """Whether it refused or failed, rather than lose a message."""


def _attempt(conversation: _Conversation) -> Written | _Failure:
    is_reply = tuple(message.role == "assistant" for message in conversation.messages)
    stand_ins = StandIns(tuple(message.content for message in conversation.messages), is_reply)
    result, neutral = conversation.run(stand_ins.contents, stand_ins.neutral)
    if "text" not in result:
        return _Failure(error=worker.fault_error(result, hint=conversation.remedy), is_fault=True)

    def rendered(changed: Contents) -> str | None:
        return conversation.run(changed)[0].get("text")

    def constants() -> tuple[str, ...]:
        return worker.template_contents(conversation.template)[1]

    try:
        written = trace(stand_ins, result["text"], neutral.get("text"), rendered, constants)
    except ConfigError as error:
        return _Failure(error=error)
    loss = _loss(conversation.messages, written)
    if loss is None:
        return written
    return _Failure(error=ConfigError(loss, hint=conversation.remedy))


def _loss(messages: tuple[Message, ...], written: Written) -> str | None:
    """Say which message the template loses, all of it or some; an earlier reply may lose its thought."""
    letters = "" if written.is_neutral else _letters(written.text)
    for number, (message, has_landed) in enumerate(zip(messages, written.landed, strict=True), start=1):
        is_kept = has_landed if written.is_neutral else _is_kept(message.content, letters)
        if is_kept or (has_landed and message.role == "assistant"):
            continue
        verb = "changed" if has_landed else "dropped"
        return f"the chat template {verb} the {message.role}'s message (number {number} of {len(messages)})"
    return None


def _is_kept(content: str, letters: str) -> bool:
    """Say whether all words of a message are among the letters of a text, but for switches (`/no_think`), which templates take out.

    What templates do to the rest is change its white space, its case, or write it as JSON.
    """
    spoken = " ".join(word for word in content.split() if not word.startswith("/"))
    as_json = json.dumps(content.strip(), ensure_ascii=False)[1:-1]
    return any(_letters(version) in letters for version in (content, spoken, as_json))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _pieces(written: Written) -> Iterator[Piece]:
    for run in re.finditer(rb"\x00+|\x01+", written.from_messages):
        yield Piece(text=written.text[run.start() : run.end()], is_control=run[0][0] == 0)


def unsaid(prefill: str, tail: str) -> str:
    """Return the part of a prefill that a template's own ending does not already say."""
    words = prefill.rstrip()
    if words and not tail.endswith(words) and tail.rstrip().endswith(words):
        return ""
    said = (length for length in range(len(prefill), 0, -1) if tail.endswith(prefill[:length]))
    return prefill[next((length for length in said if prefill[:length].strip()), 0) :]


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Join neighbours of one kind and drop empty ones."""
    joined: list[Piece] = []
    for is_control, group in itertools.groupby((piece for piece in pieces if piece.text), key=lambda p: p.is_control):
        joined.append(Piece(text="".join(piece.text for piece in group), is_control=is_control))
    return tuple(joined)
