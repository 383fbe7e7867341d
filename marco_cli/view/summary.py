"""What a search came to, in a few lines for a person.

In: a `SearchResult`. Out: text, without colours or a final line feed, that fits any width.
"""

import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rich.cells import cell_len

from marco_cli.search.base import Candidate, Reply, SearchResult, StopReason, Vote
from marco_cli.search.failure import is_refusal
from marco_cli.search.open_ended import is_lost
from marco_cli.view.line import Glyphs, one_line, wrap
from marco_cli.view.numbers import grouped
from marco_cli.view.printable import printable
from marco_cli.view.snapshot import answer_text

REASONS: Final[Mapping[StopReason, str]] = MappingProxyType(
    {
        "finished": "finished",
        "verified": "a check found the answer right",
        "certain": "certain",
        "exhausted": "nothing new to find",
        "simulations": "simulations used up",
        "tokens": "token budget used up",
        "time": "time limit",
        "stopped": "on request",
    }
)
_MOST_VOTES: Final = 8
_BAR_WIDTH: Final = 20
_ANSWER_WIDTH: Final = 24
_INDENT: Final = "  "
_INSIDE_NUMBER: Final = re.compile(r"(?<=\d) (?=\d{3}\b)")
_TIE: Final = "\ue000"
"""Stands for a space at which no line is broken; as wide as one, and in no text that can be printed."""


def summary(result: SearchResult, *, width: int | None = None, encoding: str = "utf-8") -> str:
    """Describe votes, change of mind, reason of the end, cost and notices; `width` None never breaks a line."""
    glyphs = Glyphs.of(encoding)
    lines = [
        *_votes(result, width, glyphs),
        *_change(result),
        _end(result),
        *(f"note: {printable(notice)}" for notice in result.notices),
    ]
    return "\n".join(piece for line in lines for piece in _broken(glyphs.text(line), width))


def purpose(first: Candidate, *, takes_enter: bool) -> str:
    """Say what a search is for that follows a chain, and how to do without it; `takes_enter`: Enter ends it."""
    way_out = "Enter or Ctrl-C" if takes_enter else "Ctrl-C"
    if first.reply.is_refuted:
        return f"a check refuted the first reply; looking for one that passes; {way_out} takes it as it stands"
    if failed := failure(first.reply):
        return f"the first reply {failed}; asking again; {way_out} takes it as it stands"
    doubted = "the first reply" if first.reply.answer is None else one_line(answer_text(first), 40)
    return f"is {doubted} right? comparing it with other replies; {way_out} takes it as it stands"


def replacement(result: SearchResult) -> str:
    """Say how the reply that a search chose differs from the first one, which stands above it."""
    if result.first is not None and (failed := failure(result.first)):
        return f"the first reply {failed}; here is another:"
    if result.first is None or result.first.answer is None or result.answer is None or result.is_open_ended:
        return "the search prefers another reply:"
    first, final = (one_line(answer.shown, 40) for answer in (result.first.answer, result.answer))
    return (
        f"the search prefers {final} to {first}:" if result.is_changed else f"the search gives {final} another reason:"
    )


def outcome(result: SearchResult) -> str:
    """Say in a few words what became of the first reply when `auto` doubted it; "" without such a reply."""
    if result.first is None:
        return ""
    failed = failure(result.first)
    if result.is_changed and failed:
        return f"the first reply {failed}"
    if result.first.answer is None or result.answer is None or result.is_open_ended:
        return "the search chose another reply" if result.is_changed else "the search found nothing better"
    if result.is_changed:
        first, final = (one_line(answer.shown, 40) for answer in (result.first.answer, result.answer))
        return f"the search changed {first} to {final}"
    if not result.is_searched:
        return _agreement(result)
    return "other replies confirm the first" if result.is_confirmed else "the search found nothing better"


def _agreement(result: SearchResult) -> str:
    """Say how many replies besides the first give its answer."""
    found = [result.candidates[each].reply for each in result.votes[0].candidate_ids]
    if len(found) > 2:
        return f"{len(found) - 1} more replies agree"
    return "a program agrees" if any(reply.is_program for reply in found) else "another reply agrees"


def vote_rows(result: SearchResult, *, width: int | None = None, encoding: str = "utf-8") -> list[str]:
    """Return how the vote stands alone, a row an answer."""
    glyphs = Glyphs.of(encoding)
    return [piece for line in _votes(result, width, glyphs) for piece in _broken(glyphs.text(line), width)]


def _votes(result: SearchResult, width: int | None, glyphs: Glyphs) -> list[str]:
    """Return a row an answer: its share of the weights, as a number and a bar, its paths, its best one's confidence."""
    if not result.votes:
        return ["no reply has an output"]
    if result.is_open_ended:
        return _order(result)
    by_id = {candidate.id: candidate for candidate in result.candidates}
    shown = result.votes[:_MOST_VOTES]
    room = _ANSWER_WIDTH if width is None else max(4, min(_ANSWER_WIDTH, width // 3))
    answers = [glyphs.fit(answer_text(_best(vote, by_id)), room) for vote in shown]
    column = max(cell_len(answer) for answer in answers)
    rows = []
    for vote, answer in zip(shown, answers, strict=True):
        count = f"{len(vote.candidate_ids)} path{'s' * (len(vote.candidate_ids) != 1)}"
        confidence = f"confidence {_best(vote, by_id).reply.signals.confidence:.2f}"
        head = f"{answer}{' ' * (column - cell_len(answer))}  {100 * vote.weight:3.0f} %"
        bar = f"{glyphs.block * round(vote.weight * _BAR_WIDTH):<{_BAR_WIDTH}}"
        fuller = (f"{head}  {bar}  {count:<8}  {confidence}", f"{head}  {count:<8}  {confidence}", f"{head}  {count}")
        rows.append(next((row for row in fuller if width is None or cell_len(row) <= width), head))
    hidden = result.votes[_MOST_VOTES:]
    if hidden:
        rows.append(f"{len(hidden)} more answers, {100 * sum(vote.weight for vote in hidden):.0f} % together")
    return rows


def _order(result: SearchResult) -> list[str]:
    """Say of open-ended replies how many there are, how many of them failed, and where the second best is."""
    num = len(result.candidates)
    if num < 2:
        return []
    if any(candidate.reply.verdict is not None for candidate in result.candidates):
        judged = Counter(each.reply.verdict.judgement for each in result.candidates if each.reply.verdict is not None)
        return [f"{num} replies: {', '.join(f'{count} {what}' for what, count in judged.most_common())}"]
    failures = Counter(each for each in (failure(candidate.reply) for candidate in result.candidates) if each)
    failed = "".join(f", {count} {each}" for each, count in failures.most_common())
    rows = [f"nothing to vote on: the best of {num} replies in words{failed}"]
    second = result.candidates[result.votes[1].candidate_ids[0]] if result.votes[1:] else None
    if second is not None and not failure(second.reply):
        rows.append(f"the second best: marco traces show --candidate {second.id}")
    return rows


def failure(reply: Reply) -> str:
    """Say how a reply failed, "" if it did not: `refused`, `repeated itself`, `broke off`."""
    if is_refusal(reply.output):
        return "refused"
    if is_lost(reply):
        return "repeated itself"
    return "broke off" if reply.is_truncated else ""


def _change(result: SearchResult) -> list[str]:
    """Say what became of the first reply when `auto` doubted it; only independent replies confirm it."""
    if result.first is None:
        return []
    found = "was confirmed" if result.is_confirmed else "stands: the search found nothing better"
    failed = failure(result.first)
    if failed and result.is_changed:
        return [f"the first reply {failed}; this is another"]
    if result.first.answer is None or result.answer is None or result.is_open_ended:
        return [f"the first reply {'was replaced by another' if result.is_changed else found}"]
    first, final = (one_line(answer.shown, 40) for answer in (result.first.answer, result.answer))
    if result.is_changed:
        return [f"the first answer, {first}, was doubtful; the search changed it to {final}"]
    if not result.is_searched:
        return [f"{_agreement(result)} with the first answer, {first}"]
    return [f"the first answer, {first}, {found}"]


def _end(result: SearchResult) -> str:
    """Say why the search ended and what it cost, e.g. "stopped: certain (0.97) after 14 of 32 simulations, …"."""
    reason = REASONS[result.stop_reason]
    if result.certainty > 0:
        label = "" if result.stop_reason == "certain" else "certainty "
        reason += f" ({label}{result.certainty:.2f})"
    return f"stopped: {reason} after {cost(result)}"


def cost(result: SearchResult) -> str:
    """Say what a search came to, e.g. "14 of 32 simulations, 1 204 tokens, 3.1 s"."""
    number = str(result.num_simulations)
    if result.max_simulations is not None:
        number += f" of {result.max_simulations}"
    noun = "simulation" if (result.max_simulations or result.num_simulations) == 1 else "simulations"
    return f"{number} {noun}, {grouped(result.usage.decoded)} tokens, {result.seconds:.1f} s"


def _best(vote: Vote, by_id: Mapping[int, Candidate]) -> Candidate:
    return by_id[vote.candidate_ids[0]]


def _broken(line: str, width: int | None) -> list[str]:
    """Break a line where it does not fit, but not inside a number, the rest indented."""
    if width is None or cell_len(line) <= width:
        return [line]
    tied = _INSIDE_NUMBER.sub(_TIE, line)
    first = wrap(tied, width)[0]
    rest = wrap(tied[len(first) :], max(1, width - len(_INDENT)))
    return [piece.replace(_TIE, " ") for piece in (first, *(_INDENT + piece for piece in rest))]
