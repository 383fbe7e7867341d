"""Which format a reply has: by the end of the prompt, by the template, by the reply itself."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from loop import finished
from search.scripts import Inline
from tables import table

from marco_cli import nano
from marco_cli.batch.record import answered_row, encode_row
from marco_cli.batch.rows import BatchRow
from marco_cli.config.preset import load_preset, preset_names
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import CONTROL_TOKENS, END, Script, scripted_engine
from marco_cli.errors import ConfigError
from marco_cli.models import LocatedModel
from marco_cli.models.choice import implied_preset, template_format
from marco_cli.plan import search_plan
from marco_cli.search.base import SearchResult
from marco_cli.sections import MARCO, NONE, TAG_STYLES, THINK, Tags
from marco_cli.sections.format import read_tags
from marco_cli.sections.opening import begun
from marco_cli.solver import Solver

DATA = Path(__file__).parents[2] / "shared" / "data" / "chat-templates" / "templates.jsonl"

# Of each known family: the format, and the marks that its prompt ends with. Templates that are not named here show none.
FAMILIES: Mapping[str, str] = {
    "Apriel-1.6-15b-Thinker-fixed": "apriel-1.6",
    "Bielik-11B-v3.0-Instruct": "think",
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": "cohere",
    "command-r7b-arabic-7b": "cohere",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": "think",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": "think",
    "deepseek-ai-DeepSeek-V3.2": "think",
    "deepseek-ai-DeepSeek-V4-Flash-0731": "think",
    "deepseek-v3.1-latest": "think",
    "exaone-deep-32b": "exaone",
    "GLM-4.6": "think",
    "google-gemma-4-31B-it": "gemma",
    "inclusionai-ling-3.0-flash": "think",
    "Kimi-K2-Thinking": "think",
    "Kimi-K3": "kimi",
    "LFM2.5-8B-A1B": "think",
    "MiniMax-M3": "minimax",
    "muse-glimmer": "muse",
    "NVIDIA-Nemotron-Nano-v2": "think",
    "openbmb-MiniCPM5-1B": "think",
    "poolside-Laguna-S-2.1": "think",
    "poolside-Laguna-XS.2": "think",
    "Qwen-Qwen3-0.6B": "think",
    "Qwen-QwQ-32B": "think",
    "qwen3-0.6b": "think",
    "qwen3-next-80b": "think",
    "Qwen3.5-4B": "think",
    "qwq-32b.3": "think",
    "Spark2.5": "think",
    "tencent-Hy3": "hunyuan",
}
BEGINNINGS: Mapping[str, str] = {
    "Apriel-1.6-15b-Thinker-fixed": "Here are my reasoning steps:\n",
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": "<|START_THINKING|><|END_THINKING|>",
    "command-r7b-arabic-7b": "<|START_RESPONSE|>",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": "<think>\n",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": "<think>\n</think>",
    "deepseek-ai-DeepSeek-V3.2": "<think></think>",
    "deepseek-ai-DeepSeek-V4-Flash-0731": "</think>",
    "deepseek-v3.1-latest": "</think>",
    "exaone-deep-32b": "<thought>\n",
    "google-gemma-4-31B-it": "<|channel>thought\n<channel|>",
    "inclusionai-ling-3.0-flash": "<think>",
    "Kimi-K3": "<|open|>think<|sep|>",
    "NVIDIA-Nemotron-Nano-v2": "<think>\n",
    "poolside-Laguna-S-2.1": "<think>",
    "poolside-Laguna-XS.2": "</think>",
    "Qwen-QwQ-32B": "<think>\n</think>",
    "qwen3-next-80b": "<think>\n",
    "Qwen3.5-4B": "<think>\n",
    "qwq-32b.3": "<think>\n",
    "Spark2.5": "<think>",
    "tencent-Hy3": "<think:opensource></think:opensource>",
}


def templates() -> Iterator[dict[str, str]]:
    """Yield name, template and rendered conversations; nothing where the data is not there."""
    if DATA.exists():
        with DATA.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


@pytest.mark.skipif(not DATA.exists(), reason="the chat templates are not here")
def test_every_template_shows_its_format_and_no_other() -> None:
    """All real templates: what they write decides, never what their source mentions (LFM2.5-Instruct strips thoughts)."""
    shown: dict[str, str] = {}
    beginnings: dict[str, str] = {}
    for each in templates():
        prompt = each["rendered"].get("user") or ""  # type: ignore[attr-defined]
        expected = template_format(each["template"]) or NONE
        tags, beginning = begun(prompt.rpartition("2+2?")[2], "", expected.free)
        name = next(name for name, style in TAG_STYLES.items() if style.is_like(tags))
        if name != "none":
            shown[each["name"]] = name
        if beginning:
            beginnings[each["name"]] = beginning

    assert shown == FAMILIES
    assert beginnings == BEGINNINGS


HARMONY = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|start|>assistant<|channel|>final<|message|>{{ m.content }}<|end|>"
    "{% else %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
MAGISTRAL = (
    "{% for m in messages %}{% if m.role == 'assistant' %}[THINK]{{ m.reasoning_content }}[/THINK]{{ m.content }}</s>"
    "{% else %}[INST]{{ m.content }}[/INST]{% endif %}{% endfor %}"
)
SEED = "{% for m in messages %}<seed:bos>{{ m.role }}\n{{ m.content }}<seed:eos>{% endfor %}<seed:bos>assistant\n<seed:think>"
STRIPPING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "name"),
    [(HARMONY, "harmony"), (MAGISTRAL, "magistral"), (SEED, "seed"), (STRIPPING, "none"), ("{{ broken", "none")],
)
def test_a_template_shows_its_format_by_what_it_writes(template: str, name: str) -> None:
    """In its prompt or around an assistant's turn; one that only strips thoughts, or is broken, shows none."""
    assert template_format(template) == (None if name == "none" else TAG_STYLES[name])


@table(
    [
        ("assistant\n", "", NONE.free, NONE, ""),
        ("assistant\n<think>\n", "", NONE.free, THINK, "<think>\n"),
        ("assistant\n<think>\n\n</think>\n\n", "", NONE.free, THINK, "<think>\n\n</think>\n\n"),
        ("<|Assistant|></think><think>\n", "", NONE.free, THINK, "</think><think>\n"),
        ("assistant\n<think>\n", "<think>\n", THINK.free, THINK, "<think>\n"),
        ("assistant\n<think>\nWell,", "Well,", NONE.free, THINK, "<think>\nWell,"),
        ("assistant\n<Thought>\n", "<Thought>\n", MARCO.free, MARCO, "<Thought>\n"),
        ("assistant\n<think>\n<Thought>\n", "<Thought>\n", MARCO.free, MARCO, "<Thought>\n"),
        ("assistant\n<think>\n", "", MARCO.free, THINK, "<think>\n"),
        ("assistant\n<think>\n", "", NONE, NONE, ""),
        ("The <think> tag\n", "", NONE.free, NONE, ""),
    ]
)
def test_the_end_of_the_prompt_decides_first(end: str, prefill: str, tags: Tags, wanted: Tags, beginning: str) -> None:
    """It may have opened, closed or skipped the thought; what the reply begins with is read before the reply."""
    found, start = begun(end, prefill, tags)

    assert (found.is_like(wanted), start) == (True, beginning)


@pytest.mark.parametrize("name", [name for name in TAG_STYLES if name not in ("none", "marco")])
def test_every_format_has_a_preset(name: str) -> None:
    """A user can name it, look at it, and extend it."""
    assert name in preset_names()
    assert {entry.key: entry.value for entry in load_preset(name).entries}["tags"] == name


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("auto", None),
        ("think", THINK),
        ('{"thought": ["<a>", "</a>"]}', Tags(thought_open="<a>", thought_close="</a>")),
        ('{"output": [null, "[END]"]}', Tags(output_close="[END]")),
    ],
)
def test_marks_can_be_named_or_written(text: str, wanted: Tags | None) -> None:
    """As the setting holds them."""
    assert read_tags(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        '{"thought": ["<a>", ""]}', '{"thought": ["<a>", "<a>"]}', '{"thought": ["<a>", "<A>"]}', '{"thought": ["<a>", " <a> "]}',
        '{"thought": [null, null]}', '{"thought": ["<a>"]}', '{"thought": "<a>"}', '{"thought": ["<a>", 1]}', '{"thought": ["a", "b"]}',
        '{"thought": ["<a>", "</a>"], "output": ["<A>", "</o>"]}', '{"thoughts": ["<a>", "</a>"]}', "{}", "[]", "<a>", "",
    ],
)  # fmt: skip
def test_marks_that_cannot_be_told_apart_are_refused(text: str) -> None:
    """In one line that quotes them."""
    with pytest.raises(ConfigError, match="expected"):
        read_tags(text)


MODEL = LocatedModel(name="scripted", path=Path("/nowhere/scripted.gguf"), source="path", files=(), hashes=(None,))
CHATML_THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


def solve(script: Script, **settings: Any) -> SearchResult:
    """Ask a scripted model a question with these settings."""

    async def work() -> SearchResult:
        engine = scripted_engine(script)
        engine._thread = Inline()
        solver = Solver(engine=engine, plan=search_plan(Settings(**{"effort": "none", **settings})), model=MODEL)
        try:
            return await solver.solve(solver.problem("2+2?"))
        finally:
            await solver.close()

    return finished(work())


def says(reply: str, *, then: str = "") -> Script:
    """Return a model that says one thing, and another after it has been made to close its thought."""

    def script(text: str) -> Mapping[str, float]:
        _, _, said = text.rpartition("assistant\n")
        said = said.removeprefix("<think>\n")
        if reply.startswith(said):
            return {reply[len(said) :] + END: 1.0}
        return {then + END: 1.0} if said.endswith(("</think>\n", "<|im_start|>answer")) else {}

    return script


@table(
    [
        ("Four.", {}, "", "Four."),
        ("<think>\nAdd.\n</think>\n\nFour.", {}, "Add.", "Four."),
        ("<Thought>\nAdd.\n</Thought>\n<Output>\nFour.\n</Output>", {}, "Add.", "Four."),
        ("<Thought>\nAdd.\n</Thought>\n<Output>\nFour.\n</Output>", {"tags": "think"}, "Add.", "Four."),
        ("<think>\nAdd.\n</think>\n\nFour.", {"tags": "marco"}, "Add.", "Four."),
        ("<think>Add.</think>Four.", {"tags": "none"}, "", "<think>Add.</think>Four."),
        ("<think>Add.</think><response>Four.</response>", {}, "Add.", "Four."),
        ("<think>Add.</think><answer>Four.</answer>", {}, "Add.", "<answer>Four.</answer>"),
        ("Add.\n</think>\n\nFour.", {"chat_template": CHATML_THINKING}, "Add.", "Four."),
        ("Four.", {"tags": "think"}, "", "Four."),
        ("Four.", {"preset": "deepseek-r1", "tags": "think", "prefill": "<think>\n"}, "", "Four."),
        ("Four.", {"chat_template": CHATML_THINKING}, "", "Four."),
        (
            "<|im_start|>think\nAdd.<|im_start|>answer\nFour.",
            {"tags": '{"thought": ["<|im_start|>think", "<|im_start|>answer"]}'},
            "Add.",
            "Four.",
        ),
    ]
)
def test_a_reply_is_read_as_it_shows(reply: str, settings: Mapping[str, Any], thought: str, output: str) -> None:
    """With or without the right format named, thinking or not, with marks of text or of control tokens."""
    found = solve(says(reply), **settings).reply

    assert (found.thought, found.output) == (thought, output)


def test_another_format_than_the_one_in_use_is_told_once() -> None:
    """In a search too; where no format was in use there is nothing to tell."""
    reply = "<Thought>\nAdd.\n</Thought>\n<Output>\n4\n</Output>"
    told = [
        solve(says(reply), tags=tags, strategy="vote", simulations=4, effort=None).notices for tags in ("think", "auto")
    ]

    assert [len([notice for notice in notices if "another format" in notice]) for notices in told] == [1, 0]


@pytest.mark.parametrize("strategy", ["cot", "vote", "mcts"])
def test_a_thought_that_used_up_its_budget_is_closed_by_force(strategy: str) -> None:
    """After `max_thought_tokens`, with the preset's phrase, in chains and in searches; forced tokens are not scored."""
    settings = {"tags": "think", "max_thought_tokens": 50, "closing_phrase": "Time is up.", "simulations": 2}
    found = solve(says("<think>\n" + "Hm, so. " * 60, then="Four."), strategy=strategy, **settings).reply

    forced = "\nTime is up.\n</think>\n"
    assert found.output == "Four."
    assert found.thought.startswith("Hm, so.")
    assert found.is_forced
    assert found.data.decode().index(forced) == 50
    assert int((~found.tokens.is_sampled).sum()) == len(forced)


def test_a_closing_mark_is_forced_as_control_tokens() -> None:
    """What the model was trained to read as one token is fed as that token."""
    tags = '{"thought": ["<|im_start|>think", "<|im_start|>answer"]}'
    found = solve(says("<|im_start|>think\n" + "Hm. " * 60, then="Four."), tags=tags, max_thought_tokens=20).reply

    forced = found.tokens.ids[~found.tokens.is_sampled].tolist()
    assert found.output == "Four."
    assert forced[0] == 256 + CONTROL_TOKENS.index("<|im_start|>")
    assert bytes(forced[1:]) == b"answer"


def test_a_budget_of_no_thought_answers_at_once() -> None:
    """Where the prompt has opened the thought, 0 closes it before anything is said."""
    found = solve(says("Hm.", then="Four."), chat_template=CHATML_THINKING, max_thought_tokens=0).reply

    assert (found.thought, found.output) == ("", "Four.")


def test_a_reply_that_falls_into_a_loop_is_ended_and_says_so() -> None:
    """An output keeps what it said, a thought gets an output; neither is whole, and a notice tells."""
    said = solve(says("So: " + "the answer is four, and so on.\n" * 120))
    thought = solve(says("<think>\n" + "Let me check that again.\n" * 140, then="Four."))

    assert said.reply.output.startswith("So: the answer")
    assert thought.reply.output == "Four."
    for result in (said, thought):
        assert result.reply.ending == "loop"
        assert not result.reply.is_whole
        assert any("again and again" in notice for notice in result.notices)
        assert len(result.reply.tokens) < 3_000


def test_a_cut_winner_says_so() -> None:
    """A vote of cut replies has a winner that was cut, whatever else the search says of its end."""
    result = solve(says("four " * 40), strategy="vote", simulations=3, max_tokens=20)

    row = BatchRow(id="a", line=1, question="2+2?", input_hash="0" * 64)
    document = answered_row(
        row, result=result, settings=Settings(), model="m", num_prompt_tokens=1, min_confidence=None
    )
    envelope = json.loads(encode_row(document, "openai"))

    assert result.reply.ending == document["finish_reason"] == "length"
    assert envelope["response"]["body"]["choices"][0]["finish_reason"] == "length"
    assert any("cut" in notice for notice in result.notices)


def test_an_output_after_a_thought_budget_has_all_the_room_that_is_left() -> None:
    """The reserve is for thoughts that used up everything; after a budget of their own the output goes on as it likes."""
    long_output = "word " * 200
    found = solve(says("<think>\n" + "Hm, so. " * 60, then=long_output), max_thought_tokens=50).reply

    assert found.output == long_output.strip()


def test_the_bundled_model_is_known_under_any_file_name(tmp_path: Path) -> None:
    """By the name in its metadata; where that is gone, its reply still shows its format."""
    file = tmp_path / "something-else.gguf"
    shutil.copy(next(Path(nano.__file__).parent.glob("*.gguf")), file)
    model = LocatedModel(name="else", path=file, source="path", files=(file,), hashes=(None,))

    assert implied_preset(model) == "marco-nano"
