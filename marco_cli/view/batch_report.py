"""What a batch came to, and what one would take, in a few lines for a person."""

from collections.abc import Mapping
from typing import Final

from marco_cli.batch.runner import Measured
from marco_cli.batch.survey import Survey
from marco_cli.batch.tally import Tally
from marco_cli.check.base import Judgement
from marco_cli.engine.base import Usage
from marco_cli.view.numbers import duration, grouped
from marco_cli.view.printable import printable

_JUDGEMENTS: Final[Mapping[Judgement, str]] = {
    "right": "verified",
    "wrong": "refuted",
    "unknown": "that no check could judge",
}
_WORDS: Final = {"ok": "ok", "abstained": "abstained", "no_output": "without output", "error": "failed"}


def batch_report(tally: Tally, usage: Usage, seconds: float) -> str:
    """Return counts, cost, and what `auto` searched on and what that cost."""
    counts = ", ".join(
        f"{grouped(tally.statuses[status])} {word}" for status, word in _WORDS.items() if tally.statuses[status]
    )
    rate = usage.decoded / seconds if seconds > 0 else 0.0
    cost = f"{grouped(usage.decoded)} tokens, {grouped(rate)} a second, {usage.mean_batch_width:.1f} at once"
    lines = [f"{_rows(tally.num_rows)} in {duration(seconds)}: {counts}; {cost}"]
    if tally.earlier:
        lines.append(f"{_rows(tally.earlier.total())} from earlier runs")
    if tally.judgements:
        found = (
            f"{grouped(tally.judgements[key])} {word}" for key, word in _JUDGEMENTS.items() if tally.judgements[key]
        )
        lines.append(f"checks: {', '.join(found)}")
    if tally.num_routed:
        lines.append(_routing(tally))
    return "\n".join(lines)


def _routing(tally: Tally) -> str:
    """Say what the second thoughts of `auto` cost and changed."""
    searched, routed = tally.num_searched, tally.num_routed
    line = f"auto: {grouped(searched)} of {_rows(routed)} searched on ({_share(searched, routed)})"
    if not searched:
        return line
    changed = f"{grouped(tally.num_changed)} answer{'s' * (tally.num_changed != 1)} changed"
    spent = _share(tally.num_search_tokens, tally.num_tokens)
    return f"{line}, which took {grouped(tally.num_search_tokens)} tokens ({spent} of all); {changed}"


def dry_run_report(survey: Survey, measured: Measured | None, *, parallel: int) -> str:
    """Return what is in an input, what is wrong with it, and how long it would take."""
    lines = [f"rows      {grouped(survey.num_rows)}"]
    if survey.num_bad:
        lines.append(f"bad       {grouped(survey.num_bad)}")
        lines.extend(f"  line {number}: {printable(message)}" for number, message in survey.problems)
        if survey.num_bad > len(survey.problems):
            lines.append(f"  and {grouped(survey.num_bad - len(survey.problems))} more")
    if survey.num_done or survey.stale or survey.num_again:
        lines.append(f"done      {grouped(survey.num_done)}")
    if survey.num_again:
        lines.append(f"failed    {grouped(survey.num_again)} to be tried again")
    if survey.stale:
        lines.append(f"changed   {grouped(len(survey.stale))} since they were answered")
    return "\n".join([*lines, *_estimate(survey, measured, parallel)])


def _estimate(survey: Survey, measured: Measured | None, parallel: int) -> list[str]:
    left = survey.num_left
    if measured is None or not left:
        return ["time      none: every row is done"] if survey.num_done else []
    if measured.num_rows == measured.num_errors > 0:
        return [f"time      cannot be estimated: all {_rows(measured.num_rows)} of the sample failed"]
    if not measured.num_rows:
        least = duration(left / min(parallel, left) * measured.seconds)
        return [f"time      more than {least}; no closer estimate: no row was finished in {duration(measured.seconds)}"]
    basis = f"{_rows(measured.num_rows)} took {measured.seconds:.1f} s, {grouped(measured.num_tokens)} tokens"
    about = "about" if measured.is_whole else "more than"
    return [f"time      {about} {duration(left * measured.seconds / measured.num_rows)} for {_rows(left)} ({basis})"]


def _rows(number: int) -> str:
    return f"{grouped(number)} row{'s' * (number != 1)}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "0 %"
