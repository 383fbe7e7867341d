"""From a token prefix to a finished reply.

In: a problem, the part of the reply that exists already, and how to sample. Out: a `Reply`. This is how every strategy
and the plain chain of `marco ask` generate; nothing here knows trees, budgets or votes.

A thought that does not end by itself is closed by force: its closing tag and the opening tag of the output are fed as forced
tokens and the output is written from a reserve, so that a paid rollout always yields an answer.
"""

from marco_cli.engine.base import GREEDY, SamplingParams, TokenListener, Tokens
from marco_cli.search.base import Problem, Reply
from marco_cli.search.decoder import Decoder
from marco_cli.search.growing import GrowingReply
from marco_cli.search.limits import RolloutLimits, reply_limit, thought_limit
from marco_cli.search.program import Interpreter
from marco_cli.search.watch import StepListener

NOTHING = Tokens.forced(())
"""A reply that has not begun."""


async def rollout(
    problem: Problem,
    *,
    engine: Decoder,
    prefix: Tokens = NOTHING,
    forced_ids: tuple[int, ...] = (),
    sampling: SamplingParams = GREEDY,
    seed: int = 0,
    on_token: TokenListener | None = None,
    limits: RolloutLimits | None = None,
    on_step: StepListener | None = None,
    is_corrected: bool = False,
    interpreter: Interpreter | None = None,
) -> Reply:
    """Continue `prefix` + `forced_ids` to the end of the reply.

    Args:
        problem: the prompt and the format of its reply.
        engine: who generates.
        prefix: the reply so far; it keeps its scores.
        forced_ids: fed before sampling begins, unscored (a reflection phrase).
        sampling: how tokens are drawn, also in the output after a forced close.
        seed: the random stream of the rollout.
        on_token: hears every new token, forced ones included.
        limits: what may end it early. One that is given up comes back truncated and without an output.
        on_step: sees the reply grow. Every step is then a request of its own, so the sampling must be greedy: a random
            stream would begin anew with each.
        is_corrected: whether false arithmetic is put right as soon as it is written: the reply is cut before the wrong number,
            and goes on behind the right one, which is forced. `on_token` has heard what was cut.
        interpreter: runs the program of a reply that answers with one. If that fails, the reply comes back truncated and
            without an output.

    Raises:
        ContextOverflowError: the prompt leaves no room for a reply.
        DecodeError: the model refused to evaluate it.
    """
    limit = reply_limit(problem, engine.context_size)
    growing = GrowingReply(
        problem=problem,
        engine=engine,
        sampling=sampling,
        seed=seed,
        on_token=on_token,
        limits=limits,
        on_step=on_step,
        is_corrected=is_corrected,
        interpreter=interpreter,
        tokens=prefix,
    )
    reserve = min(problem.output_reserve, limit // 2)
    used = len(prefix) + len(forced_ids)
    if forced_ids or not growing.has_ended_before():
        await growing.sample(forced_ids, max_tokens=limit - used, thought_tokens=thought_limit(problem, engine) - used)
    if growing.lacks_output:
        left = limit - len(growing.tokens) - len(engine.tokenize(growing.closing, special=True))
        most = left if limits is None else limits.output_room()
        # The reserve is for thoughts that left no more; an output after one that ended early is braked as any other.
        allowance = left if most > 0 and growing.is_thought_used_up else min(reserve, left, most)
        await growing.close_by_force(max_tokens=allowance)
    return growing.reply()


def read_reply(problem: Problem, *, engine: Decoder, tokens: Tokens) -> Reply:
    """Return the reply that consists of these tokens and has ended with the last of them."""
    return GrowingReply(problem=problem, engine=engine, tokens=tokens, finish_reason="eos").reply()
