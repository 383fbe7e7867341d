"""Which reply format a prompt and a template show, before there is a reply.

In: the end of a rendered prompt, or what a template makes of an assistant's turn. Out: a format, and the marks that stand
there already. The mere presence of a mark in a template's source says nothing: some only strip thoughts of earlier turns.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from marco_cli.errors import ConfigError
from marco_cli.sections.format import TAG_STYLES, Tags


class Render(Protocol):
    """A chat template."""

    def __call__(self, messages: Sequence[Mapping[str, str]], *, is_asking: bool) -> str:
        """Return what it makes of messages; `is_asking` opens the assistant's turn after them."""
        ...


_QUESTION: Final = "7301946528"
_THOUGHT: Final = "5820617394"
_OUTPUT: Final = "9164038275"


def opened(end: str, tags: Tags) -> str:
    """Return the marks of a format, and the white space between and after them, that a text ends with; "" without any."""
    at = len(end)
    while True:
        body = end[:at].rstrip()
        mark = next((mark for mark in tags.marks if body.endswith(mark.strip())), None)
        if mark is None:
            return end[at:].lstrip() if at < len(end) else ""
        at = len(body) - len(mark.strip())


def at_end(end: str, expected: Tags | None = None) -> tuple[Tags, str] | None:
    """Return the format whose marks a prompt ends with, and those marks; the format that is expected is looked for first."""
    formats = ([expected] if expected is not None else []) + list(TAG_STYLES.values())
    return next(((tags, marks) for tags in formats if (marks := opened(end, tags))), None)


def prompted(render: Render) -> Tags | None:
    """Return the format whose marks a template's prompts end with."""
    try:
        text = render([{"role": "user", "content": _QUESTION}], is_asking=True)
    except ConfigError:
        return None
    shown = at_end(text.rpartition(_QUESTION)[2])
    return None if shown is None else shown[0]


def written(render: Render) -> Tags | None:
    """Return the format that a template writes assistants' turns in: the marks before an output and around a thought.

    A turn is rendered as the last one, with its thought in the fields that templates know, since many drop earlier thoughts.
    """
    for fields in ({}, {"reasoning_content": _THOUGHT}, {"thinking": _THOUGHT}):
        turn = {"role": "assistant", "content": _OUTPUT, **fields}
        try:
            text = render([{"role": "user", "content": _QUESTION}, turn], is_asking=False)
        except ConfigError:
            continue
        _, _, answer = text.rpartition(_QUESTION)
        before, found, _ = answer.partition(_OUTPUT)
        shown = at_end(before.replace(_THOUGHT, "")) if found else None
        if shown is not None:
            return shown[0]
    return None


def begun(end: str, prefill: str, tags: Tags) -> tuple[Tags, str]:
    """Return the format that a prompt leaves the reply in, and the beginning of the reply that it ends with.

    `end` is the text that ends the prompt, as far as no message is in it, prefill included. Expected `tags` that are
    not fixed give way to others that the prompt shows.
    """
    if tags.is_fixed:
        return tags, prefill
    before = end.removesuffix(prefill)
    shown = at_end(before, tags)
    if shown is None or (at_end(prefill, tags) and not shown[0].is_like(tags)):
        return tags, prefill
    # A prefill that the template had written already is not there twice.
    return shown[0].free, shown[1] + (prefill if end.endswith(prefill) else "")
