"""What came of one item under one variant and seed, with everything that another reward or vote would need.

In: a `SearchResult` and the item. Out: an `Outcome`; as JSON for `rows.jsonl`, and back. Finished paths come back as
`Candidate`s without their tokens, whose scores live on in the signals; floats come back exactly as they went.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

from marco_cli.answer import extract
from marco_cli.check.base import Verdict
from marco_cli.engine.base import Tokens, Usage
from marco_cli.errors import InputError, MarcoError, cut
from marco_cli.evals.base import NO_ANSWER, Item, Score
from marco_cli.evals.scoring import grade
from marco_cli.reward.signals import Signals
from marco_cli.search.base import Candidate, Reply, SearchResult, StopReason, Vote, is_settled
from marco_cli.search.events_json import candidate_document, vote_document
from marco_cli.search.tree import NodeState
from marco_cli.search.tree_json import Document, node_document
from marco_cli.sections import NONE, Tags

ROW_VERSION = 1

Section = Literal["output", "after_thought", "whole_text"]
"""Where the answer was looked for: in the output; in what follows the thought; in everything there is."""

_NOTHING = Tokens.forced(())
_ALIKE = (
    "variant", "seed", "strategy", "reward", "vote", "certainty", "stop_reason", "max_simulations", "text", "section",
    "seconds",
)  # fmt: skip
"""What is in a row as it is in an `Outcome`."""
_NODE = ("id", "parent", "text", "visits", "value", "forced")
"""What a row keeps of a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a row has no result."""

    type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One row of an evaluation."""

    item: Item
    variant: str
    seed: int
    strategy: str
    """The one that answered: of `auto`, `cot` when the first chain stood."""
    reward: str
    vote: str
    candidates: tuple[Candidate, ...] = ()
    scores: tuple[Score, ...] = ()
    """Of the candidates, in their order."""
    votes: tuple[Vote, ...] = ()
    certainty: float = 0.0
    stop_reason: StopReason = "finished"
    num_simulations: int = 0
    max_simulations: int | None = None
    text: str = ""
    """What was graded."""
    section: Section = "output"
    score: Score = NO_ANSWER
    is_forced: bool = False
    """Whether the chosen reply's thought was closed by force."""
    is_truncated: bool = False
    first: Score | None = None
    """Of the chain that `auto` doubted and searched on from."""
    first_text: str | None = None
    """The output of that chain; None in rows that were written without it."""
    num_looks: int = 0
    """Independent replies that `auto` held that chain against before it searched on."""
    usage: Usage
    seconds: float = 0.0
    """From the first token to the last, with other rows on the same machine."""
    notices: tuple[str, ...] = ()
    nodes: tuple[NodeState, ...] = ()
    error: Failure | None = None

    @property
    def chosen(self) -> Candidate | None:
        """The finished path that the vote chose."""
        return self.candidates[self.votes[0].candidate_ids[0]] if self.votes else None

    @property
    def is_searched(self) -> bool:
        """Whether `auto` went beyond the chain and the looks that settled it."""
        return self.first is not None and not is_settled(self.stop_reason, self.num_simulations, self.num_looks)

    @property
    def is_verified(self) -> bool:
        """Whether a check of the search found the answer right."""
        return self.chosen is not None and self.chosen.reply.is_verified

    @property
    def work_seconds(self) -> float:
        """The row's share of the machine's time."""
        return self.usage.model_seconds + self.usage.other_seconds


def outcome_of(
    result: SearchResult, *, item: Item, variant: str, seed: int, reward: str, vote: str, tags: Tags = NONE
) -> Outcome:
    """Score a result and keep what matters of it."""
    reply = result.reply
    text, section = gradable(reply, tags)
    return Outcome(
        item=item,
        variant=variant,
        seed=seed,
        strategy=result.strategy,
        reward=reward,
        vote=vote,
        candidates=result.candidates,
        scores=tuple(grade(candidate.reply.output, item) for candidate in result.candidates),
        votes=result.votes,
        certainty=result.certainty,
        stop_reason=result.stop_reason,
        num_simulations=result.num_simulations,
        max_simulations=result.max_simulations,
        text=text,
        section=section,
        score=grade(text, item),
        is_forced=reply.is_forced,
        is_truncated=reply.is_truncated,
        first=None if result.first is None else grade(result.first.output, item),
        first_text=None if result.first is None else result.first.output,
        num_looks=result.num_looks,
        usage=result.usage,
        seconds=result.seconds,
        notices=result.notices,
        nodes=() if result.tree is None else result.tree.snapshot(),
    )


def failed(error: MarcoError, *, item: Item, variant: str, seed: int) -> Outcome:
    """Return the row of an item that could not be asked."""
    return Outcome(
        item=item,
        variant=variant,
        seed=seed,
        strategy="",
        reward="",
        vote="",
        usage=Usage(),
        error=Failure(type=error.code, message=error.message),
    )


def gradable(reply: Reply, tags: Tags) -> tuple[str, Section]:
    """Return the text of a reply that may hold its answer, and where it stood.

    The output; without one, what follows the last end of a thought; without that, the whole text of a reply that ended by
    itself. A thought that was cut off holds no answer: a number found in it would be luck.
    """
    if reply.output:
        return reply.output, "output"
    text = reply.data.decode("utf-8", errors="replace")
    tags = reply.tags or tags
    if tags.thought_close is not None and tags.thought_close in text:
        text, section = text.rpartition(tags.thought_close)[2], "after_thought"
    else:
        text, section = "" if reply.is_truncated else text, "whole_text"
    for tag in (tags.output_open, tags.output_close):
        text = text.replace(tag, "") if tag else text
    return text.strip(), cast("Section", section)


def outcome_document(outcome: Outcome) -> Document:
    """Return the row as JSON can hold it."""
    return {
        "v": ROW_VERSION,
        "item": asdict(outcome.item),
        "variant": outcome.variant,
        "seed": outcome.seed,
        "status": "ok" if outcome.error is None else "error",
        "error": None if outcome.error is None else asdict(outcome.error),
        "score": asdict(outcome.score),
        "text": outcome.text,
        "section": outcome.section,
        "forced": outcome.is_forced,
        "truncated": outcome.is_truncated,
        "finish_reason": None if outcome.chosen is None else outcome.chosen.reply.ending,
        "first": None if outcome.first is None else asdict(outcome.first),
        "first_text": outcome.first_text,
        "looks": outcome.num_looks,
        "strategy": outcome.strategy,
        "reward": outcome.reward,
        "vote": outcome.vote,
        "candidates": [
            # Counted from the signals, since a row that was read back has no tokens any more.
            {**candidate_document(candidate), "num_tokens": candidate.reply.signals.num_tokens, "score": asdict(score)}
            for candidate, score in zip(outcome.candidates, outcome.scores, strict=True)
        ],
        "votes": [vote_document(vote) for vote in outcome.votes],
        "certainty": outcome.certainty,
        "stop_reason": outcome.stop_reason,
        "simulations": outcome.num_simulations,
        "max_simulations": outcome.max_simulations,
        "usage": asdict(outcome.usage),
        "seconds": outcome.seconds,
        "notices": list(outcome.notices),
        "tree": [node_document(node, _NODE) for node in outcome.nodes] or None,
    }


def read_outcome(document: object, *, where: str) -> Outcome:
    """Return the row that `outcome_document` wrote.

    Raises:
        InputError: it is no such row.
    """
    if not isinstance(document, dict) or document.get("v") != ROW_VERSION:
        raise InputError(f"{where}: no row of an evaluation", hint="name the directory that `marco eval -o` wrote")
    try:
        return _read(document)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: damaged row ({type(error).__name__}: {cut(str(error))})") from error


def _read(row: Mapping[str, Any]) -> Outcome:
    item = _item(row["item"])
    candidates = tuple(_candidate(entry, row["item"]["question"]) for entry in row["candidates"])
    return Outcome(
        **{name: row[name] for name in _ALIKE},
        item=item,
        candidates=candidates,
        scores=tuple(Score(**entry["score"]) for entry in row["candidates"]),
        votes=tuple(_vote(entry, candidates) for entry in row["votes"]),
        num_simulations=row["simulations"],
        score=Score(**row["score"]),
        is_forced=row["forced"],
        is_truncated=row["truncated"],
        first=None if row["first"] is None else Score(**row["first"]),
        first_text=row.get("first_text"),
        num_looks=row.get("looks", 0),
        usage=Usage(**row["usage"]),
        notices=tuple(row["notices"]),
        nodes=tuple(_node(entry) for entry in row["tree"] or ()),
        error=None if row["error"] is None else Failure(**row["error"]),
    )


def _node(entry: Mapping[str, Any]) -> NodeState:
    values = {key: entry[key] for key in _NODE}
    return NodeState(is_forced=values.pop("forced"), **values)


def _item(entry: Mapping[str, Any]) -> Item:
    known = {field.name for field in fields(Item)}
    values = {key: value for key, value in entry.items() if key in known}
    return Item(**{**values, "references": tuple(values["references"])})


def _candidate(entry: Mapping[str, Any], question: str) -> Candidate:
    output = cast("str", entry["output"])
    # Reading an answer depends on output and question alone, so it is read again; free text has none.
    answer = None if entry["answer"] is None else extract(output, question=question)
    reply = Reply(
        tokens=_NOTHING,
        data=b"",
        thought=entry["thought"],
        output=output,
        answer=answer,
        finish_reason=entry["finish_reason"],
        is_forced=entry["forced"],
        is_truncated=entry["truncated"],
        signals=Signals(**entry["signals"]),
        verdict=None if entry.get("check") is None else Verdict(**entry["check"]),
    )
    return Candidate(
        id=entry["id"],
        reply=reply,
        node_id=entry["node"],
        fresh=entry["fresh"],
        repeats=entry["repeats"],
        reflects=entry["reflects"],
        agreement=entry["agreement"],
        reward=entry["reward"],
    )


def _vote(entry: Mapping[str, Any], candidates: tuple[Candidate, ...]) -> Vote:
    ids = tuple(entry["candidates"])
    return Vote(answer=candidates[ids[0]].reply.answer, candidate_ids=ids, weight=entry["weight"])
