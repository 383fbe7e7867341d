"""A scripted model that keeps the books of its KV memory cell by cell and remembers every decode call; and how to ask it."""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from engine.exact_memory import ExactMemory
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.engine.base import Completion, Request, SamplingParams
from marco_cli.engine.job import Job
from marco_cli.engine.scheduler import Scheduler
from marco_cli.engine.scripted import Script, ScriptedModel

WARM = SamplingParams(temperature=1.0)


def babble(text: str) -> Mapping[str, float]:
    """Say one of four letters, always with different odds: what follows depends on all of the text."""
    rng = Random(text)
    weights = [rng.random() + 0.05 for _ in "abcd"]
    return {letter: weight / sum(weights) for letter, weight in zip("abcd", weights, strict=True)}


class ExactModel(ScriptedModel):
    """Fails when a decode call finds more cells in use than there are."""

    def __init__(
        self, script: Script = babble, *, num_cells: int = 100_000, num_sequences: int = 256, max_rows: int = 512
    ) -> None:
        super().__init__(script, num_cells=num_cells, num_sequences=num_sequences, max_rows=max_rows)
        self.memory = ExactMemory(num_sequences)
        self.calls: list[tuple[Row, ...]] = []

    @property
    def num_rows(self) -> int:
        """Return how many rows were evaluated."""
        return sum(len(rows) for rows in self.calls)

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """See `Memory.copy`."""
        super().copy(source, target, start, end)
        self.memory.copy(source, target, start, end)

    def remove(self, sequence: int, start: int, end: int) -> None:
        """See `Memory.remove`."""
        super().remove(sequence, start, end)
        self.memory.remove(sequence, start, end)

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """See `Backend.decode`."""
        assert 0 < len(rows) <= self.max_rows
        for row in rows:
            self.memory.evaluate(row.sequences, row.position, [row.token])
        assert len(self.memory.num_views) <= self.num_cells, "a decode call without room"
        self.calls.append(tuple(rows))
        return super().decode(rows)


def make_scheduler(
    model: ScriptedModel | None = None, *, max_num_seqs: int = 16, context_size: int = 4096
) -> Scheduler:
    """Return a scheduler over a model."""
    return Scheduler(model or ExactModel(), max_num_seqs=max_num_seqs, context_size=context_size)


def ask(prompt: str, max_tokens: int, seed: int = 0, **rest: object) -> Request:
    """Return a sampled request for a text; one byte is one token."""
    values: dict[str, object] = {"sampling": WARM, **rest}
    return Request(prompt_ids=tuple(prompt.encode()), max_tokens=max_tokens, seed=seed, **values)  # type: ignore[arg-type]


def complete(scheduler: Scheduler, requests: Sequence[Request], *, max_ticks: int = 20_000) -> list[Completion]:
    """Submit requests and tick until they are done; return their completions in the same order."""
    jobs = [scheduler.submit(request) for request in requests]
    outcomes: dict[Job, Completion | Exception] = {}
    while scheduler.has_work():
        max_ticks -= 1
        assert max_ticks > 0, "the scheduler goes round without coming to an end"
        outcomes.update(scheduler.tick().finished)
    completions = []
    for job in jobs:
        outcome = outcomes[job]
        if isinstance(outcome, Exception):
            raise outcome
        completions.append(outcome)
    return completions


def ids_of(completion: Completion) -> list[int]:
    """Return the tokens of a completion."""
    return [int(token) for token in completion.tokens.ids]
