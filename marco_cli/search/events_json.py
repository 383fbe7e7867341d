"""Searches in JSON: events for `--events`, results for `--json`, rows and traces.

In: a `SearchEvent` or a `SearchResult`. Out: plain dictionaries for `jsonl.encode`, each key always there, null where there
is nothing to say. Numbers are raw; nothing is cut.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final

from marco_cli.answer import Answer
from marco_cli.check.base import Verdict
from marco_cli.search.base import Candidate, SearchResult, Vote
from marco_cli.search.events import (
    CandidateFound,
    NodesAdded,
    Noticed,
    SearchEnded,
    SearchEvent,
    SearchStarted,
    SimulationEnded,
    VoteChanged,
)
from marco_cli.search.tree_json import Document, node_document

SHOWN: Final = ("id", "parent", "depth", "text", "visits", "value", "forced")
"""What `--json` says of a node."""
_ALL: Final = (*SHOWN, "confidence", "num_tokens", "terminal", "closed", "candidate")
_STATISTICS: Final = ("id", "visits", "value", "closed")
"""What a back-up changes of a node; its text was said when it was added."""


def event_document(event: SearchEvent) -> Document:
    """Return an event as an object that says its `type` first."""
    name, body = _EVENTS[type(event)]
    return {"type": name, **body(event)}


def result_document(result: SearchResult) -> Document:
    """Return what `--json` says of a search besides its reply; `tree` is null for strategies without one."""
    nodes = None if result.tree is None else [node_document(node, SHOWN) for node in result.tree.snapshot()]
    return {
        "tree": None if nodes is None else {"nodes": nodes},
        "candidates": [candidate_document(candidate) for candidate in result.candidates],
        "votes": [vote_document(vote) for vote in result.votes],
        "accounting": accounting_document(result),
    }


def accounting_document(result: SearchResult) -> Document:
    """Return how a search was made, why it ended, and what it cost."""
    usage = result.usage
    return {
        "strategy": result.strategy,
        "stop_reason": result.stop_reason,
        "certainty": result.certainty,
        "simulations": result.num_simulations,
        "max_simulations": result.max_simulations,
        "first_answer": None if result.first is None else _answer(result.first.answer),
        "looks": result.num_looks,
        "changed": result.is_changed,
        "decoded_tokens": usage.decoded,
        "prefilled_tokens": usage.prefilled,
        "reused_tokens": usage.reused,
        "evaluated_tokens": usage.evaluated,
        "forks": usage.forks,
        "evictions": usage.evictions,
        "mean_batch_width": usage.mean_batch_width,
        "seconds": result.seconds,
        "tokens_per_second": usage.decoded / result.seconds if result.seconds else None,
        "notices": list(result.notices),
    }


def candidate_document(candidate: Candidate) -> Document:
    """Return a finished reply with all its signals, so that another reward or vote can be applied to it later."""
    reply = candidate.reply
    return {
        "id": candidate.id,
        "node": candidate.node_id,
        "answer": _answer(reply.answer),
        "output": reply.output,
        "thought": reply.thought,
        "finish_reason": reply.finish_reason,
        "forced": reply.is_forced,
        "truncated": reply.is_truncated,
        "num_tokens": len(reply.tokens),
        "fresh": candidate.fresh,
        "repeats": candidate.repeats,
        "reflects": candidate.reflects,
        "agreement": candidate.agreement,
        "reward": candidate.reward,
        "weight": candidate.weight,
        "check": verdict_document(reply.verdict),
        "signals": asdict(reply.signals),
    }


def verdict_document(verdict: Verdict | None) -> Document | None:
    """Return what the checks said of a reply; None where there were none."""
    return None if verdict is None else {"judgement": verdict.judgement, "score": verdict.value, "why": verdict.why}


def vote_document(vote: Vote) -> Document:
    """Return an answer with the replies that stand for it."""
    return {"answer": _answer(vote.answer), "weight": vote.weight, "candidates": list(vote.candidate_ids)}


def _answer(answer: Answer | None) -> str | None:
    return None if answer is None else answer.canonical


def _search_started(event: SearchStarted) -> Document:
    return {
        "question": event.question,
        "strategy": event.strategy,
        "parallel": event.parallel,
        "progress": asdict(event.progress),
    }


def _nodes_added(event: NodesAdded) -> Document:
    return {"nodes": [node_document(node, _ALL) for node in event.nodes]}


def _simulation_ended(event: SimulationEnded) -> Document:
    return {
        "number": event.number,
        "path": [node_document(node, _STATISTICS) for node in event.path],
        "value": event.value,
        "candidate": event.candidate_id,
        "progress": asdict(event.progress),
    }


def _candidate_found(event: CandidateFound) -> Document:
    return {"candidate": candidate_document(event.candidate)}


def _vote_changed(event: VoteChanged) -> Document:
    return {"votes": [vote_document(vote) for vote in event.votes], "certainty": event.certainty}


def _noticed(event: Noticed) -> Document:
    return {"text": event.text}


def _search_ended(event: SearchEnded) -> Document:
    return {"stop_reason": event.stop_reason, "progress": asdict(event.progress)}


_EVENTS: Final[Mapping[type, tuple[str, Callable[[Any], Document]]]] = MappingProxyType(
    {
        SearchStarted: ("search_started", _search_started),
        NodesAdded: ("nodes_added", _nodes_added),
        SimulationEnded: ("simulation_ended", _simulation_ended),
        CandidateFound: ("candidate_found", _candidate_found),
        VoteChanged: ("vote_changed", _vote_changed),
        Noticed: ("noticed", _noticed),
        SearchEnded: ("search_ended", _search_ended),
    }
)
"""Every kind of `SearchEvent` with its name on the wire."""
