"""Traces as JSON lines, `marco.trace/1`.

In: a `Trace`. Out: a line from which `trace.decoding` gets the same trace again, exactly: token ids, scores, visits, values.
What is needed to list traces stands at the front, before `settings`, so that a list need not read the trees.
"""

from dataclasses import asdict
from datetime import UTC

import numpy as np

from marco_cli.jsonl import encode as write_line
from marco_cli.search.base import Reply, SearchResult
from marco_cli.search.events_json import accounting_document, candidate_document, verdict_document, vote_document
from marco_cli.search.tree import Tree
from marco_cli.search.tree_json import plain_scores, to_plain
from marco_cli.trace.record import SCHEMA, Trace
from marco_cli.trace.vocabulary import to_plain as plain_vocabulary


def encode(trace: Trace) -> bytes:
    """Return a trace as one JSON line, line feed included."""
    result = trace.result
    tree = trace.tree
    front = {
        "schema": SCHEMA,
        "id": trace.id,
        "created": trace.created.astimezone(UTC).isoformat(timespec="milliseconds"),
        "marco": trace.version,
        "source": trace.source,
        "session": trace.session,
        "turn": trace.turn,
        "item": trace.item,
        "continues": trace.continues,
        "model": trace.model,
        "question": trace.question,
        "answer": None if trace.answer is None else trace.answer.canonical,
        "target": trace.target,
        "confidence": result.confidence if trace.reply.signals.num_tokens else None,
        "accounting": accounting_document(result),
    }
    problem = asdict(trace.problem)
    del problem["prompt_ids"], problem["question"]  # said by the tree and at the front
    evidence = {
        "settings": trace.settings,
        "seed": trace.seed,
        "config": trace.config,
        "routed": trace.is_routed,
        "messages": trace.messages,
        "problem": problem,
        "usage": result.usage,
        "votes": [vote_document(vote) for vote in result.votes],
        "candidates": [
            {**candidate_document(candidate), **_rest_of_reply(candidate.reply, tree, candidate.node_id)}
            for candidate in result.candidates
        ],
        "reply": _reply_or_candidate(result.reply, result, tree),
        "first": None if result.first is None else _reply_or_candidate(result.first, result, tree),
        "grafted": trace.is_grafted,
        "thought_place": trace.thought_place,
        "tree": to_plain(tree, with_scores=True),
        "vocabulary": plain_vocabulary(trace.vocabulary),
    }
    return write_line(front | evidence)


def _reply_or_candidate(reply: Reply, result: SearchResult, tree: Tree) -> dict[str, object]:
    """Return a reply by the number of its candidate, or whole when it is not one."""
    for candidate in result.candidates:
        if candidate.reply is reply:
            return {"candidate": candidate.id}
    return {
        "candidate": None,
        "node": 0,
        "answer": None if reply.answer is None else reply.answer.canonical,
        "output": reply.output,
        "thought": reply.thought,
        "finish_reason": reply.finish_reason,
        "forced": reply.is_forced,
        "truncated": reply.is_truncated,
        "signals": asdict(reply.signals),
        "check": verdict_document(reply.verdict),
        **_rest_of_reply(reply, tree, 0),
    }


def _rest_of_reply(reply: Reply, tree: Tree, node_id: int) -> dict[str, object]:
    """Return what of a reply neither `candidate_document` nor the path to its node says."""
    path = tree.tokens(tree[node_id])
    is_shared = len(path) <= len(reply.tokens) and bool((path.ids == reply.tokens.ids[: len(path)]).all())
    shared = len(path) if is_shared else 0
    data = tree.data(tree[node_id]) if shared else b""
    tail = reply.tokens[shared:]
    rest: dict[str, object] = {
        "read": None if reply.answer is None else asdict(reply.answer),
        "has_tags": reply.has_tags,
        "shared": shared,
        "tail": None,
    }
    text = reply.data.removeprefix(data) if reply.data.startswith(data) else None
    if len(tail) or text is None or text:
        rest["tail"] = {
            "ids": tail.ids.tolist(),
            "forced": np.flatnonzero(~tail.is_sampled).tolist(),
            "text": "" if text is None else text.decode(errors="replace"),
            "scores": plain_scores(tail),
        }
    if text is None or text.decode(errors="replace").encode() != text:
        rest["bytes"] = reply.data.hex()
    return rest
