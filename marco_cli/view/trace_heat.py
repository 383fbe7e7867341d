"""The tokens of a reply, each marked by how sure the model was of it.

In: a `Trace` and one of its replies. Out: text for a terminal. With colours, doubt is underlined, then bold, then reversed besides,
so that nothing rests on colour alone; without them, doubtful tokens stand in brackets. Tokens that hold a part of a character
are shown together, as sure as the least sure of them; where the pieces of tokens are not known, whole steps are marked.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import numpy as np

from marco_cli.search.base import Candidate, Reply
from marco_cli.trace.record import Trace
from marco_cli.view.line import Glyphs
from marco_cli.view.printable import printable
from marco_cli.view.wrapping import breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """How tokens look whose confidence is at least `least`."""

    least: float
    codes: str
    brackets: tuple[str, str]
    ascii_brackets: tuple[str, str]


_LEVELS: Final = (
    _Level(least=0.9, codes="38;5;107", brackets=("", ""), ascii_brackets=("", "")),
    _Level(least=0.7, codes="4;38;5;143", brackets=("⟨", "⟩"), ascii_brackets=("[", "]")),
    _Level(least=0.5, codes="1;4;38;5;179", brackets=("⟪", "⟫"), ascii_brackets=("[[", "]]")),
    _Level(least=0.0, codes="7;38;5;167", brackets=("⟦", "⟧"), ascii_brackets=("[[[", "]]]")),
)
_FORCED: Final = _Level(least=-1.0, codes="2", brackets=("{", "}"), ascii_brackets=("{", "}"))


class Unit(NamedTuple):
    """Text that is marked as one."""

    text: str
    confidence: float | None
    """In [0, 1]; None for what was inserted."""


def heat(
    trace: Trace, candidate: Candidate | None, *, is_coloured: bool, width: int | None = None, encoding: str = "utf-8"
) -> str:
    """Return a reply with its tokens marked, and a legend; without a candidate, the reply that was given.

    With colours, which take no room, lines are broken between words at `width` cells.
    """
    reply = trace.reply if candidate is None else candidate.reply
    glyphs = Glyphs.of(encoding)
    seen = units(trace, reply, candidate or trace.leader)
    if not seen:
        return "no token was sampled"
    shown = _joined(seen if width is None else _broken(seen, width)) if is_coloured else seen
    text = "".join(_marked(unit, glyphs, is_coloured=is_coloured) for unit in shown)
    return f"{text.rstrip()}\n\n{_legend(glyphs, is_coloured=is_coloured)}\n{_extremes(seen, reply, glyphs)}"


def units(trace: Trace, reply: Reply, candidate: Candidate | None) -> tuple[Unit, ...]:
    """Return the texts of a reply that can be marked, in order."""
    pieces = trace.vocabulary.cut(reply.tokens, reply.data)
    if pieces is not None:
        return tuple(_by_token(pieces, reply.tokens.confidence.tolist()))
    path = trace.best_path() if candidate is None else trace.tree.path(trace.tree[candidate.node_id])
    return tuple(Unit(node.step.data.decode(errors="replace"), node.confidence) for node in path[1:])


def _broken(seen: Sequence[Unit], width: int) -> list[Unit]:
    """Return the units with line ends where the terminal would break a word."""
    ends: set[int] = set()
    begin = 0
    for line in "".join(unit.text for unit in seen).split("\n"):
        ends |= {begin + end for end in breaks(line, width).ends}
        begin += len(line) + 1
    found, place = [], 0
    for text, confidence in seen:
        cuts = [0, *(end - place for end in sorted(ends) if place <= end < place + len(text)), len(text)]
        found.append(Unit("\n".join(text[start:stop] for start, stop in pairwise(cuts)), confidence))
        place += len(text)
    return found


def _joined(seen: Sequence[Unit]) -> Iterator[Unit]:
    """Yield neighbours that look alike as one: colours need no marks between them."""
    for _, group in groupby(seen, key=lambda unit: (_level(unit.confidence), unit.text.isspace())):
        first, *rest = group
        yield Unit("".join(unit.text for unit in (first, *rest)), first.confidence)


def _by_token(pieces: Sequence[bytes], confidences: Sequence[float]) -> Iterator[Unit]:
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    pending: list[float] = []
    for at, (piece, confidence) in enumerate(zip(pieces, confidences, strict=True)):
        text = decode(piece, at == len(pieces) - 1)
        if piece:
            pending.append(confidence)
        if text:
            least = min(pending, default=np.nan) if not np.isnan(pending).any() else np.nan
            yield Unit(text, None if np.isnan(least) else float(least))
            pending = []


def _marked(unit: Unit, glyphs: Glyphs, *, is_coloured: bool) -> str:
    """Return a text in its marks; line ends stay outside of them, so that no mark spans two lines."""
    level = _level(unit.confidence)
    text = glyphs.text(printable(unit.text))
    core = text.rstrip("\n")
    rest = text[len(core) :]
    if not core.strip() and level is not _LEVELS[0] and unit.confidence is not None:
        core = core or ("↵" if glyphs.text("↵") == "↵" else "\\n")  # a doubtful line end is to be seen too
    if not core:
        return rest
    if is_coloured:
        return "\n".join(f"\x1b[{level.codes}m{line}\x1b[0m" if line else "" for line in core.split("\n")) + rest
    before, after = _brackets(level, glyphs)
    return f"{before}{core}{after}{rest}"


def _level(confidence: float | None) -> _Level:
    if confidence is None:
        return _FORCED
    return next((level for level in _LEVELS if confidence >= level.least), _LEVELS[-1])


def _brackets(level: _Level, glyphs: Glyphs) -> tuple[str, str]:
    is_writable = all(glyphs.text(mark) == mark for mark in level.brackets)
    return level.brackets if is_writable else level.ascii_brackets


def _legend(glyphs: Glyphs, *, is_coloured: bool) -> str:
    """Explain the marks, each in itself."""
    labels = (
        (_LEVELS[0], "0.9+"),
        (_LEVELS[1], "0.7+"),
        (_LEVELS[2], "0.5+"),
        (_LEVELS[3], "less"),
        (_FORCED, "inserted"),
    )
    shown = []
    for level, label in labels:
        before, after = _brackets(level, glyphs)
        shown.append(f"\x1b[{level.codes}m{label}\x1b[0m" if is_coloured else f"{before}{label}{after}")
    return "confidence: " + "  ".join(shown)


def _extremes(seen: Sequence[Unit], reply: Reply, glyphs: Glyphs) -> str:
    """Say how sure the model was on the whole, and where least."""
    sampled = [unit for unit in seen if unit.confidence is not None]
    if not sampled:
        return "no token was sampled"
    least = min(sampled, key=lambda unit: unit.confidence or 0.0)
    words = glyphs.fit(" ".join(printable(least.text).split()), 24)
    shown = words or ("a line end" if "\n" in least.text else "a space")
    return f"mean {reply.signals.confidence:.2f}, lowest {least.confidence:.2f} ({shown})"
