"""Every problem of an evaluation, to be read, filtered and held against another variant's: data, markup and script.

In: a `Report`. Out: HTML for the page, and the script that it needs. What came from models, files and users is data in a JSON
block in which `<`, `>` and `&` are escaped; the script puts it into text nodes alone. Equal texts are kept once.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from marco_cli.evals.outcome import Outcome
from marco_cli.evals.report import Report
from marco_cli.trace.export.base import json_block
from marco_cli.view.printable import printable

LONGEST: Final = 6000
"""Characters of one text; all of it is in rows.jsonl."""
_MOST_VOTES: Final = 6

_MARKUP: Final = """<section id="problems"><h2>Every problem</h2>
<noscript><p class="note">The problems are listed by a script, which this browser does not run; rows.jsonl holds them.</p></noscript>
<form class="tools" hidden>
<label>left <select id="left"></select></label>
<label>right <select id="right"></select></label>
<label>show <select id="show"></select></label>
<label>find <input id="find" type="search" placeholder="in questions and answers"></label>
<output id="count"></output></form>
<div id="list"></div></section>"""


def problems_html(report: Report, *, is_live: bool = False) -> str:
    """Return the section with its data; the script of a live page loads it anew every few seconds."""
    document = {**_document(report), "isLive": is_live}
    return f'{_MARKUP}\n<script type="application/json" id="data">{json_block(document)}</script>'


def part(name: str) -> str:
    """Return a file of the page: its script `problems.js`, its style `eval.css`, or `palette.css`, the colours by their names."""
    return files("marco_cli.view").joinpath("html", name).read_text(encoding="utf-8")


def script_hash() -> str:
    """Return what a content security policy calls the script."""
    return f"sha256-{b64encode(hashlib.sha256(part('problems.js').encode()).digest()).decode()}"


def _document(report: Report) -> dict[str, object]:
    """Return what the script reads: problems in the order of their ids, a cell a variant, an attempt a seed."""
    labels = [variant.label for variant in report.variants]
    texts = _Texts()
    by_item: dict[str, dict[str, list[Outcome]]] = {}
    for row in report.rows:
        by_item.setdefault(row.item.id, {}).setdefault(row.variant, []).append(row)
    problems = []
    for id_, cells in by_item.items():
        item = next(iter(cells.values()))[0].item
        problems.append(
            {
                "id": printable(id_),
                "group": printable(" ".join(filter(None, (item.lang, item.group)))),
                "question": texts.number(item.question),
                "target": texts.number("\n".join(item.targets)),
                "cells": [[_attempt(row, texts) for row in cells.get(label, ())] for label in labels],
            }
        )
    return {"variants": [printable(label) for label in labels], "problems": problems, "texts": texts.all}


def _attempt(row: Outcome, texts: "_Texts") -> dict[str, object]:
    """Return one answer to a problem, with the votes behind it."""
    if row.error is not None:
        return {"seed": row.seed, "verdict": "failed", "value": 0, "answer": printable(row.error.message)}
    chosen = row.chosen
    verdict, answer = _outcome(row)
    return {
        "seed": row.seed,
        "verdict": verdict,
        "value": round(row.score.value, 4),
        "answer": printable(answer),
        "text": texts.number(row.text),
        "thought": None if chosen is None else texts.number(chosen.reply.thought),
        "facts": _facts(row),
        "votes": [
            [
                printable(row.scores[vote.candidate_ids[0]].answer or "no answer"),
                round(vote.weight, 4),
                row.scores[vote.candidate_ids[0]].verdict,
            ]
            for vote in row.votes[:_MOST_VOTES]
        ],
    }


def _outcome(row: Outcome) -> tuple[str, str]:
    """Return whether an answer is right and what it is; where a text has a share of what is right, that share."""
    score = row.score
    if score.answer is None:
        return score.verdict, "no answer"
    if row.item.scorer == "chrf":
        return "graded", f"chrF {100 * score.value:.1f}"
    if row.item.scorer == "rubric":
        return score.verdict, f"{100 * score.value:.0f} %: {score.answer}"
    return score.verdict, score.answer


def _facts(row: Outcome) -> str:
    """Return what an answer cost and how it ended."""
    parts = [f"{row.usage.decoded} tokens", f"{row.seconds:.1f} s"]
    parts += [f"{row.num_simulations} simulations"] if row.num_simulations > 1 else []
    parts += ["thought closed by force"] if row.is_forced else []
    parts += ["cut"] if row.is_truncated else []
    parts += [f"read from {row.section.replace('_', ' ')}"] if row.section != "output" else []
    return ", ".join(parts)


class _Texts:
    """Texts by number, each once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a text, cut where it is very long."""
        cut = (
            text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} characters more in rows.jsonl)"
        )
        return self._numbers.setdefault(printable(cut), len(self._numbers))

    @property
    def all(self) -> Sequence[str]:
        """All of them, in the order of their numbers."""
        return tuple(self._numbers)
