"""How the vote of a trace stands under another reward or vote, for people and for machines."""

from collections import Counter
from dataclasses import replace

from marco_cli.answer import Answer, equal
from marco_cli.search.events_json import candidate_document, vote_document
from marco_cli.trace.record import Trace
from marco_cli.trace.rescoring import Rescored
from marco_cli.view.line import Glyphs, fold, one_line
from marco_cli.view.summary import vote_rows


def rescored_text(trace: Trace, anew: Rescored, *, width: int | None, encoding: str = "utf-8") -> str:
    """Return the new vote, and whether the answer is another one."""
    result = replace(trace.result, candidates=anew.candidates, votes=anew.votes, certainty=anew.certainty)
    before, after = trace.answer, None if anew.leader is None else anew.leader.reply.answer
    then = f"{trace.config.reward_name}/{trace.config.vote_name}"
    verdict = "stays" if _is_same(before, after) else f"changes from {_shown(before)}"
    judged = Counter(each.reply.verdict.judgement for each in anew.candidates if each.reply.verdict is not None)
    checks = [f"checks: {', '.join(f'{count} {name}' for name, count in judged.items())}"] if judged else []
    first = f"reward {anew.reward}, vote {anew.vote} (was {then})"
    last = f"the answer {verdict}: {_shown(after)}, certainty {anew.certainty:.2f}"
    if width is not None:
        first, last = fold(first, width), fold(last, width)
    lines = [*checks, first, *vote_rows(result, width=width, encoding=encoding), last]
    return Glyphs.of(encoding).text("\n".join(lines))


def rescored_document(trace: Trace, anew: Rescored) -> dict[str, object]:
    """Return the object of `marco traces rescore --json`."""
    before, after = trace.answer, None if anew.leader is None else anew.leader.reply.answer
    return {
        "v": 1,
        "trace": trace.id,
        "reward": anew.reward,
        "vote": anew.vote,
        "answer": None if after is None else after.canonical,
        "answer_before": None if before is None else before.canonical,
        "changed": not _is_same(before, after),
        "target": trace.target,
        "certainty": anew.certainty,
        "votes": [vote_document(vote) for vote in anew.votes],
        "candidates": [candidate_document(candidate) for candidate in anew.candidates],
    }


def _is_same(before: Answer | None, after: Answer | None) -> bool:
    return before is after if before is None or after is None else equal(before, after)


def _shown(answer: Answer | None) -> str:
    return "none" if answer is None else one_line(answer.shown, 60)
