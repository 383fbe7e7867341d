import json
from dataclasses import replace

import pytest
from conversation.talk import turn, turns

from marco_cli.conversation.transcript import transcript
from marco_cli.errors import InputError


def test_messages_hold_outputs_only() -> None:
    """`.json` and `.jsonl` are one object with chat messages on one line: all turns, the dropped ones too, no thought."""
    for name in ("chat.json", "CHAT.JSONL"):
        data = transcript(turns(2).dropping(1), system="Be brief.", file=name)
        messages = json.loads(data)["messages"]

        assert data.count(b"\n") == 1
        assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant"]
        assert b"hm" not in data


def test_markdown_folds_thoughts_and_takes_no_markup_from_texts() -> None:
    """People get question, folded thought and output; a text with fences of its own stays inside its fence."""
    odd = replace(turn(1), output="```\n# not a heading\n```\n</details>")
    text = transcript(turns(1).add(odd), system=None, file="chat.md").decode()

    assert text.count("<details>") == 2
    assert "````text\n```\n# not a heading\n```\n</details>\n````" in text


@pytest.mark.parametrize(("file", "words"), [("chat", "without an ending"), ("chat.mdx", "ends in .mdx")])
def test_an_unknown_ending_is_refused_with_the_known_ones(file: str, words: str) -> None:
    """The ending decides the format, so one that says nothing is an error that names those that do."""
    with pytest.raises(InputError) as caught:
        transcript(turns(1), system=None, file=file)

    assert words in caught.value.message
    assert ".md, .json, .jsonl" in caught.value.message
