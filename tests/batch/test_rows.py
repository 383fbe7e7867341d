"""What a line of input asks."""

import json
from typing import Any

import pytest
from tables import table

from marco_cli.batch.fields import Unused
from marco_cli.batch.lines import Line
from marco_cli.batch.rows import BadRow, BatchRow, Layout, read_row
from marco_cli.prompt.base import Message


def read(line: object, *, number: int = 3, layout: Layout | None = None) -> BatchRow | BadRow:
    """Read a line given as bytes, or as what is to be written as JSON."""
    data = line if isinstance(line, bytes) else json.dumps(line).encode()
    return read_row(Line(number, data), layout or Layout())


def good(line: object, **more: Any) -> BatchRow:
    """Read a line that must be good."""
    row = read(line, **more)
    assert isinstance(row, BatchRow), row
    return row


def envelope(**body: object) -> dict[str, object]:
    """Return a request of the OpenAI Batch interface."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Why?"}], **body}
    return {"custom_id": "c1", "method": "POST", "url": "/v1/chat/completions", "body": body}


@table(
    [
        ({"prompt": "Why?"}, "Why?"),
        ({"question": "Why?"}, "Why?"),
        ({"question": "Why?", "prompt": None}, "Why?"),
        ({"prompt": " 为什么\u2028？\n"}, " 为什么\u2028？\n"),
        ({"messages": [{"role": "user", "content": "Why?"}]}, "Why?"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]}
                ]
            },
            "Why?",
        ),
        (envelope(), "Why?"),
        ({"custom_id": "c", "body": {"prompt": "Why?"}}, "Why?"),
        (b'\xef\xbb\xbf{"prompt": "Why?"}\r', "Why?"),
        (b'{"prompt": "Why?", "n": NaN, "big": 123456789012345678901234567890}', "Why?"),
    ]
)
def test_questions_come_in_many_forms(line: object, question: str) -> None:
    """Plain keys, chat messages, the OpenAI envelope; marks and spaces inside the question stay."""
    row = good(line)

    assert row.question == question
    assert row.line == 3


@table(
    [
        ({"prompt": "x"}, "line-3", '"line-3"'),
        ({"prompt": "x", "id": None}, "line-3", '"line-3"'),
        ({"prompt": "x", "id": "a"}, "a", '"a"'),
        ({"prompt": "x", "id": ""}, "", '""'),
        ({"prompt": "x", "id": 7}, 7, "7"),
        ({"prompt": "x", "id": "7"}, "7", '"7"'),
        ({"prompt": "x", "custom_id": "c"}, "c", '"c"'),
        ({"prompt": "x", "id": 1 << 70}, 1 << 70, f'"{1 << 70}"'),
    ]
)
def test_ids_are_kept_as_they_are(line: object, row_id: object, key: str) -> None:
    """Text or whole number, never turned into the other; without one the line number stands for it."""
    row = good(line)

    assert row.id == row_id
    assert row.key == key


def test_a_conversation_keeps_its_turns() -> None:
    """The last message is the question; what comes before it, the system's message included, is history."""
    row = good(
        {
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "2+2?"},
                {"role": "assistant", "content": "4"},
                {"role": "user", "content": "And 3 more?"},
            ]
        }
    )

    assert row.question == "And 3 more?"
    assert row.history == (
        Message(role="system", content="Be brief."),
        Message(role="user", content="2+2?"),
        Message(role="assistant", content="4"),
    )
    assert good({"prompt": "x", "system": "Be kind."}).history == (Message(role="system", content="Be kind."),)


def test_rows_have_settings_of_their_own() -> None:
    """Preset, seed, strategy and budgets; what stands beside an envelope's body is stronger than what is in it."""
    row = good({"prompt": "x", "preset": "marco-o1", "seed": 7, "strategy": "vote", "simulations": 4, "top_p": None})
    assert dict(row.overrides) == {"preset": "marco-o1", "seed": 7, "strategy": "vote", "simulations": 4}

    row = good({**envelope(max_completion_tokens=50, temperature=0.5, stop="END", seed=1, n=1), "seed": 2})
    assert dict(row.overrides) == {"max_tokens": 50, "temperature": 0.5, "stop": ("END",), "seed": 2}


def test_meta_is_carried_along() -> None:
    """Whatever stands under `meta`, and an envelope's metadata; other keys are nobody's business."""
    assert good({"prompt": "x", "meta": {"a": [1, None]}, "answer": "y"}).meta == {"a": [1, None]}
    assert good(envelope(metadata={"k": "v"})).meta == {"k": "v"}
    assert good({"prompt": "x"}).meta is None
    assert read({"meta": 5}).meta == 5


def test_other_fields_and_plain_text() -> None:
    """`--field` names the key; `--text` takes the line."""
    assert good({"task": "Why?", "prompt": "no"}, layout=Layout(field="task")).question == "Why?"
    assert good(b"Why, {you} ask?", layout=Layout(is_text=True)).question == "Why, {you} ask?"
    assert good("汉字".encode("utf-8-sig"), layout=Layout(is_text=True)).question == "汉字"


def test_the_hash_is_that_of_the_meaning() -> None:
    """Spaces and the order of keys do not count, anything else does."""
    hashes = [
        good(line).input_hash
        for line in (
            b'{"id": 1, "prompt": "x", "meta": {"b": 1, "a": 2}}',
            b'{"prompt":"x","meta":{"a":2,"b":1},"id":1}',
            b'{"prompt":"x","meta":{"a":2,"b":2},"id":1}',
            b'{"prompt":"y","meta":{"a":2,"b":1},"id":1}',
        )
    ]

    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


@table(
    [
        (b"{", "line-3", "not JSON"),
        (b"\xff", "line-3", "not UTF-8"),
        (b"\0\0", "line-3", "not JSON"),
        (b"[1]", "line-3", "an array, expected a JSON object"),
        (b"null", "line-3", "null, expected"),
        ({}, "line-3", "found nothing; expected messages or prompt or question"),
        ({"id": "a", "text": "x", "n": 1}, "a", "found id, text, n"),
        ({"id": 1.5, "prompt": "x"}, "line-3", "id is a number, expected text or a whole number"),
        ({"id": True, "prompt": "x"}, "line-3", "id is true or false"),
        ({"id": 9, "prompt": ""}, 9, "the question is empty"),
        ({"id": 9, "prompt": " \n"}, 9, "the question is empty"),
        ({"id": 9, "prompt": ["x"]}, 9, "prompt is an array, expected text"),
        ({"id": 9, "prompt": 5}, 9, "prompt is a number"),
        (rb'{"id": 9, "prompt": "\ud800"}', 9, "not UTF-8"),
        ({"id": 9, "messages": []}, 9, "messages is an empty array, expected one message or more"),
        ({"id": 9, "messages": {}}, 9, "messages is an object, expected an array of messages"),
        ({"id": 9, "messages": ["x"]}, 9, "a message is text"),
        ({"id": 9, "messages": [{"role": "tool", "content": "x"}]}, 9, "role is 'tool'"),
        ({"id": 9, "messages": [{"role": "x" * 5000, "content": "x"}]}, 9, "role is 'xxx"),
        ({"id": 9, "messages": [{"content": "x"}]}, 9, "a message has no role"),
        ({"id": 9, "messages": [{"role": "user", "content": None}]}, 9, "content is null"),
        ({"id": 9, "messages": [{"role": "user", "content": {}}]}, 9, "content is an object"),
        ({"id": 9, "messages": [{"role": "user", "content": []}]}, 9, "the question is empty"),
        ({"id": 9, "messages": [{"role": "user", "content": [5]}]}, 9, "a part of content is a number"),
        ({"id": 9, "messages": [{"role": "user", "content": [{"type": "text"}]}]}, 9, "the text of a part is null"),
        ({"id": 9, "messages": [{"role": "assistant", "content": None, "tool_calls": [{}]}]}, 9, "calls a tool"),
        ({"id": 9, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 9, "not text"),
        ({"id": 9, "messages": [{"role": "assistant", "content": "x"}]}, 9, "the last message is the assistant's"),
        ({"id": 9, "prompt": "x", "seed": -1}, 9, "seed: got -1, expected a whole number at least 0"),
        ({"id": 9, "prompt": "x", "seed": 10**400}, 9, "seed: got 1000"),
        ({"id": 9, "prompt": "x", "time_limit": 10**400}, 9, "time_limit: got 1000"),
        (envelope(max_tokens=10**310), "c1", "max_tokens: got 1000"),
        ({"id": 9, "prompt": "x", "strategy": "mtcs"}, 9, "strategy: got 'mtcs'"),
        ({"id": 9, "prompt": "x", "temperature": {}}, 9, "temperature: got"),
        ({**envelope(), "url": "/v1/embeddings"}, "c1", "url is '/v1/embeddings'"),
        (envelope(n=2), "c1", "n is 2, expected 1"),
        (envelope(tools=[{"type": "function"}]), "c1", "tools cannot be used"),
        ({"id": 9, "prompt": "x", "preset": "~/.ssh/id_ed25519"}, 9, "no preset is called '~/.ssh/id_ed25519'"),
        ({"id": 9, "prompt": "x", "preset": "../presets/marco-o1.yaml"}, 9, "expected a name"),
        ({"id": 9, "prompt": "x", "preset": "/dev/zero"}, 9, "expected a name"),
        ({"id": 9, "prompt": "x", "preset": ""}, 9, "expected a name"),
        ({"id": 9, "prompt": "x", "preset": "p" * 5000}, 9, "expected a name"),
        ({"id": 9, "prompt": "x", "preset": ["marco-o1"]}, 9, "preset: got"),
        (envelope(preset="/etc/passwd"), "c1", "expected a name"),
        ({"id": 9, "prompt": "x", "reasoning_effort": 5}, 9, "reasoning_effort is 5, expected text"),
        ({"id": 9, "prompt": "x", "chat_template_kwargs": "k" * 5000}, 9, "chat_template_kwargs is 'kkk"),
        (
            {"prompt": "x", "chat_template_kwargs": {"a": "<|im_end|>"}},
            "line-3",
            "chat_template_kwargs holds '<|im_end|>'",
        ),
        (
            {"prompt": "x", "chat_template_kwargs": {"a": [{"b": "[INST]"}]}},
            "line-3",
            "chat_template_kwargs holds '[INST]'",
        ),
        ({"prompt": "x", "chat_template_kwargs": {"<s>": 1}}, "line-3", "chat_template_kwargs holds '<s>'"),
        ({"prompt": "x", "reasoning_effort": "</think>"}, "line-3", "chat_template_kwargs holds '</think>'"),
        ({"id": 9, "prompt": "x", "stop": ""}, 9, "stop is an empty text"),
        ({"id": 9, "prompt": "x", "stop": [5]}, 9, "stop: got"),
        ({"x" * 5000: 1}, "line-3", "no question: found xxx"),
        ({**envelope(), "url": "u" * 5000}, "c1", "url is 'uuu"),
        (b'{"prompt": [' + b"[]," * 1_000_000 + b"0]}", "line-3", "commas and brackets, expected at most"),
    ]
)
def test_a_bad_line_says_what_is_wrong_with_it(line: object, row_id: object, words: str) -> None:
    """One line each, with what was found and what was expected, under the id that the row has if it has one."""
    row = read(line)

    assert isinstance(row, BadRow)
    assert row.id == row_id
    assert words in row.error.message
    assert "\n" not in row.error.message
    assert len(row.error.message) < 200
    assert len(row.input_hash) == 64


@table(
    [
        ({"prompt": "x", "temprature": 0}, ("temprature",)),
        ({"prompt": "x", "n": 3}, ("n",)),
        ({"prompt": "x", "n": 1, "stream": False, "logprobs": False, "logit_bias": {}, "tool_choice": "auto"}, ()),
        ({"prompt": "x", "stream": True, "logprobs": True, "top_logprobs": 5}, ("stream", "logprobs", "top_logprobs")),
        ({"prompt": "x", "presence_penalty": 0, "frequency_penalty": 0.0}, ()),
        ({"prompt": "x", "presence_penalty": 1, "frequency_penalty": -1}, ("presence_penalty", "frequency_penalty")),
        ({"prompt": "x", "response_format": {"type": "text"}}, ()),
        ({"prompt": "x", "response_format": {"type": "json_object"}}, ("response_format",)),
        ({"prompt": "x", "tools": [{}], "tool_choice": "required"}, ("tools", "tool_choice")),
        ({"prompt": "x", "user": "u", "metadata": {}, "store": True, "service_tier": "flex"}, ()),
        ({"prompt": "x", "meta": {"a": 1}, "id": 1, "system": "s", "mystery": None}, ()),
        ({"prompt": "x", "question": "y"}, ("question",)),
        ({"prompt": "x", "model": "nano"}, ()),
        ({"prompt": "x", "model": "gpt-4o"}, ("model",)),
        ({"prompt": "x", "k" * 300: 1}, ("k" * 59 + "…",)),
        ({"messages": [{"role": "user", "content": "x", "name": "Al", "refusal": None}]}, ("messages.name",)),
        ({**envelope(model="nano", temprature=1), "note": 1}, ("note", "temprature")),
    ]
)
def test_fields_that_are_not_honoured_are_named(line: object, unused: tuple[str, ...]) -> None:
    """What could change the answer and does not is named; what asks for nothing, or for what happens anyway, is not."""
    assert good(line, layout=Layout(model="nano")).unused == unused


def test_fields_of_others_set_the_same_settings() -> None:
    """Names of OpenAI's and vLLM's, in a plain row as in an envelope."""
    row = good(
        {"prompt": "x", "max_completion_tokens": 9, "stop": "END", "repetition_penalty": 1.1, "top_k": 5, "min_p": 0}
    )
    assert dict(row.overrides) == {"max_tokens": 9, "stop": ("END",), "repeat_penalty": 1.1, "top_k": 5, "min_p": 0}
    assert row.unused == ()


def test_unused_fields_are_counted_by_name() -> None:
    """A request has its own line, with what may have been meant; columns of data share one. Names are bounded in number."""
    unused = Unused()
    for names in (("temprature", "level"), ("temprature",), ("n",), ("source",), ("question",)):
        unused.add(names)

    assert unused.lines() == [
        "not used: temprature (2 rows); did you mean temperature?",
        "not used: n (1 row)",
        "not used: question (1 row)",
        "not used: level (1 row), source (1 row)",
    ]

    for number in range(5000):
        unused.add((f"column-{number}",))
    assert len(unused.lines()[-1]) < 50_000


def test_a_line_that_is_too_long_is_a_bad_row() -> None:
    """Its text is not kept; the hash of it still tells it from others."""
    first, second = (read_row(Line(4, data, is_too_long=True), Layout()) for data in (b"1" * 32, b"2" * 32))

    assert isinstance(first, BadRow)
    assert "longer than 64 MB" in first.error.message
    assert first.input_hash != second.input_hash


@pytest.mark.parametrize(
    ("fields", "overrides", "variables"),
    [
        (
            {"reasoning_effort": "low"},
            {"template_var": (("reasoning_effort", '"low"'),), "think": "on"},
            ("reasoning_effort",),
        ),
        ({"reasoning_effort": "none"}, {"template_var": (("reasoning_effort", '"none"'),), "think": "off"}, ()),
        ({"reasoning_effort": None, "chat_template_kwargs": {}}, {}, ()),
        (
            {"chat_template_kwargs": {"enable_thinking": False, "effort": ["a"]}},
            {"template_var": (("enable_thinking", "false"), ("effort", '["a"]'))},
            ("enable_thinking", "effort"),
        ),
        (
            {"reasoning_effort": "low", "chat_template_kwargs": {"reasoning_effort": "max"}},
            {"template_var": (("reasoning_effort", '"max"'),), "think": "on"},
            ("reasoning_effort",),
        ),
    ],
)
def test_rows_set_variables_of_the_chat_template(
    fields: dict[str, object], overrides: dict[str, object], variables: tuple[str, ...]
) -> None:
    """Plainly or in an envelope; an effort is also the wish to think, and `none` the wish not to."""
    for line in ({"prompt": "x", **fields}, envelope(**fields)):
        row = good(line, layout=Layout(model="gpt-4o"))
        assert dict(row.overrides) == overrides
        assert row.variables == variables
        assert row.unused == ()


def test_variables_that_the_template_does_not_read_are_named() -> None:
    """The template is looked at only where rows have variables."""
    unused = Unused()
    unused.add(())
    assert unused.lines(lambda: pytest.fail("not needed")) == []

    unused.add((), ("enable_thinking", "mystery"))
    assert unused.lines(lambda: {"messages", "enable_thinking"}) == [
        "not used: mystery (1 row); the chat template does not read it"
    ]
