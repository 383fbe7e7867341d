"""What an input line asks: JSON, the envelope of the OpenAI Batch interface, or plain text, to a `Row`.

In: the bytes of a line and a `Layout`. Out: a `Row`, or a `BadRow` that says why there is none: nothing is raised for what
somebody wrote into a line. Only the line is looked at; whether its id came up before is `survey`'s and `runner`'s business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from marco_cli import jsonl
from marco_cli.batch.lines import Line
from marco_cli.config.option import Value
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import InputError, MarcoError
from marco_cli.prompt.base import Message, Role

OVERRIDES: Final = (
    "preset", "effort", "strategy", "simulations", "max_search_tokens", "time_limit", "max_tokens", "temperature",
    "top_p", "seed",
)  # fmt: skip
"""Settings that a row may have of its own, under the same names."""

_BODY_NAMES: Final = {"max_completion_tokens": "max_tokens", "stop": "stop"}
"""Settings that go by another name, or exist only, in the body of an envelope."""

_URLS: Final = ("/v1/chat/completions", "/v1/completions")
_REFUSED: Final = ("tools", "functions", "audio", "prediction")
_QUESTIONS: Final = ("messages", "prompt", "question")
_ROLES: Final[Mapping[str, Role]] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}  # fmt: skip
_NOUNS: Final = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How lines are to be read."""

    is_text: bool = False
    """Each line is a question."""
    field: str | None = None
    """The key that holds the question; None looks for `messages`, `prompt` and `question`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A question with what belongs to it."""

    id: str | int
    """As given, or `line-<n>`."""
    line: int
    question: str
    history: tuple[Message, ...] = ()
    """Earlier turns, a system message of the row's own included."""
    overrides: tuple[tuple[str, Value], ...] = ()
    """Settings of the row's own."""
    meta: object = None
    """To be returned as it is."""
    input_hash: str
    """SHA-256 of the line's meaning: order of keys and spaces do not count."""

    @property
    def key(self) -> str:
        """Return what tells rows apart: the id as it will stand in the output, so that 1 and "1" are two."""
        return row_key(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A line that asks nothing that can be answered."""

    id: str | int
    line: int
    error: MarcoError
    meta: object = None
    input_hash: str

    @property
    def key(self) -> str:
        """Return what tells rows apart; see `Row.key`."""
        return row_key(self.id)


def row_key(row_id: object) -> str:
    """Return the key of an id as it is found in an input or an output row."""
    return jsonl.encode(row_id).decode().rstrip("\n")


def line_id(number: int) -> str:
    """Return the id of a row that has none of its own."""
    return f"line-{number}"


def read_row(line: Line, layout: Layout) -> Row | BadRow:
    """Read one line."""
    digest = sha256(line.data).hexdigest()
    try:
        if layout.is_text:
            return Row(id=line_id(line.number), line=line.number, question=_text(line.data), input_hash=digest)
        row = _object(line)
    except InputError as error:
        return BadRow(id=line_id(line.number), line=line.number, error=error, input_hash=digest)
    digest = sha256(jsonl.encode(row, sort_keys=True)).hexdigest()
    row_id: str | int = line_id(line.number)
    try:
        row_id = _id(row, line.number)
        return _row(row, row_id, line.number, layout, digest)
    except MarcoError as error:
        return BadRow(id=row_id, line=line.number, error=error, meta=_meta(row), input_hash=digest)


def _row(row: dict[str, Any], row_id: str | int, number: int, layout: Layout, digest: str) -> Row:
    found = _unwrap(row)
    question, history = _question(found, layout.field)
    return Row(
        id=row_id,
        line=number,
        question=question,
        history=history,
        overrides=_overrides(row, found),
        meta=_meta(row),
        input_hash=digest,
    )


def _meta(row: Mapping[str, Any]) -> object:
    """Return `meta`; an envelope's `body.metadata` stands for it."""
    body = row.get("body")
    return row.get("meta") if "meta" in row or not isinstance(body, dict) else body.get("metadata")


def _object(line: Line) -> dict[str, Any]:
    hint = "jq -c '.[]' makes lines of an array; --text takes lines as questions"
    try:
        value = jsonl.decode(line.data)
    except InputError as error:
        raise InputError(error.message, hint=hint) from error
    if isinstance(value, dict):
        return value
    raise InputError(f"the line is {_noun(value)}, expected a JSON object", hint=hint)


def _text(data: bytes) -> str:
    try:
        return _checked(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: byte {error.start + 1} is 0x{data[error.start]:02x}") from error


def _id(row: Mapping[str, Any], number: int) -> str | int:
    for name in ("id", "custom_id"):
        value = row.get(name)
        if value is None:
            continue
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return value
        raise InputError(f"{name} is {_noun(value)}, expected text or a whole number")
    return line_id(number)


def _unwrap(row: dict[str, Any]) -> dict[str, Any]:
    """Return what holds the question: the row itself, or the body of an envelope."""
    body = row.get("body")
    if not isinstance(body, dict) or not {"custom_id", "url", "method"} & row.keys():
        return row
    url = row.get("url")
    if url is not None and url not in _URLS:
        raise InputError(f"url is {url!r}, expected {_URLS[0]}")
    if body.get("n") not in (None, 1):
        raise InputError(f"n is {body['n']}, expected 1: a row has one answer")
    refused = [name for name in _REFUSED if body.get(name)]
    if refused:
        raise InputError(f"{refused[0]} cannot be used here")
    return body


def _question(row: Mapping[str, Any], field: str | None) -> tuple[str, tuple[Message, ...]]:
    """Return the question and the turns before it."""
    names = (field,) if field is not None else _QUESTIONS
    name = next((name for name in names if row.get(name) is not None), None)
    if name is None:
        found = ", ".join(list(row)[:8]) or "nothing"
        raise InputError(
            f"no question: found {found}; expected {' or '.join(names)}", hint="--field NAME says which key holds it"
        )
    system = row.get("system")
    opening = () if system is None else (_message("system", system),)
    if name != "messages" or field is not None:
        return _checked(_content(row[name], name)), opening
    *history, last = _messages(row[name])
    if last.role != "user":
        raise InputError(f"the last message is the {last.role}'s, expected the user's")
    return _checked(last.content), (*opening, *history)


def _messages(value: object) -> list[Message]:
    if not isinstance(value, list) or not value:
        raise InputError(f"messages is {_noun(value)}, expected an array of messages")
    messages = []
    for item in value:
        if not isinstance(item, dict):
            raise InputError(f"a message is {_noun(item)}, expected an object")
        messages.append(_message(item.get("role"), item.get("content")))
    return messages


def _message(role: object, content: object) -> Message:
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError(f"role is {role!r}, expected system, user or assistant")
    return Message(role=_ROLES[role], content=_content(content, "content"))


def _content(value: object, name: str) -> str:
    """Return a text, or the texts of an array of parts put together."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and name == "content":
        parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in value]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) == len(parts):
            return "".join(texts)
        raise InputError("content has parts that are no text, expected text only")
    raise InputError(f"{name} is {_noun(value)}, expected text")


def _checked(question: str) -> str:
    if not question.strip():
        raise InputError("the question is empty")
    return Message(role="user", content=question).content


def _overrides(row: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[tuple[str, Value], ...]:
    """Return the settings of a row; those beside an envelope's body are stronger than those in it."""
    names = {name: name for name in OVERRIDES}
    given: dict[str, Value] = {}
    for source, known in ((found, names if found is row else _BODY_NAMES | names), (row, names)):
        for name, key in known.items():
            value = source.get(name)
            if value is not None:
                given[key] = OPTIONS[key].accept(
                    [value] if key == "stop" and isinstance(value, str) else value, where=name
                )
    return tuple(given.items())


def _noun(value: object) -> str:
    return "null" if value is None else _NOUNS[type(value)]
