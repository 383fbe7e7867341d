"""Outcomes made by hand, and by small searches over a scripted model."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loop import finished
from search.scripts import answer
from traced import scripted_solver

from marco_cli import jsonl
from marco_cli.answer import extract
from marco_cli.batch.journal import Journal, open_journal
from marco_cli.engine.base import Tokens, Usage
from marco_cli.engine.scripted import Script
from marco_cli.evals.base import Item
from marco_cli.evals.outcome import Outcome, outcome_document, read_outcome
from marco_cli.evals.runner import ROWS_FILE, TraceKeeper, ask, jobs, missing, read_entry, read_outcomes, run_jobs
from marco_cli.evals.scoring import grade
from marco_cli.evals.variant import Variant, parse_variants
from marco_cli.reward.signals import Signals
from marco_cli.search.base import Candidate, Reply
from marco_cli.search.vote import best, certainty, count_votes

ITEMS = tuple(
    Item(id=f"sum-{n}", question=f"{n}+2?", target=str(n + 2), scorer="number", lang="en" if n % 2 else "zh", group="sums")
    for n in range(1, 9)
)  # fmt: skip


def signals(confidence: float) -> Signals:
    """Return signals of which only the confidence matters."""
    return Signals(
        num_tokens=10,
        confidence=confidence,
        tail_confidence=confidence,
        lowest_group_confidence=confidence,
        lowest_confidence=confidence / 2,
        mean_logprob=-0.1,
        sum_logprob=-1.0,
        entropy=0.2,
        answer_margin=0.5,
    )


def candidate(number: int, output: str, *, confidence: float = 0.9, reflects: int | None = None) -> Candidate:
    """Return a finished path with an output."""
    reply = Reply(
        tokens=Tokens.forced(()),
        data=b"",
        thought="hm",
        output=output,
        answer=extract(output),
        finish_reason="eos",
        signals=signals(confidence),
    )
    return Candidate(id=number, reply=reply, node_id=0, reflects=reflects, reward=confidence)


def outcome(
    item: Item,
    outputs: Sequence[str],
    *,
    variant: str = "vote",
    strategy: str = "vote",
    seed: int = 0,
    confidences: Sequence[float] = (),
    reflects: Mapping[int, int] | None = None,
    **more: Any,
) -> Outcome:
    """Return the row of an item whose paths have these outputs; the vote is the most confident one's."""
    paths = tuple(
        candidate(
            number,
            output,
            confidence=confidences[number] if confidences else 0.9 - number / 100,
            reflects=(reflects or {}).get(number),
        )
        for number, output in enumerate(outputs)
    )
    votes = count_votes(paths, best)
    text = paths[votes[0].candidate_ids[0]].reply.output if votes else ""
    made = Outcome(
        item=item,
        variant=variant,
        seed=seed,
        strategy=strategy,
        reward="confidence",
        vote="best",
        candidates=paths,
        scores=tuple(grade(path.reply.output, item) for path in paths),
        votes=votes,
        certainty=certainty(votes, paths),
        num_simulations=len(paths),
        text=text,
        score=grade(text, item),
        usage=Usage(decoded=10 * len(paths), model_seconds=0.5 * len(paths)),
        seconds=1.0,
    )
    return replace(made, **more)


def adding_script(text: str) -> Mapping[str, float]:
    """Speak as a model that adds 2 to the number asked: right in four cases of five, with two ways to begin."""
    prompt, _, reply = text.rpartition("assistant\n")
    if not prompt:
        return {}
    number = int(prompt.rpartition("user\n")[2].partition("+")[0])
    right, wrong = answer(str(number + 2)), answer(str(number + 3))
    table = {
        "": {"<Thought>\nAdd.\n": 0.7, "<Thought>\nThink first.\n": 0.3},
        "<Thought>\nAdd.\n": {"So.\n" + right: 0.75, "Hm.\n" + wrong: 0.25},
        "<Thought>\nThink first.\n": {"Well.\n" + right: 0.9, "Er.\n" + wrong: 0.1},
    }
    return table.get(reply, {})


def variants(*texts: str, num_seeds: int = 1, **settings: Any) -> tuple[Variant, ...]:
    """Return variants for the scripted model."""
    base = scripted_solver(adding_script, **{"temperature": None, **settings}).plan.settings
    return parse_variants(texts, base, num_seeds=num_seeds)


def ask_rows(
    *texts: str, script: Script = adding_script, items: Sequence[Item] = ITEMS[:2], num_seeds: int = 1, **settings: Any
) -> list[Outcome]:
    """Ask a few items and return the outcomes, without writing anything."""

    async def work() -> list[Outcome]:
        solver = scripted_solver(script, **settings)
        try:
            wanted = jobs(items, variants(*texts, num_seeds=num_seeds, **settings))
            return [(await ask(job, solver)).outcome for job in wanted]
        finally:
            await solver.close()

    return finished(work())


def stored(rows: Sequence[Outcome]) -> list[Outcome]:
    """Return the rows as they come back from a file."""
    return [read_outcome(jsonl.decode(jsonl.encode(outcome_document(row))), where="row") for row in rows]


def opened(directory: Path) -> Journal:
    """Open the rows of a run, new or old."""
    directory.mkdir(exist_ok=True)
    return open_journal(
        directory / ROWS_FILE, mode="resume", configuration={"dataset": "sums"}, facts={}, read_entry=read_entry
    )


def ask_all(
    directory: Path,
    *texts: str,
    script: Script = adding_script,
    items: Sequence[Item] = ITEMS,
    num_seeds: int = 1,
    stop_after: int | None = None,
    in_flight: int = 3,
    traces: TraceKeeper | None = None,
    **settings: Any,
) -> list[Outcome]:
    """Run what is missing of an evaluation in a directory and return the new outcomes; stop after so many."""
    heard: list[Outcome] = []

    async def work() -> None:
        solver = scripted_solver(script, **settings)
        stop = asyncio.Event()

        def listen(row: Outcome) -> None:
            heard.append(row)
            if stop_after is not None and len(heard) >= stop_after:
                stop.set()

        try:
            with opened(directory) as journal:
                wanted = list(jobs(items, variants(*texts, num_seeds=num_seeds, **settings)))
                left = missing(wanted, read_outcomes(journal.path))
                await run_jobs(
                    left,
                    solver=solver,
                    journal=journal,
                    on_outcome=listen,
                    traces=traces,
                    in_flight=in_flight,
                    stop=stop,
                )
        finally:
            await solver.close()

    finished(work())
    return heard
