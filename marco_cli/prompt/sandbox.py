"""Runs Jinja2 text of unknown origin, such as the chat template inside a downloaded model; the only import of `jinja2`.

This is the inside of the process that `worker` starts: requests come in on stdin and replies go out on stdout, one JSON
object a line. Jinja2's own sandbox keeps the template away from Python's internals and from changing what it was given. How
long it runs and how much memory it takes is bounded from outside: nothing in a Python process can end one long call in C, such
as comparing doubled lists, but the system can end the process.

A template finds what transformers gives it (`apply_chat_template`): the same options, extensions, filters and functions.
"""

import contextlib
import datetime as dt
import faulthandler
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

_MAX_CHARACTERS = 16_000_000  # of one text: above any context
_MAX_MEMORY = 1 << 30  # bytes of address space, Python's own 50 MB included
_SHOWN_LENGTH = 160


def serve(watchdog: float) -> None:
    """Answer requests until stdin ends; one that takes more than `watchdog` seconds ends the process."""
    _limit_memory()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 (a device)
        for line in sys.stdin.buffer:
            faulthandler.dump_traceback_later(watchdog, exit=True, file=nowhere)
            reply = json.dumps(answer(json.loads(line))).encode()
            faulthandler.cancel_dump_traceback_later()
            replies.write(reply + b"\n")
            replies.flush()


def answer(request: Mapping[str, Any]) -> dict[str, object]:
    """Return what a template makes of each set of variables, or, without any, what it reads and compares with.

    The request holds `template`, and `runs`: a list of variables by name, of which `now` is the time that the template
    sees. The answer holds `runs`: for each `{"text": …}` or `{"fault": kind, "says": …}`; or `names` and `constants`;
    or, for a text that is not a template, the fault alone.
    """
    template = request["template"]
    try:
        if not request["runs"]:
            return _contents(template)
        compiled = _compiled(template)
    except Exception as error:  # noqa: BLE001 (whatever is raised here, the template's text is at fault)
        return _fault(error)
    return {"runs": [_run(compiled, variables) for variables in request["runs"]]}


def _run(template: jinja2.Template, variables: Mapping[str, Any]) -> dict[str, object]:
    given = dict(variables)
    now = dt.datetime.fromisoformat(given.pop("now"))
    given["messages"] = [_with_parts(message) for message in given["messages"]]
    try:
        text = template.render(given, strftime_now=now.strftime)
    except Exception as error:  # noqa: BLE001 (whatever is raised here, the template's code is at fault)
        return _fault(error)
    if len(text) > _MAX_CHARACTERS:
        return {"fault": "failed", "says": f"it writes more than {_MAX_CHARACTERS} characters"}
    return {"text": text}


class _Part(dict[str, str]):
    """A typed part of a message's content; a template that takes the list of parts for text fails."""

    def __repr__(self) -> str:
        raise TypeError("it writes a list of parts as if it were text")


def _with_parts(message: Mapping[str, Any]) -> dict[str, Any]:
    content = message["content"]
    return {**message, "content": [_Part(part) for part in content] if isinstance(content, list) else content}


class _RefusalError(jinja2.TemplateError):
    """What a template raises with `raise_exception`."""


class _Generation(jinja2.ext.Extension):
    """`{% generation %}…{% endgeneration %}`: marks what an assistant said, for training; the text stays as it is."""

    tags = {"generation"}  # noqa: RUF012 (the base class's type)

    def parse(self, parser: Parser) -> nodes.Node:
        """Read the block; like transformers' own, it is a scope."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

    def _said(self, caller: Callable[[], str]) -> str:
        return caller()


def _environment() -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    return environment


@functools.lru_cache(maxsize=8)
def _compiled(template: str) -> jinja2.Template:
    return _environment().from_string(template)


def _contents(template: str) -> dict[str, object]:
    """Return the names that a template reads, and the texts that it can compare with."""
    tree = _environment().parse(template)
    names = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "load"}
    constants = {node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)}
    return {"names": sorted(names), "constants": sorted(constants)}


def _tojson(
    value: Any,
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 (transformers' signature)
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002
) -> str:
    """Write JSON without HTML escapes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: object) -> NoReturn:
    raise _RefusalError(str(message))


def _fault(error: Exception) -> dict[str, object]:
    if isinstance(error, _RefusalError):
        return {"fault": "refused", "says": _line(str(error))}
    if isinstance(error, jinja2.TemplateSyntaxError):
        return {"fault": "syntax", "says": f"line {error.lineno}: {_line(str(error))}"}
    if isinstance(error, SyntaxError):  # what Python's own compiler cannot take, e.g. more than 20 loops in one another
        return {"fault": "failed", "says": _line(error.msg)}
    return {"fault": "failed", "says": _line(str(error)) or type(error).__name__}


def _line(text: str) -> str:
    """Return a text on one line of printable characters."""
    text = "".join(character if character.isprintable() else "�" for character in " ".join(text.split()))
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows, and systems that know no such limit
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
