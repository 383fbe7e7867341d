"""Renders a conversation through a model's own chat template, keeping what users wrote apart from what the template wrote.

In: a `Prompt` and the Jinja2 text of a GGUF. Out: pieces that alternate between control text (the template's, and the
prefill) and plain text (the messages').

The template first sees, in place of every message, a mark of random digits: where a mark comes out, that message belongs, and
everything else is control text which no user had a hand in. A template that changes messages (trims them, drops a thought)
is run again with the real text to learn what it makes of each; whatever that is, it is plain text.
"""

import datetime as dt
import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from marco_cli.errors import ConfigError
from marco_cli.prompt.base import Message, Piece, Prompt
from marco_cli.prompt.sandbox import run_template

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

_STEM_DIGITS = 24
_INDEX_DIGITS = 8


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
) -> tuple[Piece, ...]:
    """Return the prompt's pieces in order, neighbours of one kind joined; the prefill ends the last, a control piece.

    A prefill that the template already wrote at its end is not repeated.

    Args:
        prompt: the conversation; contents of white space alone reach the template as they are.
        template: Jinja2 text, see `choose_template`.
        bos: what `{{ bos_token }}` stands for.
        eos: what `{{ eos_token }}` stands for.
        variables: what else the template may read.

    Raises:
        ConfigError: the template is faulty, leaves the sandbox, refuses the conversation or drops a message.

    """
    now = dt.datetime.now(tz=dt.UTC).astimezone()
    rendering = _Rendering(template=template, messages=prompt.messages, bos=bos, eos=eos, now=now, variables=variables)
    outline = _outline(rendering)
    texts = _texts(outline, rendering)
    pieces = [Piece(text=texts.get(part, part), is_control=part not in texts) for part in _split(outline)]
    tail = pieces[-1].text if pieces and pieces[-1].is_control else ""
    return _joined([*pieces, Piece(text=_unsaid(prompt.prefill, tail), is_control=True)])


class _Part(dict[str, str]):
    """A typed part of a message's content; a template that takes the list of parts for text fails."""

    def __repr__(self) -> str:
        raise TypeError("it writes a list of parts as if it were text")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendering:
    """One conversation in one template at one moment, to be run with various contents in place of its own."""

    template: str
    messages: tuple[Message, ...]
    bos: str
    eos: str
    now: dt.datetime
    variables: Mapping[str, object]

    def run(self, replacements: Mapping[int, str], *, as_parts: bool) -> str:
        """Render with other contents for some messages; `as_parts` gives contents as lists of typed parts."""
        contents = [replacements.get(index, message.content) for index, message in enumerate(self.messages)]
        turns = [
            {"role": message.role, "content": [_Part(type="text", text=content)] if as_parts else content}
            for message, content in zip(self.messages, contents, strict=True)
        ]
        variables = {
            "messages": turns,
            "add_generation_prompt": True,
            "bos_token": self.bos,
            "eos_token": self.eos,
            "tools": None,
            "documents": None,
            "strftime_now": self.now.strftime,
            **self.variables,
        }
        return run_template(self.template, variables, hint=self.remedy)

    @property
    def remedy(self) -> str:
        """Name what to try when the template does not take this conversation."""
        has_system = any(message.role == "system" for message in self.messages)
        return "try --chat-template chatml" + (", or leave out --system" if has_system else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outline:
    """What a template writes when marks stand in for the messages (`marks`: index of the message → mark)."""

    text: str
    marks: Mapping[int, str]
    as_parts: bool


def _outline(rendering: _Rendering) -> _Outline:
    """Find every message's place, giving contents as strings or, where the template takes only those, as parts."""
    outline = _attempt(rendering, as_parts=False)
    if isinstance(outline, ConfigError):
        typed = _attempt(rendering, as_parts=True)
        if isinstance(typed, ConfigError):
            raise outline
        outline = typed
    again = _Outline(text="", marks=_marks(rendering.messages), as_parts=outline.as_parts)
    again = replace(again, text=rendering.run(again.marks, as_parts=again.as_parts))
    if _split(outline)[::2] != _split(again)[::2]:
        raise ConfigError(
            "the chat template takes messages apart, so that they cannot be told from its own text",
            hint=rendering.remedy,
        )
    return outline


def _attempt(rendering: _Rendering, *, as_parts: bool) -> "_Outline | ConfigError":
    """Return the outline, or why there is none: the template failed or a message did not come out."""
    marks = _marks(rendering.messages)
    try:
        text = rendering.run(marks, as_parts=as_parts)
    except ConfigError as error:
        return error
    for index, mark in marks.items():
        if mark not in text:
            place = f"number {index + 1} of {len(rendering.messages)}"
            return ConfigError(
                f"the chat template dropped the {rendering.messages[index].role}'s message ({place})",
                hint=rendering.remedy,
            )
    return _Outline(text=text, marks=marks, as_parts=as_parts)


def _marks(messages: tuple[Message, ...]) -> dict[int, str]:
    """Return a mark for every message: a random stem, the same for all, and the message's index.

    Digits survive trimming, changes of case and JSON. White space needs no mark.
    """
    stem = f"{secrets.randbelow(10**_STEM_DIGITS):0{_STEM_DIGITS}d}"
    return {
        index: f"{stem}{index:0{_INDEX_DIGITS}d}" for index, message in enumerate(messages) if message.content.strip()
    }


def _split(outline: _Outline) -> list[str]:
    """Split into template text (even places) and marks (odd places)."""
    marks = set(outline.marks.values())
    if not marks:
        return [outline.text]
    stem = min(marks)[:_STEM_DIGITS]
    head, *others = outline.text.split(stem)
    parts = [head]
    for other in others:
        mark = stem + other[:_INDEX_DIGITS]
        if mark in marks:
            parts += [mark, other[_INDEX_DIGITS:]]
        else:  # part of a mark, from a template that cuts messages short
            parts[-1] += stem + other
    return parts


def _texts(outline: _Outline, rendering: _Rendering) -> dict[str, str]:
    """Return what the template makes of each message, by mark."""
    texts = {mark: rendering.messages[index].content for index, mark in outline.marks.items()}
    filled = "".join(texts.get(part, part) for part in _split(outline))
    if filled == rendering.run({}, as_parts=outline.as_parts):
        return texts
    for index, mark in outline.marks.items():
        others = {other: found for other, found in outline.marks.items() if other != index}
        rendered = rendering.run(others, as_parts=outline.as_parts)
        texts[mark] = _made_of(texts[mark], rendered, outline.text.split(mark))
    return texts


def _made_of(content: str, rendered: str, around: list[str]) -> str:
    """Return what stands in `rendered` between the texts `around`; the content itself where they do not fit.

    They do not fit when the content made the template take another branch. Then the outline's branch holds, in which the
    template could not look into the content.
    """
    length, rest = divmod(len(rendered) - sum(map(len, around)), len(around) - 1)
    if length < 0 or rest:
        return content
    found = rendered[len(around[0]) :][:length]
    return found if found.join(around) == rendered else content


def _unsaid(prefill: str, tail: str) -> str:
    """Return the part of the prefill that the template's own ending does not already say."""
    words = prefill.rstrip()
    if not words or not tail.rstrip().endswith(words):
        return prefill
    return prefill[len(words) :] if tail.endswith(words) else ""


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Join neighbours of one kind and drop empty ones, so that each stretch is tokenised as a whole."""
    joined: list[Piece] = []
    for is_control, group in itertools.groupby((piece for piece in pieces if piece.text), key=lambda p: p.is_control):
        joined.append(Piece(text="".join(piece.text for piece in group), is_control=is_control))
    return tuple(joined)
