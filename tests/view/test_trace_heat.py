import re
from dataclasses import replace

import numpy as np
import pytest
from traced import traced

from marco_cli.engine.base import Tokens
from marco_cli.engine.scripted import END
from marco_cli.trace.record import Trace
from marco_cli.trace.vocabulary import Vocabulary
from marco_cli.view.trace_heat import heat

SGR = re.compile(r"\x1b\[[0-9;]*m")


def marked(*tokens: tuple[bytes, float | None]) -> Trace:
    """Return a trace whose reply has these pieces, with these confidences; None is an inserted token."""
    trace = traced(lambda text: {} if text.endswith("x") else {"x" + END: 1.0}, strategy="cot")
    sampled = np.asarray([confidence is not None for _, confidence in tokens])
    chosen = np.asarray([np.nan if confidence is None else confidence for _, confidence in tokens], dtype=np.float64)
    top = np.full((len(tokens), 5), -np.inf, dtype=np.float32)
    top[:, 0], top[:, 1] = np.log(chosen), np.log1p(-chosen)  # two choices: c is the probability of the first
    top[~sampled] = np.nan
    ids = np.arange(len(tokens), dtype=np.int32)
    other = np.where(sampled[:, None], ids[:, None] * [1, 0, 0, 0, 0] + [0, 99, 99, 99, 99], -1).astype(np.int32)
    run = Tokens(ids=ids, is_sampled=sampled, logprobs=top[:, 0], top_ids=other, top_logprobs=top, entropy=top[:, 0])
    reply = replace(trace.reply, tokens=run, data=b"".join(piece for piece, _ in tokens))
    return replace(
        trace,
        result=replace(trace.result, reply=reply),
        vocabulary=Vocabulary(pieces={at: piece for at, (piece, _) in enumerate(tokens)}),
    )


SURE_TO_NOT = marked(
    (b"sure", 0.95), (b" fair", 0.8), (b" so", 0.6), (b" doubt", 0.2), (b" put in", None), (b" end", 0.99)
)


def test_doubt_is_marked_without_colour() -> None:
    """In a pipe every token says how sure the model was by its brackets alone, and the legend explains them."""
    text = heat(SURE_TO_NOT, None, is_coloured=False)

    assert text.splitlines()[0] == "sure⟨ fair⟩⟪ so⟫⟦ doubt⟧{ put in} end"
    assert "0.9+  ⟨0.7+⟩  ⟪0.5+⟫  ⟦less⟧  {inserted}" in text
    assert "lowest 0.20 (doubt)" in text
    assert "\x1b" not in text


def test_doubt_is_marked_in_ascii() -> None:
    """A terminal without the brackets gets those that it has."""
    text = heat(SURE_TO_NOT, None, is_coloured=False, encoding="ascii")

    assert text.isascii()
    assert text.splitlines()[0] == "sure[ fair][[ so]][[[ doubt]]]{ put in} end"


def test_colour_never_stands_alone() -> None:
    """With colours, each level of doubt has an attribute of its own besides, and the text is the same."""
    line = heat(SURE_TO_NOT, None, is_coloured=True).splitlines()[0]
    codes = {text: set(code.split(";")) - {"38", "5"} for code, text in re.findall(r"\x1b\[([0-9;]+)m([^\x1b]+)", line)}
    attributes = [
        frozenset(codes[text] & {"1", "2", "4", "7"}) for text in ("sure", " fair", " so", " doubt", " put in")
    ]

    assert SGR.sub("", line) == "sure fair so doubt put in end"
    assert len(set(attributes)) == 5


def test_parts_of_a_character_are_one() -> None:
    """Tokens that hold a part of a character each are shown together, as sure as the least sure of them."""
    first, second, third = (bytes([byte]) for byte in "答".encode())
    text = heat(marked((b"=", 0.95), (first, 0.99), (second, 0.6), (third, 0.95)), None, is_coloured=False)

    assert text.startswith("=⟪答⟫\n")


@pytest.mark.parametrize("is_coloured", [False, True])
def test_what_a_model_writes_cannot_steer_the_terminal(is_coloured: bool) -> None:
    """Escape sequences and markup of a reply come out as text; a doubtful line end is visible, and no mark spans lines."""
    trace = marked((b"\x1b[2J\x1b]0;owned\x07", 0.95), (b"[bold]", 0.3), (b"\n", 0.4), (b"\xe2\x80\xae", 0.95))
    text = heat(trace, None, is_coloured=is_coloured)
    plain = SGR.sub("", text)

    assert "\x1b" not in plain
    assert "\x07" not in plain
    assert "\u202e" not in plain
    assert r"\x1b[2J\x1b]0;owned\x07" in plain
    assert "[bold]" in plain
    assert "↵" in plain
    assert all(line.count("\x1b[") == 2 * line.count("\x1b[0m") for line in text.splitlines())


def test_steps_are_marked_where_pieces_are_unknown() -> None:
    """A trace without a vocabulary still shows its reply, step by step."""
    trace = traced(strategy="mcts", simulations=4)
    text = heat(replace(trace, vocabulary=Vocabulary()), None, is_coloured=False)

    assert "2+2 = " in text
    assert "confidence: " in text


@pytest.mark.parametrize("width", [12, 20, 30])
def test_lines_are_broken_between_words(width: int) -> None:
    """Colours take no room; what stands on a line fits it, no word is cut, and nothing is lost."""
    text = heat(SURE_TO_NOT, None, is_coloured=True, width=width)
    shown = SGR.sub("", text.partition("\n\n")[0]).splitlines()

    assert all(len(line.rstrip()) <= width for line in shown)
    assert " ".join(" ".join(shown).split()) == "sure fair so doubt put in end"
