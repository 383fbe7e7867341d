"""What a search has cost so far and how the vote stands, in a line each.

In: a `Snapshot` and a width in cells. Out: `Line`s. A line is made of parts with a rank: what does not fit is left out,
least important first.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

from marco_cli.view.line import Glyphs, Line, Span, width_of
from marco_cli.view.numbers import duration, grouped
from marco_cli.view.snapshot import Snapshot, VoteSnapshot

_BAR_WIDTH: Final = 24
_SHORTEST_BAR: Final = 8
_MOST_VOTES: Final = 6
_GAP: Final = Span("  ")


class Part(NamedTuple):
    """A part of a line; 0 is the rank of what goes last."""

    rank: int
    spans: Line


def totals_line(snapshot: Snapshot, *, width: int, glyphs: Glyphs) -> Line:
    """Return simulations, budget bar, tokens, rate, batch width, seconds and what is left of them."""
    count = str(snapshot.num_simulations)
    if snapshot.max_simulations is not None:
        count += f"/{snapshot.max_simulations}"
    rate, left = snapshot.tokens_per_second, snapshot.seconds_left
    noun = "simulation" if (snapshot.max_simulations or snapshot.num_simulations) == 1 else "simulations"
    parts = [
        Part(0, (Span(count, "bold"),)),
        Part(6, (Span(f" {noun}"),)),
        Part(2, _bar(snapshot, width, glyphs)),
        Part(1, (_GAP, Span(f"{grouped(snapshot.num_tokens)} tokens"))),
        Part(5, () if rate is None else (_GAP, Span(f"{grouped(rate)} tokens/s"))),
        Part(7, () if snapshot.batch_width is None else (_GAP, Span(f"{snapshot.batch_width:.1f} at once"))),
        Part(3, (_GAP, Span(duration(snapshot.seconds)))),
        Part(4, (Span(f", ~{duration(left)} left"),) if left and snapshot.stop_reason is None else ()),
    ]
    return _fitting(parts, width)


def vote_line(snapshot: Snapshot, *, width: int, glyphs: Glyphs) -> Line:
    """Return the answers with their shares, leader first."""
    votes = snapshot.votes
    if not votes:
        return (Span(glyphs.fit("no answer yet", width), "dim"),)
    most = 1 if votes[0].is_text else _MOST_VOTES
    for num_shown in range(min(len(votes), most), 0, -1):
        num_more = len(votes) - num_shown
        more = (Span(f" {glyphs.dot} {num_more} more", "dim"),) if num_more else ()
        line = (*_shares(votes[:num_shown], max(width // 3, 8), glyphs), *more)
        if width_of(line) <= width:
            return line
    return _fitting([Part(0, _share(votes[0], "bold", max(width - 8, 4), glyphs))], width)


def short_line(snapshot: Snapshot, *, width: int, glyphs: Glyphs) -> Line:
    """Return the whole search in one plain line, for terminals too narrow for a tree."""
    count = f"{snapshot.num_simulations}"
    if snapshot.max_simulations is not None:
        count += f"/{snapshot.max_simulations}"
    gap = Span(f" {glyphs.dot} ")
    leader = snapshot.votes[0] if snapshot.votes else None
    parts = [
        Part(0, (Span(count),)),
        Part(1, () if leader is None else (gap, *_share(leader, "", max(width - len(count) - 10, 4), glyphs))),
        Part(2, (gap, Span(duration(snapshot.seconds)))),
        Part(3, (gap, Span(f"{grouped(snapshot.num_tokens)} tokens"))),
    ]
    return _fitting(parts, width)


def _bar(snapshot: Snapshot, width: int, glyphs: Glyphs) -> Line:
    share = snapshot.share_spent
    if share is None:
        return ()
    length = max(_SHORTEST_BAR, min(_BAR_WIDTH, width // 4))
    full = round(share * length)
    return (_GAP, Span(glyphs.full * full, "color(73)"), Span(glyphs.empty * (length - full), "dim"))


def _shares(votes: Sequence[VoteSnapshot], room: int, glyphs: Glyphs) -> Line:
    line = _share(votes[0], "bold", room, glyphs)
    for vote in votes[1:]:
        line = (*line, Span(f" {glyphs.dot} ", "dim"), *_share(vote, "", room, glyphs))
    return line


def _share(vote: VoteSnapshot, style: str, room: int, glyphs: Glyphs) -> Line:
    answer = glyphs.fit(vote.answer or "(blank)", room)
    share = () if vote.is_text else (Span(f" ({100 * vote.weight:.0f} %)", style),)
    return (Span(answer, style), *share)


def _fitting(parts: Sequence[Part], width: int) -> Line:
    """Return the parts in their order without those of the highest ranks that do not fit."""
    kept: list[Part] = list(parts)
    for part in sorted(parts, key=lambda part: -part.rank):
        if width_of(span for each in kept for span in each.spans) <= width:
            break
        if part.rank:
            kept.remove(part)
    line = tuple(span for part in kept for span in part.spans)
    return line if width_of(line) <= width else (_cut(line, width),)


def _cut(line: Line, width: int) -> Span:
    text = "".join(span.text for span in line)
    while cell_len(text) > width:
        text = text[:-1]
    return Span(text, line[0].style if line else "")
