"""What a question came to, for machines (`--json`, `"v": 1`) and in a few lines for people (`-v`)."""

from dataclasses import dataclass

from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.events_json import result_document, verdict_document
from marco_cli.solver import Solver
from marco_cli.trace.record import Trace


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """A question that was put to a solver, and what became of it."""

    problem: Problem
    result: SearchResult
    seconds: float
    """From the question to the end, loading aside."""
    is_output_shown: bool
    """Whether the output was already written while it came."""
    is_replaced: bool
    """Whether another output was, which a search has replaced."""
    was_interrupted: bool
    trace: Trace
    """All of it, whether it is kept or not."""


def ask_document(solver: Solver, answered: Answered, *, load_seconds: float, is_kept: bool) -> dict[str, object]:
    """Return the object of `marco ask --json`: every key is always there, null where there is nothing to say.

    `is_kept` says that the trace was saved, so that its id means something.
    """
    result, usage = answered.result, solver.engine.usage
    reply = result.reply
    return {
        "v": 1,
        "output": reply.output or None,
        "thought": reply.thought or None,
        "answer": reply.answer.canonical if reply.answer else None,
        "check": verdict_document(reply.verdict),
        "confidence": result.confidence if reply.signals.num_tokens else None,
        "finish_reason": reply.ending,
        "stop_reason": "interrupted" if answered.was_interrupted else result.ending,
        "model": solver.model.name,
        "preset": solver.plan.settings.preset,
        "seed": solver.plan.settings.seed,
        "trace": answered.trace.id if is_kept else None,
        "usage": {
            "prompt_tokens": len(answered.problem.prompt_ids),
            "reused_tokens": usage.reused,
            "reasoning_tokens": reply.num_thought_tokens,
            "output_tokens": reply.num_output_tokens,
            "decoded_tokens": usage.decoded,
        },
        "timing": {
            "load_seconds": load_seconds,
            "answer_seconds": answered.seconds,
            "tokens_per_second": usage.decoded / answered.seconds if answered.seconds else None,
        },
        **result_document(result),
    }


def cost_lines(solver: Solver, answered: Answered, *, load_seconds: float) -> str:
    """Return how the model was loaded and what the work cost."""
    info, usage = solver.engine.info, solver.engine.usage
    settings = ", ".join(f"{name} {value}" for name, value in info.settings)
    rate = usage.decoded / answered.seconds if answered.seconds else 0.0
    return (
        f"model    {info.name} ({info.architecture}, {info.num_parameters / 1e6:.1f} M parameters); {settings}\n"
        f"tokens   {usage.decoded} decoded, {usage.prefilled} prefilled, {usage.reused} reused, "
        f"mean batch width {usage.mean_batch_width:.1f}\n"
        f"seconds  {load_seconds:.2f} to load, {answered.seconds:.2f} to answer "
        f"({rate:.0f} tokens/s; {usage.model_seconds:.2f} in the model)"
    )
