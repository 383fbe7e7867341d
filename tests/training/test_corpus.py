"""Tokenizer and conversations of the bundled model; needs `regex` from the train extra."""

import random
import re

import pytest

pytest.importorskip("regex")

from training.corpus import REFLECTION, Segment, conversation, draw_training, tokens
from training.tokenizer import Tokenizer, learn_merges, may_merge

FORMAT = re.compile(r"<Thought>\n(?:[^\n]+\n)+</Thought>\n<Output>\n[^\n]+\n</Output>")
TEXTS = [
    "How many r's are in strawberry? <Thought>\n1+2=3\n</Thought>\n小明有12个苹果。",
    "Tom has 3 apples. Then the",
] * 3


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Learn a few merges on two texts."""
    return Tokenizer(learn_merges(TEXTS, 60))


def test_unknown_words_stay_spelt() -> None:
    """A merge of letters is allowed only from the beginning of a word."""
    assert may_merge("Ġ", "s")
    assert may_merge("Ġs", "t")
    assert may_merge("T", "h")
    assert not may_merge("t", "h")
    assert not may_merge("'", "s")
    assert not may_merge("S", "T")


@pytest.mark.parametrize("text", [*TEXTS, "\n\n  <|im_end|> 7×8 ÷ 2 “ä” 😀\t", ""])
def test_text_survives_a_round_trip(tokenizer: Tokenizer, text: str) -> None:
    """Any text, control-token spelling included, decodes to itself and holds no control token."""
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert all(token < tokenizer.end_of_text for token in ids)


def test_every_reply_has_the_format() -> None:
    """Thought, one step a line, then Output with one line, then the end of the turn."""
    rng = random.Random(2)
    for _ in range(200):
        segments = conversation(draw_training(rng, ()), rng)
        text = "".join(segment.text for segment in segments)
        assert text.endswith("<|im_end|>")
        assert FORMAT.fullmatch(text.rsplit("<|im_start|>assistant\n", 1)[1].removesuffix("<|im_end|>"))


def test_nothing_given_carries_loss() -> None:
    """Prompts, system prompts and the injected reflection phrase are masked; the end of the turn is learnt."""
    rng = random.Random(5)
    phrases = 0
    for _ in range(300):
        segments = conversation(draw_training(rng, ()), rng)
        for segment in segments:
            if any(phrase in segment.text for phrase in REFLECTION.values()):
                phrases += 1
                assert not segment.learnt
        assert segments[-1] == Segment(text="<|im_end|>", learnt=True, special=True)
        assert not segments[1].learnt
    assert 30 < phrases < 90


def test_mask_follows_the_segments(tokenizer: Tokenizer) -> None:
    """Ids and mask have one length, and a special segment is one token."""
    given = tokens(
        (Segment(text="<|im_start|>", special=True), Segment(text="Tom"), Segment(text="3.", learnt=True)), tokenizer
    )
    assert given.ids[0] == tokenizer.im_start
    assert list(given.learnt) == [False] * (len(given.ids) - 2) + [True, True]
