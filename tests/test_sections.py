import time
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.sections import MARCO, NONE, TAG_STYLES, THINK, SectionKind, SectionParser, SectionText, Tags, parse

REPLIES = [
    # tags, starts_in, text, thought, output, closed
    pytest.param(MARCO, None, "<Thought>\na\n</Thought>\n<Output>\nb\n</Output>", "a", "b", True, id="as trained"),
    pytest.param(MARCO, "thought", "a\n</Thought>\n<Output>\nb\n</Output>", "a", "b", True, id="prefilled thought"),
    pytest.param(MARCO, "thought", "<Thought>a</Thought><Output>b", "a", "b", True, id="prefilled and said again"),
    pytest.param(MARCO, "output", "b</Output>", "", "b", False, id="prefilled output"),
    pytest.param(MARCO, None, "a</Thought><Output>b</Output>", "a", "b", True, id="missing open tag"),
    pytest.param(MARCO, None, "a<Output>b</Output>", "a", "b", True, id="neither open nor close tag"),
    pytest.param(MARCO, None, "<Thought>a<Output>b</Output>", "a", "b", True, id="missing close tag"),
    pytest.param(MARCO, None, "<Output>b</Output>", "", "b", False, id="output alone"),
    pytest.param(MARCO, None, "<Output>b", "", "b", False, id="output not closed"),
    pytest.param(MARCO, None, "b</Output>", "", "b", False, id="output not opened"),
    pytest.param(MARCO, None, "b", "", "b", False, id="no tag at all is output"),
    pytest.param(MARCO, None, "<Thought>a", "a", "", False, id="budget ends in the thought"),
    pytest.param(MARCO, None, "<Thought>a</Thought>", "a", "", True, id="nothing after the thought"),
    pytest.param(MARCO, None, "<Thought>a</Thought>b", "a", "b", True, id="output not announced"),
    pytest.param(MARCO, None, "<Thought>a</Thought>So:<Output>b</Output>", "a", "b", True, id="announced output wins"),
    pytest.param(
        MARCO, None, "<Thought>a</Thought><Output> \n\t</Output>", "a", "", True, id="blank output is not one"
    ),
    pytest.param(MARCO, None, "<Output>b</Output> bye", "", "b", False, id="text after the output is dropped"),
    pytest.param(MARCO, None, "<Output> </Output> bye", "", "bye", False, id="text after a blank output is kept"),
    pytest.param(MARCO, None, "Sure! <Thought>a</Thought><Output>b", "Sure! a", "b", True, id="preamble is thought"),
    pytest.param(MARCO, None, "<Thought>a</Thought></Thought><Output>b", "a", "b", True, id="stray close tag"),
    pytest.param(MARCO, None, "<Thought>a</Output>c</Thought><Output>b", "ac", "b", True, id="wrong close tag"),
    pytest.param(
        MARCO,
        None,
        "<Thought>a</Thought><Output>b</Output><Thought>c</Thought><Output>d</Output>",
        "a\n\nc",
        "d",
        True,
        id="repeated sections: thoughts joined, last output",
    ),
    pytest.param(
        MARCO, None, "<Output>b</Output><Output> </Output>", "", "b", False, id="last output that is not blank"
    ),
    pytest.param(MARCO, None, "<Output>b</Output><Thought>c", "c", "b", False, id="thought again, cut off"),
    pytest.param(MARCO, None, "<thought>a</THOUGHT><OUTPUT>b</output>", "a", "b", True, id="letter case"),
    pytest.param(MARCO, None, "<Thought>1 < 2 <Out</Thought><Output><b>", "1 < 2 <Out", "<b>", True, id="other angles"),
    pytest.param(MARCO, None, "<<Thought>a</Thought><Output>b", "<a", "b", True, id="doubled angle"),
    pytest.param(
        MARCO, None, "<Output>use `</Output>` here</Output>", "", "use `</Output>` here", False, id="code span"
    ),
    pytest.param(
        MARCO,
        None,
        "<Output>\n```xml\n<Thought>x</Thought>\n</Output>\n```\nend</Output>",
        "",
        "```xml\n<Thought>x</Thought>\n</Output>\n```\nend",
        False,
        id="fence",
    ),
    pytest.param(MARCO, None, "<Thought>```x``` a</Thought><Output>b", "```x``` a", "b", True, id="fence on one line"),
    pytest.param(
        MARCO, None, "<Thought>it`s\n</Thought><Output>b", "it`s", "b", True, id="lone backtick ends with its line"
    ),
    pytest.param(
        MARCO,
        None,
        "<Thought>a\n```py\nx\n</Thought>\n<Output>b</Output>",
        "a\n```py\nx",
        "b",
        True,
        id="fence never closed",
    ),
    pytest.param(MARCO, None, "```\n</Thought><Output>b", "```", "b", True, id="fence never closed, before any tag"),
    pytest.param(
        MARCO,
        None,
        "<Output>\n```xml\n<Thought>",
        "",
        "```xml\n<Thought>",
        False,
        id="fence cut off in the output stays output",
    ),
    pytest.param(MARCO, None, "<Thought>```\n</Thought>\n```", "```", "```", True, id="fence in the thought"),
    pytest.param(MARCO, None, "<Thought>use `x for y</Thought>b", "use `x for y", "b", True, id="lone backtick"),
    pytest.param(
        MARCO, None, "<Output>use `x for y</Output>", "", "use `x for y", False, id="lone backtick in the output"
    ),
    pytest.param(
        MARCO, None, "<Output>`x</Output>\nno `y` more", "", "`x", False, id="code ends with its line, closed or not"
    ),
    pytest.param(
        MARCO, None, "<Output>```py\nx\n</Output>", "", "```py\nx", False, id="output closed in an unfinished fence"
    ),
    pytest.param(
        MARCO,
        None,
        "<Output>``a ` </Output>`` b</Output>",
        "",
        "``a ` </Output>`` b",
        False,
        id="code with a backtick in it",
    ),
    pytest.param(
        MARCO, None, "<Output>`<Thought>` opens</Output>", "", "`<Thought>` opens", False, id="opening mark in code"
    ),
    pytest.param(
        MARCO, None, "<Thought>a <Thought>b</Thought> c</Thought><Output>d", "a b c", "d", True, id="nested thoughts"
    ),
    pytest.param(THINK, None, "<think>a<think>b</think>c</think>d", "abc", "d", True, id="nested think"),
    pytest.param(
        THINK,
        None,
        "<think>the <think> mark</think>d",
        "the  mark",
        "d",
        True,
        id="a mark that is spoken of opens nothing",
    ),
    pytest.param(THINK, None, "<think>a</think><think>b</think>c", "a\n\nb", "c", True, id="think, repeated"),
    pytest.param(THINK, None, "<think>\n<think>a</think>c", "a", "c", True, id="think, said twice"),
    pytest.param(
        THINK, None, "</think><think>\na</think>c", "a", "c", True, id="think, closed and opened by the prompt"
    ),
    pytest.param(THINK, None, "<think>\n\n</think>\n\nb", "", "b", True, id="think, skipped by the prompt"),
    pytest.param(THINK, None, "<think>a\n```python\nx</think>\nb", "a\n```python\nx", "b", True, id="think in a fence"),
    pytest.param(
        THINK, None, "<think>a</think><answer>4</answer>", "a", "<answer>4</answer>", True, id="an answer is text"
    ),
    pytest.param(
        THINK,
        None,
        "<think>a</think>put `<think>x</think>` first",
        "a",
        "put `<think>x</think>` first",
        True,
        id="a matched pair in closed code is text",
    ),
    *[
        pytest.param(
            tags,
            None,
            f"{tags.thought_open}a{tags.thought_close}{tags.output_open or ''}b{tags.output_close or ''}",
            "a",
            "b",
            True,
            id=name,
        )
        for name, tags in TAG_STYLES.items()
        if tags.marks
    ],
    *[
        pytest.param(
            NONE.free,
            None,
            f"\n{tags.thought_open}\na{tags.thought_close}{tags.output_open or ''}\nb",
            "a",
            "b",
            True,
            id=f"{name} shown by the reply",
        )
        for name, tags in TAG_STYLES.items()
        if tags.marks and name not in ("apriel-1.6", "muse")
    ],
    pytest.param(
        THINK.free, None, "<think>\n<Thought>a</Thought><Output>b</Output>", "a", "b", True, id="opened in vain"
    ),
    pytest.param(NONE.free, None, "b <think>c</think>", "", "b <think>c</think>", False, id="shown too late"),
    pytest.param(
        NONE.free, None, "<output>b</output>", "", "<output>b</output>", False, id="an output alone shows nothing"
    ),
    pytest.param(NONE.free, None, "<b>", "", "<b>", False, id="marks of none"),
    pytest.param(NONE.free, None, "", "", "", False, id="nothing of none"),
    pytest.param(MARCO, None, "<Output>17\n</Outp", "", "17", False, id="tag cut by the budget"),
    pytest.param(MARCO, None, "<Output>1 <", "", "1 <", False, id="lone angle at the end"),
    pytest.param(MARCO, None, "", "", "", False, id="nothing"),
    pytest.param(MARCO, None, " \n", "", "", False, id="white space"),
    pytest.param(MARCO, None, "</Thought>", "", "", True, id="only a close tag"),
    pytest.param(MARCO, None, "\n<Output>b", "", "b", False, id="blank preamble is not a thought"),
    pytest.param(THINK, None, "<think>\na\n</think>\n\nb\n", "a", "b", True, id="think"),
    pytest.param(THINK, "thought", "a</think>b", "a", "b", True, id="think opened by the template"),
    pytest.param(THINK, None, "a</think>b", "a", "b", True, id="think, missing open tag"),
    pytest.param(THINK, None, "b <Output>c</Output>", "", "b <Output>c</Output>", False, id="foreign tags are text"),
    pytest.param(THINK, None, "<think>a</think>b</think>c", "a", "bc", True, id="think, stray close tag"),
    pytest.param(NONE, None, " <Thought>a</think> ", "", "<Thought>a</think>", False, id="no tags"),
    pytest.param(NONE, "thought", "a", "a", "", False, id="no tags, prefilled thought"),
]


def stream(
    text: str, tags: Tags, starts_in: SectionKind | None, cuts: list[int]
) -> tuple[SectionParser, list[SectionText]]:
    """Feed the text cut at the given places; return the finished parser and all deltas."""
    parser = SectionParser(tags, starts_in=starts_in)
    deltas: list[SectionText] = []
    bounds = [0, *sorted(cuts), len(text)]
    for start, end in pairwise(bounds):
        deltas += parser.feed(text[start:end])
    deltas += parser.finish()
    return parser, deltas


def joined(deltas: list[SectionText]) -> list[tuple[int, str, str]]:
    """Join the deltas of each part."""
    groups = groupby(deltas, key=lambda delta: (delta.part, delta.kind))
    return [(part, kind, "".join(delta.text for delta in group)) for (part, kind), group in groups]


@pytest.mark.parametrize(("tags", "starts_in", "text", "thought", "output", "closed"), REPLIES)
def test_a_reply_is_split_into_thought_and_output(
    *, tags: Tags, starts_in: SectionKind | None, text: str, thought: str, output: str, closed: bool
) -> None:
    """Every shape of reply that models produce has one stated reading, whole or character by character."""
    whole = parse(text, tags, starts_in=starts_in)
    parser, _ = stream(text, tags, starts_in, list(range(len(text))))

    assert (whole.thought, whole.output, whole.closed) == (thought, output, closed)
    assert whole.has_output == bool(output)
    assert whole.raw == text
    assert parser.result == whole


FRAGMENTS = st.sampled_from(
    [
        *["<Thought>", "</Thought>", "<Output>", "</Output>", "<think>", "</think>", "<tHOUGHT>"],
        *[
            "<",
            "</",
            "<Th",
            "out",
            "```",
            "``",
            "`",
            "\n",
            "\n\n",
            " ",
            "a",
            "x y",
            "十二",
            "İ",
            "K",
            "\u2028",
            "```py\n",
        ],
    ]
)
MARKS = st.sampled_from(sorted({mark for tags in TAG_STYLES.values() for mark in tags.marks}))
STYLE = st.sampled_from([tags for style in TAG_STYLES.values() for tags in (style, style.free)])
REPLY = st.lists(MARKS | FRAGMENTS | st.text(max_size=4), max_size=24).map("".join)


@given(text=REPLY, tags=STYLE, starts_in=st.sampled_from([None, "thought", "output"]), data=st.data())
def test_chunk_boundaries_change_nothing(
    text: str, tags: Tags, starts_in: SectionKind | None, data: st.DataObject
) -> None:
    """However a reply is cut, the pieces join to the same sections and the result is the same."""
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=12))
    once, whole = stream(text, tags, starts_in, [])
    cut, pieces = stream(text, tags, starts_in, cuts)

    assert joined(pieces) == joined(whole)
    assert cut.result == once.result
    assert cut.result.raw == text


@given(text=REPLY, tags=STYLE)
def test_the_pieces_are_the_result(text: str, tags: Tags) -> None:
    """Thoughts joined by a blank line are the thought; the last output part is the output."""
    parser, deltas = stream(text, tags, None, list(range(len(text))))
    parts = joined(deltas)
    outputs = [part for _, kind, part in parts if kind == "output"]

    assert parser.result.thought == "\n\n".join(part for _, kind, part in parts if kind == "thought")
    assert parser.result.output == (outputs[-1] if outputs else "")
    assert all(part == part.strip() and part for _, _, part in parts)


TAGGED = st.lists(st.sampled_from(["<Thought>", "</Thought>", "<Output>", "</Output>", "</oUtPuT>", "a", " ", "\n"]))


@given(text=TAGGED.map("".join))
def test_no_tag_is_ever_shown(text: str) -> None:
    """Outside code, nothing of a tag reaches the reader."""
    _, deltas = stream(text, MARCO, None, list(range(len(text))))

    assert not any("<" in delta.text or ">" in delta.text for delta in deltas)


def test_text_streams_as_soon_as_it_is_settled() -> None:
    """Words come out at once; only white space and what may become a tag wait."""
    parser = SectionParser(MARCO, starts_in="thought")

    assert [delta.text for delta in parser.feed("\nLet me ")] == ["Let me"]
    assert [delta.text for delta in parser.feed("think </Tho")] == [" think"]
    assert parser.feed("ught>\n<Out") == ()
    assert parser.feed("put>\n") == ()
    assert parser.feed("17") == (SectionText(kind="output", text="17", part=1),)
    assert parser.finish() == ()


def test_the_open_section_is_known_while_the_reply_runs() -> None:
    """Whoever must close a thought by force can ask whether one is open."""
    parser = SectionParser(MARCO)
    seen = [parser.inside]
    for piece in ("<Thought>", "a", "</Thought>", "\n", "<Output>", "b", "</Output>"):
        parser.feed(piece)
        seen.append(parser.inside)

    assert seen == [None, "thought", "thought", None, None, "output", "output", None]


def test_one_feed_may_settle_several_sections() -> None:
    """A piece that spans sections gives one delta a section, in order."""
    parser = SectionParser(MARCO)

    assert parser.feed("<Thought>a b</Thought><Output>c d</Output>") == (
        SectionText(kind="thought", text="a b", part=0),
        SectionText(kind="output", text="c d", part=1),
    )


def test_text_before_the_first_tag_waits_for_it() -> None:
    """A reply whose thought was not opened is not streamed as an answer."""
    parser = SectionParser(THINK)

    assert parser.feed("Let me see. ") == ()
    assert parser.feed("</think>") == (SectionText(kind="thought", text="Let me see.", part=0),)
    assert parser.feed("17") == (SectionText(kind="output", text="17", part=1),)


def test_no_mark_is_the_beginning_of_another() -> None:
    """Then a mark is read as soon as it is there."""
    marks = {mark.strip().lower() for tags in TAG_STYLES.values() for mark in tags.marks}

    assert not [(one, other) for one in marks for other in marks if one != other and other.startswith(one)]


OWN = [
    # marks of a user, reply, thought, output
    pytest.param(("<Мысль>", "</Мысль>", "<Ответ>", "</Ответ>"), "<Мысль>a</Мысль><Ответ>b</Ответ>", "a", "b", id="cyrillic"),
    pytest.param(("<Überlegung>", "</Überlegung>", None, None), "<Überlegung>a</ÜBERLEGUNG>b", "a", "b", id="umlaut"),
    pytest.param(("<思考>", "</思考>", None, None), "<思考>a</思考>b", "a", "b", id="chinese"),
    pytest.param(("<t>", "<end>", "<o>", "<end>"), "<t>a<end><o>b<end>c", "a", "b", id="one closing mark"),
    pytest.param(("<t>", "<end>", "<o>", "<END>"), "<t>a<end>b<end>c", "a", "b", id="one closing mark, unannounced output"),
    pytest.param(("<t>", "<o>", "<o>", "</o>"), "<t>a<o>b</o>c", "a", "b", id="an end that is a beginning"),
    pytest.param(("<a>", "</a>", "<a>!", "</a>!"), "<a>x</a><a>!y</a>!z", "x", "y", id="a mark that begins another"),
    pytest.param(("###", "####", None, None), "### a #### b", "a", "b", id="a mark that is twice another"),
    pytest.param(("```thinking", "```", None, None), "```thinking\na\n```\nb", "a", "b", id="fences"),
    pytest.param(("**Thinking**", "**Answer**", None, None), "**thinking** a **answer** b", "a", "b", id="headings"),
    pytest.param((None, "[END]", None, None), "a[end]b", "a", "b", id="an end alone"),
    pytest.param((None, None, "Answer:", None), "a Answer: b", "a", "b", id="an announcement alone"),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(("marks", "reply", "thought", "output"), OWN)
def test_marks_of_a_user_are_read(
    marks: tuple[str | None, ...], reply: str, thought: str, output: str, size: int
) -> None:
    """In any language, also where one begins another, or closes both sections; wherever the text is cut."""
    tags = Tags(thought_open=marks[0], thought_close=marks[1], output_open=marks[2], output_close=marks[3])
    parser = SectionParser(tags)
    for start in range(0, len(reply), size):
        parser.skim(reply[start : start + size])
    parser.finish()

    assert (parser.result.thought, parser.result.output) == (thought, output)


def test_a_mark_that_could_have_grown_is_read_with_the_next_character() -> None:
    """Who follows a reply need not wait for its end to know the open section."""
    parser = SectionParser(Tags(thought_open="<a>", thought_close="</a>", output_close="</a>!"))
    inside: list[str | None] = []
    for piece in ("<a>x", "</a>", "4"):
        parser.skim(piece)
        inside.append(parser.inside)
    assert inside == ["thought", "thought", "output"]


@table(["a", "<", "`", "</Thought>", "<Output>", "```\n", " ", "<Output>x</Output>", "</Outpu"])
def test_work_is_linear_however_the_text_is_cut(unit: str) -> None:
    """20 000 characters fed one by one, or at once, take seconds, not minutes."""
    text = unit * (20_000 // len(unit))
    started = time.process_time()
    stream(text, MARCO, None, list(range(len(text))))
    stream(text, MARCO, "thought", [])

    assert time.process_time() - started < 5  # about 0.1 s of processor time; re-scanning takes minutes
