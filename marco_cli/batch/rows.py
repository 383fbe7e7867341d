"""What an input line asks: JSON, the envelope of the OpenAI Batch interface, or plain text, to a `Row`.

In: the bytes of a line and a `Layout`. Out: a `Row`, or a `BadRow` that says why there is none: nothing is raised for what
a user wrote into a line. Only the line is looked at; whether its id came up before is `survey`'s and `runner`'s business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from marco_cli import jsonl
from marco_cli.batch.fields import QUESTIONS, overrides, refuse_impossible, template_variables, tests_of, unused
from marco_cli.batch.lines import Line
from marco_cli.batch.messages import conversation, noun, system_message, text_of
from marco_cli.config.option import Value
from marco_cli.errors import InputError, MarcoError, cut, quoted
from marco_cli.jsonl import MAX_LINE
from marco_cli.prompt.base import Message

_URLS: Final = ("/v1/chat/completions", "/v1/completions")
_MOST_VALUES: Final = 1_000_000
"""Commas and brackets of a row. Small values take some 400 bytes each while a row is read, 64 MB of them 4 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How lines are to be read."""

    is_text: bool = False
    """Each line is a question."""
    field: str | None = None
    """The key that holds the question; None looks for `messages`, `prompt` and `question`."""
    model: str | None = None
    """What the run's model is called: a row that names it asks for nothing else."""


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
    tests: str = ""
    """What tells right answers from wrong ones, for checks."""
    unused: tuple[str, ...] = ()
    """Fields that are not honoured though they may change the answer."""
    variables: tuple[str, ...] = ()
    """What counts only where the chat template reads it."""
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
        if layout.is_text and not line.is_too_long:
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
    body = _unwrap(row)
    name = _question_name(body, layout.field)
    system = body.get("system")
    opening = () if system is None else (system_message(system),)
    history: tuple[Message, ...] = ()
    if name == "messages" and layout.field is None:
        question, history = conversation(body[name])
    else:
        question = text_of(body[name], name)
    return Row(
        id=row_id,
        line=number,
        question=_checked(question),
        history=(*opening, *history),
        overrides=overrides(row, body),
        tests=tests_of(row, body),
        unused=unused(row, body, question=name, model=layout.model),
        variables=template_variables(row, body),
        meta=_meta(row),
        input_hash=digest,
    )


def _meta(row: Mapping[str, Any]) -> object:
    """Return `meta`; an envelope's `body.metadata` stands for it."""
    body = row.get("body")
    return row.get("meta") if "meta" in row or not isinstance(body, dict) else body.get("metadata")


def _object(line: Line) -> dict[str, Any]:
    hint = "jq -c '.[]' makes lines of an array; --text takes lines as questions"
    if line.is_too_long:
        raise InputError(f"the line is longer than {MAX_LINE // 1_000_000} MB, expected a shorter one")
    num_values = sum(map(line.data.count, (b",", b"[", b"{")))
    if num_values > _MOST_VALUES:
        raise InputError(f"the row has {num_values} commas and brackets, expected at most {_MOST_VALUES}")
    try:
        value = jsonl.decode(line.data)
    except InputError as error:
        raise InputError(error.message, hint=hint) from error
    if isinstance(value, dict):
        return value
    raise InputError(f"the line is {noun(value)}, expected a JSON object", hint=hint)


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
        raise InputError(f"{name} is {noun(value)}, expected text or a whole number")
    return line_id(number)


def _unwrap(row: dict[str, Any]) -> dict[str, Any]:
    """Return what holds the question: the row itself, or the body of an envelope."""
    body = row.get("body")
    if not isinstance(body, dict) or not {"custom_id", "url", "method"} & row.keys():
        return row
    url = row.get("url")
    if url is not None and url not in _URLS:
        raise InputError(f"url is {quoted(url)}, expected {_URLS[0]}")
    refuse_impossible(body)
    return body


def _question_name(row: Mapping[str, Any], field: str | None) -> str:
    """Return the field that holds the question."""
    names = (field,) if field is not None else QUESTIONS
    name = next((name for name in names if row.get(name) is not None), None)
    if name is None:
        found = ", ".join(map(cut, list(row)[:8])) or "nothing"
        raise InputError(
            f"no question: found {cut(found)}; expected {' or '.join(names)}",
            hint="--field NAME says which key holds it",
        )
    return name


def _checked(question: str) -> str:
    if not question.strip():
        raise InputError("the question is empty")
    return Message(role="user", content=question).content
