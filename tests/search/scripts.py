"""Scripted models whose search trees are known, and a short way to search them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from loop import finished

from marco_cli.answer import extract
from marco_cli.engine.base import SamplingParams, Usage
from marco_cli.engine.scripted import END, Script, scripted_engine
from marco_cli.reward.process.base import StepScore
from marco_cli.reward.signals import measure
from marco_cli.search.base import Problem, Reply, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.rollout import NOTHING
from marco_cli.search.solve import search
from marco_cli.sections import MARCO

PROMPT = "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"
CLOSE = "</Thought>\n<Output>\n"


def answer(text: str) -> str:
    """Return the end of a reply that answers `text`."""
    return f"{CLOSE}The answer is {text}.\n</Output>{END}"


def reply_saying(output: str, *, is_cut: bool = False) -> Reply:
    """Return a finished reply of which only the output matters."""
    return Reply(
        tokens=NOTHING,
        data=output.encode(),
        thought="",
        output=output,
        answer=extract(output),
        finish_reason="length" if is_cut else "eos",
        is_truncated=is_cut,
        signals=measure(NOTHING),
    )


def lines(table: Mapping[str, Mapping[str, float]]) -> Script:
    """Return a script that looks up the reply so far, tags and all, in a table of continuations."""

    def script(text: str) -> Mapping[str, float]:
        prompt, _, reply = text.rpartition("assistant\n")
        return table.get(reply, {}) if prompt else {}

    return script


SUM = lines(
    {
        "": {"<Thought>\nAdd.\n": 0.7, "<Thought>\nThink first.\n": 0.3},
        "<Thought>\nAdd.\n": {"2+2 = 4.\n" + answer("4"): 0.6, "2+2 = 5.\n" + answer("5"): 0.4},
        "<Thought>\nThink first.\n": {"2+2 = 4.\n" + answer("4"): 0.9, "2+2 = 22.\n" + answer("22"): 0.1},
    }
)
"""Two openings, three answers; greedy says 4."""


def grown_script(seed: int, *, depth: int = 4, width: int = 3, answers: int = 3) -> Script:
    """Return a model of `depth` lines of thought with up to `width` ways on from each, drawn from a hash of `seed`."""

    def draw(reply: str, turn: int) -> float:
        digest = blake2b(f"{seed}/{turn}/{reply}".encode(), digest_size=4).digest()
        return int.from_bytes(digest) / 2**32

    def script(text: str) -> Mapping[str, float]:
        prompt, _, reply = text.rpartition("assistant\n")
        if prompt and reply == "":
            return {"<Thought>\n": 1.0}
        if reply.endswith(CLOSE):
            return {f"{n}\n</Output>{END}": 0.05 + draw(reply, n) for n in range(1, 1 + answers)}
        if not reply.endswith("\n") or "</Thought>" in reply:
            return {}
        turn = reply.count("\n")
        if turn > depth:
            return {CLOSE: 1.0}
        ways = 1 + int(width * draw(reply, 0))
        return {f"{chr(ord('a') + way)} at {turn}\n": 0.05 + draw(reply, 1 + way) for way in range(ways)}

    return script


class Scorer:
    """Believes in reasoning that has, or lacks, a word; keeps what it was asked."""

    is_whole = False

    def __init__(self, word: str, *, has_room: bool = True) -> None:
        self.word = word
        self.has_room = has_room
        self.asked: list[tuple[str, ...]] = []

    async def score(self, question: str, steps: Sequence[str]) -> StepScore | None:
        """Score the last step by whether the word has come up."""
        assert question == "2+2?"
        self.asked.append(tuple(steps))
        value = 0.9 if any(self.word in step for step in steps) else 0.1
        return StepScore(value=value, usage=Usage(prefilled=1)) if self.has_room else None

    def worth(self, scores: Sequence[float]) -> float:
        """Return the last score."""
        return scores[-1]


class Inline(ThreadPoolExecutor):
    """Runs what it is given at once, in the caller's thread: without a model there is nothing to wait for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Call the function and return its finished future."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


SAMPLED = SamplingParams(temperature=1.0)


def find(
    script: Script,
    *,
    problem: Callable[[Problem], Problem] = lambda problem: problem,
    max_num_seqs: int = 16,
    context_size: int = 4096,
    run: Callable[..., Any] = search,
    settings: Mapping[str, Any] | None = None,
    **config: Any,
) -> SearchResult:
    """Open a scripted engine, search it with the given `SearchConfig` fields, and close it.

    Lines are steps and the temperature is 1, unless the fields say otherwise.
    """

    async def work() -> SearchResult:
        engine = scripted_engine(script, max_num_seqs=max_num_seqs, context_size=context_size)
        engine._thread = Inline()
        ids = engine.tokenize(PROMPT, special=True)
        asked = problem(Problem(prompt_ids=ids, tags=MARCO, question="2+2?"))
        chosen = replace(SearchConfig(step="line", sampling=SAMPLED), **config)
        try:
            given = dict(settings or {})
            existing = {key: given.pop(key) for key in ("first", "earlier") if key in given}
            result: SearchResult = await run(asked, SearchContext(engine=engine, **given), chosen, **existing)
        finally:
            await engine.close()
        return result

    return finished(work())


def reply_table(table: Mapping[str, Mapping[str, float]], *, start: str = "<|im_start|>assistant\n") -> Script:
    """Return a script that looks up the reply so far (what follows the last `start`) in a table of continuations."""

    def script(text: str) -> Mapping[str, float]:
        return table.get(text.rpartition(start)[2], {})

    return script
