"""A search in plain lines, for pipes, logs and dumb terminals.

In: `SearchEvent`s. Out: with `is_verbose` one line a simulation, else nothing; what came of it is the summary's business.
"""

from contextlib import suppress
from typing import Self, TextIO

from marco_cli.search.events import CandidateFound, NodesAdded, SearchEvent, SearchStarted, SimulationEnded
from marco_cli.view.line import Glyphs
from marco_cli.view.numbers import grouped
from marco_cli.view.printable import printable
from marco_cli.view.snapshot import answer_text


class PlainSearch:
    """Writes lines that make sense in a file."""

    def __init__(self, stream: TextIO, *, is_verbose: bool = False) -> None:
        self._stream = stream
        self._is_verbose = is_verbose
        self._glyphs = Glyphs.of(getattr(stream, "encoding", None) or "utf-8")
        self._answers: dict[int, str] = {}
        self._limit: int | None = None
        self._num_replies = 0
        self._has_tree = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def on_event(self, event: SearchEvent) -> None:
        """Write a line for a simulation that ended, if lines are wanted."""
        if not self._is_verbose:
            return
        match event:
            case SearchStarted():
                self._limit = event.progress.max_simulations
            case NodesAdded():
                self._has_tree = True
            case CandidateFound():
                self._say_candidate(event)
            case SimulationEnded():
                answer = "no output" if event.candidate_id is None else self._answers[event.candidate_id]
                steps = f"{len(event.path) - 1} step{'s' * (len(event.path) != 2)}"
                cost = f"{grouped(event.progress.num_tokens)} tokens, {event.progress.seconds:.1f} s"
                self.say(f"{self._count(event.number)}: {answer} (value {event.value:.2f}), {steps}, {cost}")

    def on_token(self, _token: int, _piece: bytes) -> None:
        """Write nothing: half a reply is not a line."""

    def say(self, text: str) -> None:
        """Write a line."""
        with suppress(OSError):  # that a stream takes nothing is no reason to end the work
            self._stream.write(f"{self._glyphs.text(printable(text))}\n")
            self._stream.flush()

    def _say_candidate(self, event: CandidateFound) -> None:
        candidate = event.candidate
        self._answers[candidate.id] = answer_text(candidate)
        if not self._has_tree:  # without a tree the reply is all there is of a simulation
            self._num_replies += 1
            tokens = f"{grouped(len(candidate.reply.tokens))} tokens"
            answer = self._answers[candidate.id]
            self.say(f"{self._count(self._num_replies)}: {answer} (value {candidate.reward:.2f}), {tokens}")

    def _count(self, number: int) -> str:
        return f"simulation {number}" + ("" if self._limit is None else f" of {self._limit}")
