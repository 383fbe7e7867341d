"""Where steps end: the same tokens whether a reply is cut afterwards or generated step by step."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.engine.base import Tokens
from marco_cli.search import StepMode
from marco_cli.search.steps import SHAPES, split, step_rule
from marco_cli.search.tree import Step
from marco_cli.sections import MARCO, NONE, Tags

TEXTS = st.lists(
    st.sampled_from(
        [
            "a",
            " word",
            "\n",
            "\n\n",
            ".\n\n",
            "。\n",
            " \n",
            "</Tho",
            "ught>",
            "<Output>",
            "</Output>",
            "你",
            "- ",
            "",
            "</Thought>\n",
            "```",
            "`",
            "``",
            "\\",
            "[",
            "\\[",
            "\\]",
            "\\begin{",
            "\\end{",
            ":",
            "：",
            "**",
            "# ",
            "1. ",
        ]
    ),
    max_size=400,
)


def cut(pieces: list[str], mode: StepMode, *, forced: slice = slice(0, 0)) -> tuple[Step, ...]:
    """Cut a reply of these pieces, those of `forced` inserted."""
    tokens = Tokens.forced(range(len(pieces)))
    tokens.is_sampled[:] = True
    tokens.is_sampled[forced] = False
    return split(tokens, [piece.encode() for piece in pieces], mode, MARCO)


def texts(steps: tuple[Step, ...]) -> list[str]:
    """Return the steps as text."""
    return [step.data.decode() for step in steps]


@pytest.mark.parametrize("mode", SHAPES)
@given(pieces=TEXTS)
def test_splitting_and_generating_cut_at_the_same_tokens(mode: StepMode, pieces: list[str]) -> None:
    """A finished rollout falls into exactly the steps that would have come one request at a time."""
    data = [piece.encode() for piece in pieces]
    generated, start = [], 0
    while start < len(data):
        rule = step_rule(mode, MARCO, before=b"".join(data[:start]))
        end = next(
            (end for end in range(start + 1, len(data) + 1) if rule(b"".join(data[start:end]), end - start)), len(data)
        )
        generated.append(b"".join(data[start:end]))
        start = end

    assert [step.data for step in cut(pieces, mode)] == generated


@pytest.mark.parametrize("mode", SHAPES)
@given(pieces=TEXTS)
def test_no_token_is_lost_or_doubled(mode: StepMode, pieces: list[str]) -> None:
    """The steps' tokens, one after the other, are the reply's; only the last step ends it."""
    steps = cut(pieces, mode)

    assert [int(token) for step in steps for token in step.tokens.ids] == list(range(len(pieces)))
    assert [step.is_terminal for step in steps] == [False] * (len(steps) - 1) + [True] * bool(steps)


def test_a_paragraph_ends_with_the_token_that_holds_the_blank_line() -> None:
    """Any script, any token: what counts is the text; short paragraphs are merged with the next."""
    words = [" word"] * 20
    assert texts(cut([*words, "。\n\n", *words, ".\n", "\n", "end"], "paragraph")) == [
        " word" * 20 + "。\n\n",
        " word" * 20 + ".\n\n",
        "end",
    ]
    assert texts(cut(["-", "\n\n", *words, ".\n \n", "end"], "paragraph")) == ["-\n\n" + " word" * 20 + ".\n \n", "end"]


def test_a_paragraph_without_end_is_cut_at_256_tokens() -> None:
    """A model that never leaves a blank line does not make a step of the whole reply."""
    assert [len(step.tokens) for step in cut(["x"] * 300, "paragraph")] == [256, 44]


def test_a_closing_tag_always_ends_a_step_also_across_tokens() -> None:
    """The thought's end is a step border, however short the step and wherever the tokens fall."""
    assert texts(cut(["a", "b</", "Thought", ">", "c", "</Output>"], "paragraph")) == ["ab</Thought>", "c</Output>"]


def test_a_closing_tag_in_any_script_ends_a_step_also_inside_characters() -> None:
    """Tags of a preset may be Chinese, and a token may be a part of a character."""
    tags = Tags(thought_open="〈思考〉", thought_close="〈/思考〉")
    pieces = [bytes([byte]) for byte in "〈思考〉加〈/思考〉好".encode()]
    steps = split(Tokens.forced(range(len(pieces))), pieces, "paragraph", tags)

    assert [step.data.decode() for step in steps] == ["〈思考〉加〈/思考〉", "好"]


SENTENCE = "So one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."
UNITS = {
    "a lead-in and its list": ("To find out, we follow these steps:", "1. Add.\n2. Divide."),
    "a lead-in in Chinese": ("我们来算一算：", "3+4=7"),
    "a sentence and its formula": ("The total is:", "\\[ 3 + 4 = 7 \\]"),
    "a heading": ("### Step 2", "Now we add."),
    "a bold line": ("2. **Calculate the cost**", "It is 7."),
    "a bold lead-in": ("2. **Calculate the cost:**", "It is 7."),
    "a formula with a gap": ("\\[\n3 + 4", "= 7\n\\]"),
    "an environment with a gap": ("\\begin{aligned}\n3 + 4 \\\\[2pt]", "= 7\n\\end{aligned}"),
    "a code block with gaps": ("```python\na = 1", "b = 2\n```"),
}


def as_tokens(text: str) -> list[str]:
    """Cut a text into pieces as a model might: words, and runs of line feeds."""
    return re.findall(r"\n+| ?[^\s]+| +", text)


@pytest.mark.parametrize(("first", "second"), UNITS.values(), ids=UNITS)
def test_what_belongs_together_is_one_paragraph(first: str, second: str) -> None:
    """A lead-in stays with what it announces; formulas and code blocks are never cut at a blank line."""
    text = f"{SENTENCE} {SENTENCE}\n\n{SENTENCE}\n{first}\n\n{second} {SENTENCE}\n\n{SENTENCE}"

    assert texts(cut(as_tokens(text), "paragraph")) == [
        f"{SENTENCE} {SENTENCE}\n\n",
        f"{SENTENCE}\n{first}\n\n{second} {SENTENCE}\n\n",
        SENTENCE,
    ]


def test_a_code_block_is_known_behind_the_step_that_it_was_cut_in() -> None:
    """The end of a block that was too long for a step opens no other."""
    text = f"```python\n{'a = 1 ' * 100}\n\n{'b = 2 ' * 20}\n```\n{SENTENCE}\n\n{SENTENCE}"
    *_, code, end = texts(cut(as_tokens(text), "paragraph"))

    assert code.endswith(f"b = 2 \n```\n{SENTENCE}\n\n")
    assert end == SENTENCE


def test_a_formula_without_end_does_not_swallow_the_reply() -> None:
    """After 256 tokens in a formula that is never closed, paragraphs end at blank lines as ever."""
    text = "\\[ " + "x " * 255 + f"{SENTENCE}\n\n{SENTENCE}"

    assert texts(cut(as_tokens(text), "paragraph"))[1:] == [f" {SENTENCE}\n\n", SENTENCE]


def test_lines_are_cut_at_every_line_feed() -> None:
    """Only paragraphs keep lead-ins, formulas and code together."""
    text = "one two three four:\n\\[ one two three\n= four \\]\n```\none two three four\n"

    assert texts(cut(as_tokens(text), "line")) == [
        "one two three four:\n",
        "\\[ one two three\n",
        "= four \\]\n",
        "```\none two three four\n",
    ]


def test_mini_steps_are_cut_by_count_alone() -> None:
    """64 and 32 tokens as in the paper, inside words and tags; the last may be short."""
    pieces = ["\n\n", "</Thought>"] * 50

    assert [len(step.tokens) for step in cut(pieces, "mini64")] == [64, 36]
    assert [len(step.tokens) for step in cut(pieces, "mini32")] == [32, 32, 32, 4]


def test_a_forced_run_begins_a_step_of_its_own() -> None:
    """What we inserted is never mixed into a step of the model's, and is marked."""
    steps = cut(["a", "b", "Wait", "!", "c", "d"], "paragraph", forced=slice(2, 4))

    assert texts(steps) == ["ab", "Wait!cd"]
    assert [step.is_forced for step in steps] == [False, True]


def test_formats_without_tags_have_no_tags_to_cut_at() -> None:
    """`</Thought>` is plain text for a model that has no such tag."""
    tokens = Tokens.forced(range(3))

    assert len(split(tokens, [b"a</Thought>", b"b", b"c"], "paragraph", NONE)) == 1
