"""An output row: what became of an input row, as a JSON object with the same keys whatever happened.

In: a row with the `SearchResult` of its question, or with an error. Out: the object, its bytes in one of two formats, and,
for a run that goes on, what an output row says about itself. Everything that depends on the machine and the moment is
under `timing`.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any, Final, Literal

from marco_cli import jsonl
from marco_cli.answer import Answer
from marco_cli.batch.entries import JournalEntry
from marco_cli.batch.failures import Reason
from marco_cli.batch.rows import BadRow, BatchRow, row_key
from marco_cli.config.settings import Settings
from marco_cli.errors import InputError, MarcoError
from marco_cli.search.base import Reply, SearchResult
from marco_cli.search.events_json import verdict_document

Status = Literal["ok", "error", "no_output", "abstained"]
Format = Literal["marco", "openai"]

FAILED: Final[tuple[Status, ...]] = ("error", "no_output")
"""Statuses that make a run incomplete, and that `--retry-errors` tries again."""

_NOWHERE_ELSE: Final = ("v", "status", "line", "answer", "check", "confidence", "finish_reason", "votes", "search", "preset", "strategy", "seed",
                        "timing", "input_sha256", "meta")  # fmt: skip
"""Keys that the OpenAI format has no place for; they stand under `marco`."""

Document = dict[str, Any]


def answered_row(
    row: BatchRow,
    *,
    result: SearchResult,
    settings: Settings,
    model: str,
    num_prompt_tokens: int,
    min_confidence: float | None,
) -> Document:
    """Return the output row of an answered question.

    Its status is `no_output` when the reply has none, `abstained` when its confidence is below `min_confidence`, else `ok`.
    """
    reply = result.reply
    status: Status = "ok" if reply.output else "no_output"
    if reply.output and min_confidence is not None and result.confidence < min_confidence:
        status = "abstained"
    return {
        **_head(row, status),
        "output": reply.output or None,
        "thought": reply.thought or None,
        "answer": _canonical(reply.answer),
        "check": verdict_document(reply.verdict),
        "confidence": result.confidence if reply.signals.num_tokens else None,
        "finish_reason": reply.ending,
        "votes": _votes(result),
        "error": None,
        "model": model,
        "preset": settings.preset,
        "strategy": result.strategy,
        "seed": settings.seed,
        "search": _search(result),
        "usage": {
            "prompt_tokens": num_prompt_tokens,
            "reasoning_tokens": reply.num_thought_tokens,
            "output_tokens": reply.num_output_tokens,
            "decoded_tokens": result.usage.decoded,
        },
        "timing": {
            "seconds": result.seconds,
            "tokens_per_second": result.usage.decoded / result.seconds if result.seconds else None,
            "reused_tokens": result.usage.reused,
            "batch_width": result.usage.mean_batch_width,
        },
        **_tail(row),
    }


def _votes(result: SearchResult) -> list[Document]:
    return [
        {"answer": _canonical(vote.answer), "weight": vote.weight, "paths": len(vote.candidate_ids)}
        for vote in result.votes
    ]


def _search(result: SearchResult) -> Document:
    return {
        "stop_reason": result.ending,
        "simulations": result.num_simulations,
        "certainty": result.certainty,
        "escalated": result.first is not None,
        "first_answer": None if result.first is None else _canonical(result.first.answer),
    }


def reason_of_error(error: Exception) -> Reason:
    """Return why a row failed; of a bug, its type as well."""
    if isinstance(error, MarcoError):
        return Reason(error.message, error.hint)
    return Reason(f"{type(error).__name__}: {error}")


def reason_of_silence(reply: Reply) -> Reason:
    """Return why a reply has no output."""
    if reply.finish_reason == "loop":
        return Reason("the reply repeats itself and has no output", "another --seed or --temperature may help")
    if reply.finish_reason in ("eos", "stop"):
        return Reason("the reply ended without an output", "is this the model's --preset?")
    return Reason(
        "the reply was cut before its output",
        "more --max-tokens or --time-limit, or fewer --max-thought-tokens, leave room for it",
    )


def failed_row(row: BatchRow | BadRow, error: Exception, *, settings: Settings | None, model: str) -> Document:
    """Return the output row of a row without an answer."""
    code = error.code if isinstance(error, MarcoError) else "internal"
    return {
        **_head(row, "error"),
        **dict.fromkeys(("output", "thought", "answer", "check", "confidence", "finish_reason")),
        "votes": [],
        "error": {"type": code, "message": reason_of_error(error).message},
        "model": model,
        "preset": None if settings is None else settings.preset,
        "strategy": None,
        "seed": None if settings is None else settings.seed,
        "search": None,
        "usage": None,
        "timing": None,
        **_tail(row),
    }


def encode_row(document: Document, form: Format) -> bytes:
    """Return a row as a line."""
    return jsonl.encode(document if form == "marco" else _openai(document))


def read_entry(value: object) -> JournalEntry:
    """Read what a line of an output file, of either format, is the answer to.

    Raises:
        InputError: it is not an output row.
    """
    row = value if isinstance(value, dict) else {}
    inner = row.get("marco")
    own: Mapping[str, object] = inner if isinstance(inner, dict) else row
    row_id = row.get("id" if own is row else "custom_id")
    status, digest = own.get("status"), own.get("input_sha256")
    if row_id is None or not isinstance(status, str) or not isinstance(digest, str):
        raise InputError("no row that marco batch wrote")
    check = own.get("check")
    is_verified = isinstance(check, dict) and check.get("judgement") == "right"
    return JournalEntry(key=row_key(row_id), input_hash=digest, status=sys.intern(status), is_verified=is_verified)


def _head(row: BatchRow | BadRow, status: Status) -> Document:
    return {"v": 1, "id": row.id, "line": row.line, "status": status}


def _tail(row: BatchRow | BadRow) -> Document:
    return {"input_sha256": row.input_hash, "meta": row.meta}


def _canonical(answer: Answer | None) -> str | None:
    return None if answer is None else answer.canonical


def _openai(document: Document) -> Document:
    """Return a row in the envelope of the OpenAI Batch interface; what that has no word for stands under `marco`."""
    name = f"batch_req_{document['input_sha256'][:32]}"
    error = document["error"]
    return {
        "id": name,
        "custom_id": document["id"],
        "response": None if error else {"status_code": 200, "request_id": name, "body": _completion(document, name)},
        "error": {"code": error["type"], "message": error["message"]} if error else None,
        "marco": {key: document[key] for key in _NOWHERE_ELSE},
    }


def _completion(document: Document, name: str) -> Document:
    usage = document["usage"]
    written = usage["reasoning_tokens"] + usage["output_tokens"]
    message = {
        "role": "assistant",
        "content": document["output"],
        "reasoning_content": document["thought"],
        "refusal": None,
    }
    # OpenAI's clients know two words for it; the exact one stands under `marco`.
    reason = "stop" if document["finish_reason"] == "stop" else "length"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {
        "id": name,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": document["model"],
        "choices": [choice],
        "usage": {
            "prompt_tokens": usage["prompt_tokens"],
            "completion_tokens": written,
            "total_tokens": usage["prompt_tokens"] + written,
            "completion_tokens_details": {"reasoning_tokens": usage["reasoning_tokens"]},
        },
    }
