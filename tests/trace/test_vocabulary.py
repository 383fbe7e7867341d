import pytest
from search.scripts import grown_script
from tables import table
from traced import traced

from marco_cli.engine.base import Tokens
from marco_cli.errors import InputError
from marco_cli.trace.decoding import decode
from marco_cli.trace.encoding import encode
from marco_cli.trace.vocabulary import Vocabulary, collect, from_plain, to_plain


@pytest.mark.parametrize("strategy", ["cot", "vote", "mcts", "mcts-paper"])
def test_every_token_of_a_trace_can_be_read_without_the_model(strategy: str) -> None:
    """The pieces of each step's tokens are its text, also after a trace was written and read, whatever the strategy."""
    trace = decode(encode(traced(grown_script(5), strategy=strategy, simulations=6)))

    for node in trace.tree.nodes:
        pieces = trace.vocabulary.cut(node.step.tokens, node.step.data)
        assert pieces is not None
        assert b"".join(pieces) == node.step.data
    for candidate in trace.candidates:
        assert all(trace.vocabulary.piece(token) is not None for token in candidate.reply.tokens.ids.tolist())


def test_alternatives_to_a_token_can_be_read_too() -> None:
    """Whoever looks at a doubtful token wants to know what else might have been said."""
    trace = traced(grown_script(5), strategy="mcts", simulations=6)
    tops = {token for node in trace.tree.nodes for token in node.step.tokens.top_ids.ravel().tolist() if token >= 0}

    assert tops
    assert all(trace.vocabulary.piece(token) is not None for token in tops)


def test_parts_of_characters_come_back_as_they_were() -> None:
    """A piece may be a third of a Chinese character: its bytes are kept, not an approximation of them."""
    vocabulary = collect([Tokens.forced((1, 2))], lambda ids: b"\xe4\xbd" if tuple(ids) == (1,) else b"a")

    assert from_plain(to_plain(vocabulary), where="vocabulary") == vocabulary
    assert vocabulary.cut(Tokens.forced((1, 2)), b"\xe4\xbda") == (b"\xe4\xbd", b"a")


def test_unknown_tokens_are_not_guessed() -> None:
    """Where a piece is missing or the text is another, there is no cut at all, rather than a wrong one."""
    vocabulary = from_plain([[1, "a"]], where="vocabulary")

    assert vocabulary.cut(Tokens.forced((1, 2)), b"ab") is None
    assert vocabulary.cut(Tokens.forced((1,)), b"b") is None
    assert Vocabulary().cut(Tokens.forced((1,)), b"a") is None


@table([3, [3], [["x", "a"]], [[1, 2]], [[1, "a", "zz"]], [[1]]])
def test_a_damaged_vocabulary_is_named(plain: object) -> None:
    """What is not a vocabulary is an error that says where it stood."""
    with pytest.raises(InputError, match="vocabulary"):
        from_plain(plain, where="trace.vocabulary")
