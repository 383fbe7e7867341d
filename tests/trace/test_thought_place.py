"""Where a training row must hold a thought so that the model's chat template keeps it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exported import exported, read
from search.scripts import lines
from traced import traced

from marco_cli.engine.scripted import END
from marco_cli.prompt.template import CHATML
from marco_cli.prompt.worker import run_template, stop
from marco_cli.trace.decoding import decode
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import Trace
from marco_cli.trace.thought_place import thought_place

TEMPLATES = Path(__file__).parents[3] / "shared" / "data" / "chat-templates" / "templates.jsonl"
THOUGHT = "Add two and two."

_TURNS = "{% for m in messages %}{% set c = m.content %}"
_END = "{{ m.role + ': ' + c + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant\n' }}{% endif %}"
R1_LIKE = _TURNS + "{% if '</think>' in c %}{% set c = c.split('</think>')[-1] %}{% endif %}" + _END
QWEN3_LIKE = (
    _TURNS + "{% set r = '' %}{% if m.reasoning_content %}{% set r = m.reasoning_content %}"
    "{% elif '</think>' in c %}{% set r = c.split('</think>')[0] %}{% set c = c.split('</think>')[-1] %}{% endif %}"
    "{% if r and loop.last %}{% set c = '<think>' + r + '</think>' + c %}{% endif %}" + _END
)
APART = (
    _TURNS + "{% set c = c.split('</think>')[-1] %}"
    "{% if m.reasoning_content %}{% set c = '<think>' + m.reasoning_content + '</think>' + c %}{% endif %}" + _END
)
BROKEN = "{{ messages[0].content }}assistant\n{% if messages|length > 1 %}{{ raise_exception('no') }}{% endif %}"


@pytest.fixture(autouse=True, scope="module")
def worker() -> Iterator[None]:
    """End the process that templates run in."""
    yield
    stop()


THINKING = lines({"": {f"<think>\n{THOUGHT}\n</think>\n\nThe answer is {n}.{END}": p for n, p in ((4, 0.6), (5, 0.4))}})
"""Speaks as R1 does: one thought, two answers."""


def trace_of(template: str, **settings: Any) -> Trace:
    """Return the trace of a reply with a thought by a model of this template."""
    return traced(
        THINKING, **{"strategy": "cot", "temperature": 0.0, "tags": "think", "chat_template": template, **settings}
    )


def rendered(template: str, messages: list[dict[str, Any]]) -> str:
    """Return what a trainer makes of messages."""
    variables = {
        "messages": messages, "add_generation_prompt": False, "bos_token": "", "eos_token": "", "now": "2026-01-01T00:00:00",
    }  # fmt: skip
    (run,) = run_template(template, [variables])
    return run["text"]


@pytest.mark.parametrize(
    ("template", "place", "keys"),
    [
        (CHATML, "content", {"role", "content"}),
        (QWEN3_LIKE, "content", {"role", "content"}),
        (APART, "reasoning_content", {"role", "content", "reasoning_content"}),
        (R1_LIKE, "nowhere", {"role", "content", "reasoning_content"}),
        (BROKEN, None, {"role", "content", "reasoning_content"}),
    ],
    ids=["chatml", "qwen3", "apart", "r1", "broken"],
)
def test_a_row_holds_the_thought_where_the_template_keeps_it(template: str, place: str | None, keys: set[str]) -> None:
    """Rendered with the model's own template a row has its thought; where no row can have it, that is said."""
    trace = decode(encode(trace_of(template)))
    assert trace.thought_place == place
    (export,) = exported("sft", [trace])
    (row,) = read(export)
    message = row["messages"][-1]

    assert message.keys() == keys
    assert THOUGHT in str(message)
    if place in ("content", "reasoning_content"):
        assert THOUGHT in rendered(template, row["messages"])
        assert not export.warning
    elif place == "nowhere":
        assert THOUGHT not in rendered(template, row["messages"])
        assert "the chat template of scripted deletes thoughts" in export.warning


def test_an_early_trace_of_a_thinking_model_keeps_its_thought_apart() -> None:
    """It does not say what its template does, and most templates for `<think>` read `reasoning_content`."""
    line = json.loads(encode(trace_of(APART)))
    del line["thought_place"]
    (row,) = read(exported("sft", [decode(json.dumps(line).encode() + b"\n")])[0])

    assert row["messages"][-1] == {"role": "assistant", "content": "The answer is 4.", "reasoning_content": THOUGHT}


@pytest.mark.parametrize("template", [CHATML, R1_LIKE], ids=["chatml", "r1"])
def test_as_text_a_row_holds_the_thought_whatever_the_template_does(template: str) -> None:
    """The prompt is what the template makes of the conversation, the completion what the model wrote after it."""
    trace = decode(encode(trace_of(template)))
    (export,) = exported("sft", [trace], layout="text")
    (row,) = read(export)

    assert row["prompt"].endswith("assistant\n")
    assert "2+2?" in row["prompt"]
    assert row["completion"] == f"<think>\n{THOUGHT}\n</think>\n\nThe answer is 4."
    assert not export.warning

    early = replace(trace, problem=replace(trace.problem, prompt_text=""))
    assert exported("sft", [early], layout="text")[0].num_rows == 0


@pytest.mark.skipif(not TEMPLATES.exists(), reason="the real chat templates are not on this machine")
def test_a_row_of_r1_as_text_is_its_own_prompt_with_the_thought() -> None:
    """Rendered with R1's template and completed, the row is what the model read and wrote."""
    entries = map(json.loads, TEMPLATES.read_text(encoding="utf-8").splitlines())
    template = next(entry["template"] for entry in entries if entry["name"] == "deepseek-r1-latest")

    def script(text: str) -> dict[str, float]:
        reply = f"<think>\n{THOUGHT}\n</think>\n\nThe answer is 4.{END}"
        return {reply: 1.0} if text.endswith("<｜Assistant｜>") else {}

    trace = traced(script, strategy="cot", temperature=0.0, tags="think", chat_template=template)
    (row,) = read(exported("sft", [trace], layout="text")[0])

    assert trace.thought_place == "nowhere"
    assert row["prompt"].endswith("<｜User｜>2+2?<｜Assistant｜>")
    assert row["completion"] == f"<think>\n{THOUGHT}\n</think>\n\nThe answer is 4."


def test_both_replies_of_a_pair_hold_their_thoughts() -> None:
    """`dpo` writes messages as `sft` does, and warns as it does."""
    trace = trace_of(R1_LIKE, strategy="vote", simulations=12, temperature=1.0)
    (export,) = exported("dpo", [replace(trace, target="4")])

    for row in read(export):
        assert row["chosen"] == [{"role": "assistant", "content": "The answer is 4.", "reasoning_content": THOUGHT}]
        assert row["rejected"] == [{"role": "assistant", "content": "The answer is 5.", "reasoning_content": THOUGHT}]
    assert export.num_rows
    assert export.warning


def test_a_reply_without_a_thought_or_an_output_has_no_place() -> None:
    """There is nothing to look for."""
    reply = trace_of(CHATML).reply
    for changed in (replace(reply, output=""), replace(reply, thought=""), replace(reply, data=b"another")):
        assert thought_place(CHATML, changed, prefill="", bos="", eos="") is None


@pytest.mark.skipif(not TEMPLATES.exists(), reason="the real chat templates are not on this machine")
def test_no_real_template_loses_a_thought_in_silence() -> None:
    """For every model: a row rendered with its template has the thought, or there is a warning; R1's family has one."""
    trace = trace_of(CHATML)
    found: dict[str, set[str]] = {"content": set(), "reasoning_content": set(), "nowhere": set(), "None": set()}
    for line in TEMPLATES.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        place = thought_place(entry["template"], trace.reply, prefill="", bos="<s>", eos="</s>")
        found[str(place)].add(entry["name"])
        (export,) = exported("sft", [replace(trace, thought_place=place)])
        if place in ("content", "reasoning_content"):
            assert THOUGHT in rendered(entry["template"], read(export)[0]["messages"])
        assert bool(export.warning) == (place == "nowhere")

    assert {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek-r1-latest"} <= found["nowhere"]
    assert {"Qwen-Qwen3-0.6B", "qwen3-next-80b"} <= found["content"]
