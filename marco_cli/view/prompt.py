"""A prompt as the model gets it, for people and for programs."""

from collections.abc import Sequence

from marco_cli.prompt.base import Piece
from marco_cli.view.printable import printable

_REVERSED = "\x1b[7m{}\x1b[0m"


def marked(pieces: Sequence[Piece], *, is_coloured: bool, encoding: str = "utf-8") -> str:
    """Return the text for a terminal, with control tokens reversed, or in brackets where there are no colours."""
    brackets = ("⟦", "⟧") if encoding.lower().startswith("utf") else ("[[", "]]")
    around = _REVERSED if is_coloured else "{}".join(brackets)
    return "".join(around.format(printable(p.text)) if p.is_control else printable(p.text) for p in pieces)


def count_line(pieces: Sequence[Piece], num_tokens: int, model: str) -> str:
    """Say how long the prompt is."""
    num_control = sum(piece.is_control for piece in pieces)
    return f"{num_tokens} tokens, {num_control} of them control tokens; {model}"


def prompt_document(
    text: str, ids: Sequence[int], pieces: Sequence[Piece], *, model: str, notes: Sequence[str]
) -> dict[str, object]:
    """Return the JSON object of a prompt."""
    return {
        "model": model,
        "num_tokens": len(ids),
        "text": text,
        "ids": list(ids),
        "pieces": [{"text": piece.text, "is_control": piece.is_control} for piece in pieces],
        "notes": list(notes),
    }
