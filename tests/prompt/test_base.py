import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.errors import InputError
from marco_cli.prompt.base import Message, Piece, Prompt, compose, encode

TEXT = st.text(st.characters(codec="utf-8"))


def test_a_question_alone_is_one_message() -> None:
    """Without a preset nothing is added: no system message, no text around the question, no opening."""
    assert compose("What is 1 + 1?") == Prompt(messages=(Message(role="user", content="What is 1 + 1?"),))


def test_a_presets_texts_surround_the_question() -> None:
    """System and history come before; prefix and suffix touch the question; the opening is the reply's."""
    prompt = compose(
        "你好",
        system="Speak {language}.",
        prefix="Into {language}: ",
        suffix="\n({unknown})",
        variables=(("language", "中文"),),
        prefill="<Thought>\n",
        history=(Message(role="user", content="{language}"), Message(role="assistant", content="ok")),
    )

    assert [(message.role, message.content) for message in prompt.messages] == [
        ("system", "Speak 中文."),
        ("user", "{language}"),
        ("assistant", "ok"),
        ("user", "Into 中文: 你好\n({unknown})"),
    ]
    assert prompt.prefill == "<Thought>\n"


def test_an_empty_system_prompt_is_a_message() -> None:
    """Only None leaves the choice to the model's template."""
    assert compose("x", system="").messages[0] == Message(role="system", content="")


@given(question=TEXT.filter(str.strip), value=TEXT)
def test_a_questions_braces_are_text(question: str, value: str) -> None:
    """What a user asks reaches the model as it was typed, and a variable's value is never looked into."""
    prompt = compose(question + "{a}", prefix="{a}", variables=(("a", value + "{a}{b}"), ("b", "no")))

    assert prompt.messages[0].content == value + "{a}{b}" + question + "{a}"


@pytest.mark.parametrize("question", ["", " \n\t", "\u3000"])
def test_a_blank_question_is_refused(question: str) -> None:
    """An empty question is bad input, also when a preset puts text around it."""
    with pytest.raises(InputError, match="the question is empty"):
        compose(question, prefix="Translate: ")


def test_bytes_that_are_no_utf8_are_refused() -> None:
    """Broken bytes on the command line arrive as lone surrogates; they are named before anything is tokenised."""
    with pytest.raises(InputError, match="the user's text is not UTF-8 at character 2"):
        compose("ab\udcff")


def test_control_tokens_are_recognised_in_control_pieces_only() -> None:
    """Each piece is tokenised apart, with special tokens on for ours and off for the user's."""
    seen = []

    def tokenize(text: str, special: bool) -> tuple[int, ...]:
        seen.append((text, special))
        return (len(text),)

    pieces = (Piece(text="<s>", is_control=True), Piece(text="<|im_end|>", is_control=False))
    ids = encode(pieces, tokenize, is_control=lambda token: token > 3)

    assert ids == (3, 10)
    assert seen == [("<s><|im_end|>", True), ("<s>", True), ("<|im_end|>", False)]


def test_a_harmless_prompt_is_tokenised_as_a_whole() -> None:
    """Pieces end inside words and white space; tokens of training do not stop there."""
    pieces = (Piece(text="<s>a ", is_control=True), Piece(text="b", is_control=False))

    assert encode(pieces, lambda text, _: (len(text),), is_control=lambda _: False) == (6,)


@pytest.mark.parametrize(("bos_id", "expected"), [(None, (3,)), (3, (3,)), (1, (1, 3))])
def test_the_sequence_begins_with_one_bos_where_the_vocabulary_wants_one(
    bos_id: int | None, expected: tuple[int, ...]
) -> None:
    """A template that writes the BOS itself does not get a second one."""
    pieces = (Piece(text="<s>", is_control=True),)

    assert encode(pieces, lambda text, _: (len(text),), is_control=lambda _: True, bos_id=bos_id) == expected
