"""A search as one page: the tree to unfold and to pan, every token with its confidence, candidates and votes.

In: a trace. Out: HTML that loads nothing. Everything that came from a model, a file or a user is data in a JSON block in which
`<`, `>` and `&` are escaped, and the page puts it into text nodes only; a content security policy that names the hashes of the
page's own style and script forbids everything else. Texts are kept once, in a table, and tokens are numbers into it.

What the page looks like and does is in `html/`: its markup, its style, and its script in parts that are put one behind the other.
"""

import codecs
import hashlib
import re
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import Tokens
from marco_cli.search.base import Candidate
from marco_cli.trace.export.base import Caption, Export, Options, cropped, json_block, visible
from marco_cli.trace.fields import is_correct
from marco_cli.trace.record import Trace

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
SCRIPTS: Final = (
    "search", "text", "layout", "camera", "drawing", "details", "selection", "outcome", "input", "page",
)  # fmt: skip
"""The parts of the page's script, each under one name and knowing only those before it; the last one begins."""
_FORCED, _TERMINAL, _CLOSED, _FALSE = 1, 2, 4, 8
_DOUBTFUL: Final = 0.9
"""Alternatives are told of tokens whose confidence is below this; the others have none worth telling."""
# Means of a step lie near 1: one shade for all below 0.6 leaves the others for what differs.
_BOUNDS: Final = (0.0, 0.6, 0.7, 0.8, 0.9)
SHADES: Final = ("#b4bec4", "#c2410c", "#d9822b", "#d6ab3d", "#7aa874", "#2e8b74")
"""Colours of steps: where nothing was sampled, then from each of the bounds on, from doubtful to sure."""


def write(traces: Iterable[Trace], options: Options) -> Iterator[Export]:
    """Yield one page a trace."""
    for trace in traces:
        yield Export(trace_id=trace.id, data=page(trace, options.captions(trace)).encode(errors="replace"))


def page(trace: Trace, captions: Sequence[Caption]) -> str:
    """Return the whole page."""
    style = _part("page.css")
    script = "\n".join(('"use strict";', *(_part(f"{name}.js") for name in SCRIPTS)))
    reply = trace.reply
    answer = trace.answer.shown if trace.answer else cropped(reply.output, 300) or "no output"
    texts = {
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "title": _escaped(f"marco · {cropped(trace.question, 80)}"),
        "question": _escaped(trace.question),
        "answer": _escaped(answer + _verdict(trace)),
        "about": _escaped(
            f"{trace.model.name} · {trace.result.strategy} · {trace.created:%Y-%m-%d %H:%M} UTC · {trace.id}"
        ),
        "data": json_block(_Data(trace, captions).document()),
    }
    return _PLACE.sub(lambda place: texts[place[1]], _part("page.html"))


class _Data:
    """What the script reads."""

    def __init__(self, trace: Trace, captions: Sequence[Caption]) -> None:
        self._trace = trace
        self._captions = captions
        self._numbers: dict[str, int] = {}

    def document(self) -> dict[str, object]:
        """Return it as plain values."""
        trace = self._trace
        nodes = self._nodes()
        candidates = [self._candidate(candidate) for candidate in trace.candidates]
        others = self._others()
        return {
            "id": trace.id,
            "question": trace.question,
            "nameless": "free text" if trace.problem.is_free_form else "no answer",
            "nodes": nodes,
            "others": others,
            "candidates": candidates,
            "votes": [
                {
                    "answer": None if vote.answer is None else vote.answer.canonical,
                    "weight": round(vote.weight, 6),
                    "candidates": vote.candidate_ids,
                }
                for vote in trace.votes
            ],
            "best": [node.id for node in trace.best_path()],
            "facts": _facts(trace),
            "shades": SHADES,
            "doubtful": round(1000 * _DOUBTFUL),
            "strings": list(self._numbers),
        }

    def _nodes(self) -> dict[str, object]:
        nodes = self._trace.tree.nodes
        tokens = [self._tokens(node.step.tokens, node.step.data) for node in nodes]
        count = len(self._trace.candidates)
        return {
            "parent": [-1 if node.parent is None else node.parent.id for node in nodes],
            "visits": [node.visits for node in nodes],
            "value": [round(node.value, 4) for node in nodes],
            "confidence": [None if node.confidence is None else round(node.confidence, 4) for node in nodes],
            "shade": [shade_of(node.confidence) for node in nodes],
            "flags": [
                _FORCED * (node.step.is_forced and node.parent is not None)
                + _TERMINAL * node.is_terminal
                + _CLOSED * node.is_closed
                + _FALSE * self._captions[node.id].is_false
                for node in nodes
            ],
            "candidate": [
                -1 if node.candidate_id is None or node.candidate_id >= count else node.candidate_id for node in nodes
            ],
            "caption": [self._number(caption.text) for caption in self._captions],
            "slip": {
                str(node.id): self._number(self._captions[node.id].slip)
                for node in nodes
                if self._captions[node.id].slip
            },
            "text": [text for text, _ in tokens],
            "sure": [sure for _, sure in tokens],
        }

    def _tokens(self, tokens: Tokens, data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return texts and confidences in thousandths, -1 where forced; one piece when the tokens' texts are not known.

        Arrays are written a hundred times faster than lists.
        """
        pieces = self._trace.vocabulary.cut(tokens, data)
        scored = tokens.confidence
        if pieces is None:
            known = scored[tokens.is_sampled]
            mean = round(1000 * float(known.mean())) if len(known) else -1
            return np.array([self._number(data.decode(errors="replace"))]), np.array([mean])
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        last = len(pieces) - 1
        texts = [decoder.decode(piece, final=at == last) for at, piece in enumerate(pieces)]
        sure = np.where(np.isnan(scored), -1, np.rint(1000 * np.nan_to_num(scored))).astype(np.int64)
        return np.array([self._number(text) for text in texts], dtype=np.int64), sure

    def _others(self) -> dict[str, dict[str, list[list[int]]]]:
        """Return, by node and token, the likeliest tokens with their probabilities, where the model was in doubt."""
        found: dict[str, dict[str, list[list[int]]]] = {}
        vocabulary = self._trace.vocabulary
        for node in self._trace.tree.nodes:
            tokens = node.step.tokens
            if vocabulary.cut(tokens, node.step.data) is None:
                continue
            for at in np.flatnonzero(tokens.is_sampled & (tokens.confidence < _DOUBTFUL)).tolist():
                shares = np.rint(1000 * np.exp(tokens.top_logprobs[at])).astype(int).tolist()
                row = [
                    [self._number((vocabulary.piece(token) or b"?").decode(errors="replace")), share]
                    for token, share in zip(tokens.top_ids[at].tolist(), shares, strict=True)
                    if share > 0
                ]
                found.setdefault(str(node.id), {})[str(at)] = row
        return found

    def _candidate(self, candidate: Candidate) -> dict[str, object]:
        reply = candidate.reply
        notes = (
            "forced" * reply.is_forced,
            "cut" * reply.is_truncated,
            f"{1 + candidate.repeats} times" * (candidate.repeats > 0),
        )
        node = self._trace.tree[candidate.node_id]
        rest = reply.data[len(self._trace.tree.data(node)) :]
        text, sure = self._tokens(reply.tokens[node.num_tokens :], rest)
        return {
            "answer": None if reply.answer is None else reply.answer.canonical,
            "node": candidate.node_id,
            "confidence": round(reply.signals.confidence, 4),
            "reward": round(candidate.reward, 4),
            "tokens": len(reply.tokens),
            "note": " ".join(filter(None, notes)),
            "rest": {"text": text, "sure": sure} if rest else None,
        }

    def _number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))


def shade_of(confidence: float | None) -> int:
    """Return the place in `SHADES` of the mean confidence of a step, in [0, 1]; None, where nothing was sampled, has place 0."""
    return 0 if confidence is None else bisect_right(_BOUNDS, confidence)


def _facts(trace: Trace) -> list[tuple[str, str]]:
    result, usage = trace.result, trace.result.usage
    most = "" if result.max_simulations is None else f" of {result.max_simulations}"
    facts = [
        ("strategy", result.strategy),
        ("simulations", f"{result.num_simulations}{most}"),
        ("stopped", f"{result.stop_reason}, certainty {result.certainty:.2f}"),
        ("tokens", f"{usage.decoded} decoded, {usage.prefilled} prefilled, {usage.reused} reused"),
        ("time", f"{result.seconds:.1f} s"),
        ("step, seed", f"{trace.config.step}, {trace.seed}"),
        ("reward, vote", f"{trace.config.reward_name}, {trace.config.vote_name}"),
        ("model", " ".join(filter(None, (trace.model.repo, trace.model.file)))),
        ("sha256", trace.model.sha256 or "unknown"),
        ("target", trace.target or ""),
        ("made by", f"marco {trace.version} {trace.source}"),
        ("notices", "; ".join(result.notices)),
    ]
    return [(name, value) for name, value in facts if value]


def _verdict(trace: Trace) -> str:
    correct = is_correct(trace)
    return "" if correct is None else " (right)" if correct else f" (wrong: {trace.target})"


def _part(name: str) -> str:
    return files("marco_cli.trace.export").joinpath("html", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _escaped(text: str) -> str:
    return escape(visible(text).encode(errors="replace").decode())
