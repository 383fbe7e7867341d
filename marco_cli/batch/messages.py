"""The messages of a row: chat messages as other programs write them, to a question and the turns before it.

In: the value of `messages`, `prompt` or another field. Out: `Message`s, or an `InputError` of one line for every shape
that a model of text cannot be given.
"""

from collections.abc import Mapping
from typing import Final

from marco_cli.errors import InputError, quoted
from marco_cli.prompt.base import Message, Role

_ROLES: Final[Mapping[str, Role]] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}  # fmt: skip
_TEXT_PARTS: Final = ("text", "input_text", "output_text")
_NOUNS: Final = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}


def conversation(value: object) -> tuple[str, tuple[Message, ...]]:
    """Return the question, which is the last message, and the turns before it.

    Raises:
        InputError: it is not an array of messages, or the last one is not the user's.
    """
    if not isinstance(value, list):
        raise InputError(f"messages is {noun(value)}, expected an array of messages")
    if not value:
        raise InputError("messages is an empty array, expected one message or more")
    *history, last = [_message(item) for item in value]
    if last.role != "user":
        raise InputError(f"the last message is the {last.role}'s, expected the user's")
    return last.content, tuple(history)


def system_message(value: object) -> Message:
    """Return the field `system` of a row as a message."""
    return Message(role="system", content=text_of(value, "system"))


def text_of(value: object, name: str) -> str:
    """Return a text that stands under a name.

    Raises:
        InputError: it is not a text.
    """
    if isinstance(value, str):
        return value
    raise InputError(f"{name} is {noun(value)}, expected text")


def noun(value: object) -> str:
    """Return what kind of JSON value it is, for an error."""
    return "null" if value is None else _NOUNS[type(value)]


def _message(item: object) -> Message:
    if not isinstance(item, dict):
        raise InputError(f"a message is {noun(item)}, expected an object")
    role = item.get("role")
    if role is None:
        raise InputError("a message has no role, expected system, user or assistant")
    if item.get("tool_calls") or item.get("function_call"):
        raise InputError("a message calls a tool, expected messages of text only")
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError(f"role is {quoted(role)}, expected system, user or assistant")
    return Message(role=_ROLES[role], content=_content(item.get("content")))


def _content(value: object) -> str:
    """Return a text, or the texts of an array of parts put together."""
    return "".join(_part(part) for part in value) if isinstance(value, list) else text_of(value, "content")


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise InputError(f"a part of content is {noun(part)}, expected text")
    kind = part.get("type", "text")
    if kind not in _TEXT_PARTS:
        raise InputError(f"content has a part of type {quoted(kind)}, which is not text")
    return text_of(part.get("text"), "the text of a part")
