"""The fields of an input row: which are settings, which ask for nothing, and which cannot be honoured.

In: a parsed row, or the body of an envelope. Out: settings, and the names of fields that would have changed the answer
and do not. A row names presets and numbers; no field of it is ever taken for a path.
"""

import re
from collections import Counter
from collections.abc import Callable, Container, Mapping
from typing import Final

from marco_cli.config.option import Value
from marco_cli.config.preset import check_preset_name
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import InputError, cut, nearest, quoted

QUESTIONS: Final = ("messages", "prompt", "question")
"""Fields that a question is looked for in."""

_SETTINGS: Final = (
    "preset", "effort", "strategy", "simulations", "max_search_tokens", "time_limit", "max_tokens",
    "max_thought_tokens", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "stop", "seed",
)  # fmt: skip
_KEYS: Final[Mapping[str, str]] = {
    **{name: name for name in _SETTINGS},
    "check": "check",
    "max_completion_tokens": "max_tokens",
    "repetition_penalty": "repeat_penalty",
}
"""Field → setting. Of two fields for one setting the last here counts."""

_ENVELOPE: Final = ("custom_id", "method", "url", "body")
_OWN: Final = ("id", "custom_id", "meta", "system", "tests")
_TEMPLATE: Final = ("reasoning_effort", "chat_template_kwargs")
_HARMLESS: Final = (
    "metadata", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
    "service_tier", "store", "stream_options", "user",
)  # fmt: skip
"""Fields of OpenAI's that change no answer."""
_NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "stream": (False,),
    "logprobs": (False, 0),
    "top_logprobs": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
}
"""Field of OpenAI's → values that ask for what happens anyway."""
_REFUSED: Final = ("tools", "functions", "audio", "prediction")

_MOST_NAMES: Final = 1000
"""Different fields that are counted one by one."""
_OTHERS: Final = "(others)"
_SYMBOLS: Final = re.compile(r"[^\w\s.,:;/+'-]")
"""What words and numbers do without, and control tokens do not: `<|im_end|>`, `[INST]`."""
_NEAR: Final = 0.75


def overrides(row: Mapping[str, object], body: Mapping[str, object]) -> tuple[tuple[str, Value], ...]:
    """Return the settings of a row; those beside an envelope's body are stronger than those in it.

    Raises:
        ConfigError: a value is wrong, or a preset is not known by name.
    """
    given: dict[str, Value] = {}
    for source in (row,) if body is row else (body, row):
        for name, key in _KEYS.items():
            value = source.get(name)
            if value is None:
                continue
            if key in ("stop", "check") and isinstance(value, str):
                value = [value]
            given[key] = OPTIONS[key].accept(value, where=name)
            if key == "preset":
                check_preset_name(str(value))
    given.update(_template_settings(body if row is body else {**body, **row}))
    if given.get("stop") and "" in (given["stop"] or ()):  # type: ignore[operator]  # texts, as its option says
        raise InputError("stop is an empty text, expected one that can end a reply")
    return tuple(given.items())


def _template_settings(fields: Mapping[str, object]) -> dict[str, Value]:
    """Return what a row asks of the chat template, as settings.

    `reasoning_effort` is a variable to templates that read it; to others, none is a wish not to think, and any other
    effort one to think.
    """
    effort, variables = fields.get("reasoning_effort"), fields.get("chat_template_kwargs")
    if not isinstance(effort, str | None):
        raise InputError(f"reasoning_effort is {quoted(effort)}, expected text such as low or high")
    if not isinstance(variables, dict | None):
        raise InputError(f"chat_template_kwargs is {quoted(variables)}, expected an object")
    wanted = ({} if effort is None else {"reasoning_effort": effort}) | (variables or {})
    settings: dict[str, Value] = {}
    if wanted:
        _refuse_symbols(wanted)
        settings["template_var"] = OPTIONS["template_var"].accept(wanted, where="chat_template_kwargs")
    if effort is not None:
        settings["think"] = "off" if effort == "none" else "on"
    return settings


def _refuse_symbols(variables: Mapping[str, object]) -> None:
    """Refuse texts that might spell a control token: what a template writes of its variables counts as its own text."""
    left: list[object] = [variables]
    while left:
        value = left.pop()
        if isinstance(value, str) and _SYMBOLS.search(value):
            raise InputError(
                f"chat_template_kwargs holds {quoted(value)}, expected words, numbers, true or false",
                hint="put what the model is to read into messages",
            )
        if isinstance(value, Mapping):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value


def tests_of(row: Mapping[str, object], body: Mapping[str, object]) -> str:
    """Return what a row has to tell right answers from wrong ones, one text or several; "" without any.

    Raises:
        InputError: it is neither.
    """
    tests = row.get("tests", body.get("tests"))
    if tests is None:
        return ""
    texts = [tests] if isinstance(tests, str) else tests
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"tests is {quoted(tests)}, expected text or a list of texts")
    return "\n".join(texts)


def template_variables(row: Mapping[str, object], body: Mapping[str, object]) -> tuple[str, ...]:
    """Return the fields of a row that count only where the chat template reads them, each as it is called there."""
    fields = body if row is body else {**body, **row}
    variables = fields.get("chat_template_kwargs")
    names = list(map(cut, variables)) if isinstance(variables, dict) else []
    if fields.get("reasoning_effort") not in (None, "none"):
        names.append("reasoning_effort")
    return tuple(dict.fromkeys(names))


def refuse_impossible(body: Mapping[str, object]) -> None:
    """Refuse an envelope that asks for more than one answer, or for what has no text.

    Raises:
        InputError: it does.
    """
    if body.get("n") not in (None, 1):
        raise InputError(f"n is {quoted(body['n'])}, expected 1: a row has one answer")
    refused = [name for name in _REFUSED if body.get(name)]
    if refused:
        raise InputError(f"{refused[0]} cannot be used here")


def unused(
    row: Mapping[str, object], body: Mapping[str, object], *, question: str, model: str | None
) -> tuple[str, ...]:
    """Return the names of fields that are not honoured though they may change the answer, each once.

    `body` holds the question, in the field `question`: the row itself, or the body of an envelope.
    """
    known = {*_KEYS, *_OWN, *_HARMLESS, *_TEMPLATE, question}
    found: dict[str, None] = {}
    for source in (row,) if body is row else (row, body):
        for name, value in source.items():
            is_known = name in known or (body is not row and source is row and name in _ENVELOPE)
            is_same = name == "model" and value == model
            if value is not None and not is_known and not is_same and value not in _NEUTRAL.get(name, ()):
                found[cut(name)] = None
    if question == "messages":
        found.update(dict.fromkeys(_of_messages(body[question])))
    return tuple(found)


def _of_messages(messages: object) -> list[str]:
    """Return the fields of messages that no model is given."""
    items = messages if isinstance(messages, list) else []
    names = {
        name: value
        for item in items
        if isinstance(item, dict)
        for name, value in item.items()
        if name not in ("role", "content") and value not in (None, [], "")
    }
    return [f"messages.{cut(name)}" for name in names]


class Unused:
    """How many rows have which fields that are not honoured."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._variables: Counter[str] = Counter()

    def add(self, names: tuple[str, ...], variables: tuple[str, ...] = ()) -> None:
        """Count the fields of one more row, and the variables that it has for the chat template."""
        for counter, found in ((self._counts, names), (self._variables, variables)):
            for name in found:
                is_new = name not in counter
                counter[_OTHERS if is_new and len(counter) >= _MOST_NAMES else name] += 1

    def lines(self, template_names: Callable[[], Container[str]] = tuple) -> list[str]:
        """Return a line for each field that asks for something, and one for the others, which are data.

        `template_names` returns what the chat template reads; it is called only where rows have variables for it.
        """
        counts = {name: f"{name} ({_rows(count)})" for name, count in self._counts.items()}
        remarks = {name: _remark(name) for name in counts}
        asking = [f"not used: {counts[name]}{remark}" for name, remark in remarks.items() if remark is not None]
        data = [counts[name] for name, remark in remarks.items() if remark is None]
        read = template_names() if self._variables else ()
        unread = [
            f"not used: {name} ({_rows(count)}); the chat template does not read it"
            for name, count in self._variables.items()
            if name not in read
        ]
        return [*asking, *unread, *([f"not used: {', '.join(data)}"] if data else [])]


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _remark(name: str) -> str | None:
    """Return what to say of a field beside its name; None when it does not look like a request."""
    if name == "model":
        return "; --model answers all rows"
    if name in _NEUTRAL or name in _REFUSED or name in QUESTIONS:
        return ""
    near = nearest(name, [*_KEYS, *_OWN, *_TEMPLATE, *QUESTIONS], cutoff=_NEAR)
    return f"; did you mean {near}?" if near else None
