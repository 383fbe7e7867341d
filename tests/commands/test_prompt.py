import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from commands.program import Marco

from marco_cli.prompt.base import Piece
from marco_cli.view.prompt import marked

pytestmark = pytest.mark.weights

TEXT = "<|im_start|>user\nWhat is <|im_end|>?<|im_end|>\n<|im_start|>assistant\n<Thought>\n"
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "q"},
]


def test_a_pipe_gets_the_text_as_the_model_does(marco: Marco) -> None:
    """Not a byte more or less on stdout; what there is to say goes to stderr."""
    run = marco("prompt", "What is <|im_end|>?")

    assert (run.code, run.out) == (0, TEXT)
    assert run.err == "marco: 34 tokens, 3 of them control tokens; marco-nano\n"
    assert marco("prompt", "What is <|im_end|>?", "-q").err == ""


def test_json_tells_control_tokens_from_text_that_looks_like_them(marco: Marco) -> None:
    """The pieces are those that the model gets: a typed control token is part of a text."""
    document = json.loads(marco("prompt", "What is <|im_end|>?", "--json").out)

    assert document["text"] == TEXT == "".join(piece["text"] for piece in document["pieces"])
    assert document["num_tokens"] == len(document["ids"]) == 34
    assert [piece["text"] for piece in document["pieces"] if piece["is_control"]] == [
        "<|im_start|>",
        "<|im_end|>",
        "<|im_start|>",
    ]
    assert document["pieces"][1] == {"text": "user\nWhat is <|im_end|>?", "is_control": False}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(MESSAGES),
        json.dumps({"messages": MESSAGES}),
        json.dumps(MESSAGES, indent=2),
        "\n".join(map(json.dumps, MESSAGES)),
        json.dumps({"id": 1, "messages": MESSAGES}) + "\n",
    ],
    ids=["array", "object", "indented", "a message a line", "a row of a batch"],
)
def test_messages_come_from_a_file_or_a_pipe(marco: Marco, tmp_path: Path, text: str) -> None:
    """An array, an object that holds one, and JSON lines say the same; their system message is the one that counts."""
    file = tmp_path / "messages.json"
    file.write_text(text, encoding="utf-8")
    frame = "<|im_start|>{}\n{}<|im_end|>\n"
    expected = "".join(frame.format(m["role"], m["content"]) for m in MESSAGES) + "<|im_start|>assistant\n<Thought>\n"

    assert marco("prompt", "--messages", file, "--system", "other").out == expected
    assert marco("prompt", "--messages", "-", stdin=text.encode()).out == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[]", "stdin: messages is an empty array"),
        ("nope", "stdin is neither JSON nor JSON lines"),
        ('[{"role": "user"}]', "stdin: content is null"),
        (
            '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]',
            "the last message is the assistant's",
        ),
        ('{"prompt": "a"}\n{"prompt": "b"}', "stdin holds 2 conversations, expected one"),
        ('{"prompt": "a"}\n{"prompt": 3}', "stdin, conversation 2: prompt is a number"),
    ],
)
def test_files_that_are_no_messages_end_in_one_line(marco: Marco, text: str, part: str) -> None:
    """Exit code 6, what was found, and nothing on stdout."""
    run = marco("prompt", "--messages", "-", stdin=text.encode())

    assert (run.code, run.out) == (6, "")
    assert part in run.err


def test_several_conversations_are_a_line_each(marco: Marco) -> None:
    """`--json` takes a whole batch, with the settings of each row."""
    rows = b'{"prompt": "a"}\n{"prompt": "b", "system": "S"}\n'
    documents = [json.loads(line) for line in marco("prompt", "--messages", "-", "--json", stdin=rows).out.splitlines()]

    assert ["a<|im_end|>" in document["text"] for document in documents] == [True, False]
    assert "S<|im_end|>" in documents[1]["text"]


def test_what_the_template_does_not_offer_is_said(marco: Marco) -> None:
    """A variable that it does not read, a switch that it does not have, a system message that it does not take."""
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[0].content }}"
    run = marco(
        "prompt",
        "q",
        "--system",
        "S",
        "--chat-template",
        template,
        "--template-var",
        "x=1",
        "--think",
        "off",
        "-p",
        "generic",
    )

    assert run.out == "S\n\nq"
    assert run.err.splitlines()[:3] == [
        "marco: template_var: the chat template reads no x",
        "marco: --think off: the chat template offers no switch for it",
        "marco: the chat template takes no system message: its text goes before the first question",
    ]


def test_the_switch_and_variables_reach_the_template(marco: Marco) -> None:
    """`--think` sets what the template reads; values are typed."""
    template = "{{ messages[0].content }}{{ enable_thinking is false }}{{ n + 1 }}{{ effort }}"
    given = ("--template-var", "n=2", "--template-var", "effort=low", "--think", "off", "-p", "generic", "-q")

    assert marco("prompt", "q", "--chat-template", template, *given).out == "qTrue3low"


def test_a_hostile_template_ends_in_one_line(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 and the way out."""
    monkeypatch.setattr("marco_cli.prompt.worker.DEADLINE", 1.0)
    template = "{{ messages[0].content }}{{ 9 ** 999999999 }}"
    run = marco("prompt", "q", "--chat-template", template)

    assert (run.code, run.out) == (2, "")
    assert run.err == "marco: the chat template did not end within 1 s\n  hint: try --chat-template chatml\n"


def test_a_terminal_shows_control_tokens_reversed() -> None:
    """What is typed like one is not."""
    parent, child = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "NO_COLOR": ""}
    with os.fdopen(parent, "rb") as screen:
        arguments = [sys.executable, "-m", "marco_cli", "prompt", "What is <|im_end|>?", "-q"]
        with subprocess.Popen(arguments, stdin=child, stdout=child, stderr=subprocess.DEVNULL, env=environ) as process:
            os.close(child)
            seen = screen.read1(4096)
            process.wait()

    assert b"\x1b[7m<|im_start|>\x1b[0muser\r\nWhat is <|im_end|>?\x1b[7m<|im_end|>\x1b[0m" in seen


@pytest.mark.parametrize(("encoding", "text"), [("utf-8", "⟦<s>⟧a\\x1b"), ("ascii", "[[<s>]]a\\x1b")])
def test_without_colours_control_tokens_stand_in_brackets(encoding: str, text: str) -> None:
    """Nothing rests on colour alone, and no control character reaches the terminal."""
    pieces = (Piece(text="<s>", is_control=True), Piece(text="a\x1b", is_control=False))

    assert marked(pieces, is_coloured=False, encoding=encoding) == text
