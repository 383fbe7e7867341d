"""Think again: Marco-o1's reflection (arXiv 2411.14405, "Reflection after Thinking").

The reply is rewound to before the tag that closes its thought, the phrase is fed as forced tokens, and the model goes on.
The earlier reply stays a candidate, so that both answers take part in the vote: on a small model, reflecting unasked breaks
about as many answers as it mends, and what gains is to rank the two by confidence.
"""

from collections.abc import Callable

from marco_cli.engine.base import SamplingParams, Tokens
from marco_cli.search.base import Candidate, Reply
from marco_cli.search.expansion import Expansion
from marco_cli.search.lanes import Lane
from marco_cli.search.limits import thought_limit
from marco_cli.search.run import Run, Simulation
from marco_cli.search.seeds import derive_seed
from marco_cli.search.tree import Node

Acceptor = Callable[[Simulation, Reply, int, int], Candidate | None]
"""`accept(simulation, reply, num_shared, reflects)`: take a reply whose first `num_shared` tokens are those of candidate
`reflects`."""

TreeAcceptor = Callable[[Simulation, Node, Reply, int], Candidate | None]
"""`accept(simulation, start, reply, reflects)`: the same for a tree that the reply leaves after the node `start`."""


def _accept(simulation: Simulation, reply: Reply, num_shared: int, reflects: int) -> Candidate | None:
    return simulation.accept(reply, fresh=1 - num_shared / max(1, len(reply.tokens)), reflects=reflects)


async def reflect(
    run: Run,
    lane: Lane,
    candidate: Candidate,
    *,
    seed: int,
    sampling: SamplingParams | None = None,
    accept: Acceptor = _accept,
) -> None:
    """Let a candidate be thought over, if the configuration says so.

    A reflection is a simulation of its own.
    """
    prefix = thought_tokens(run, candidate.reply) if _is_wanted(run, candidate) else None
    if prefix is None:
        return
    async with run.simulation(may_be_certain=False) as simulation:
        if simulation is not None:
            reply = await think_again(run, lane, prefix, seed=seed + 1, sampling=sampling)
            accept(simulation, reply, len(prefix), candidate.id)


async def reflect_in_tree(growth: Expansion, lane: Lane, candidate: Candidate, *, accept: TreeAcceptor) -> None:
    """Let a candidate that ends in a tree be thought over; what is new hangs on the deepest node before the phrase."""

    def accept_below(simulation: Simulation, reply: Reply, num_shared: int, reflects: int) -> Candidate | None:
        end = growth.tree[growth.run.candidates[reflects].node_id]
        return accept(simulation, end.within(num_shared), reply, reflects)

    seed = derive_seed(growth.run.config.seed, growth.tree[candidate.node_id].key, 0)
    await reflect(growth.run, lane, candidate, seed=seed, accept=accept_below)


async def think_again(
    run: Run, lane: Lane, prefix: Tokens, *, seed: int, sampling: SamplingParams | None = None
) -> Reply:
    """Feed the reflection phrase after an open thought and go on to the end of the reply."""
    return await run.rollout(lane, prefix=prefix, forced_ids=_phrase_ids(run, prefix), sampling=sampling, seed=seed)


def thought_tokens(run: Run, reply: Reply) -> Tokens | None:
    """Return the reply's tokens before its thought was closed.

    A token that holds the beginning of the tag is left out as a whole.

    Returns:
        None when no thought was closed, or there is no room to think on.
    """
    tag = (reply.tags or run.problem.tags).thought_close
    at = -1 if tag is None else reply.data.lower().rfind(tag.lower().encode())
    if at < 0:
        return None
    end = 0
    for row, token in enumerate(reply.tokens.ids.tolist()):
        end += len(run.engine.detokenize((token,)))
        if end > at:
            thought = reply.tokens[:row]  # without the token that the tag begins in
            return thought if _has_room(run, thought) else None
    return None


def _is_wanted(run: Run, candidate: Candidate) -> bool:
    mode = run.config.reflection
    return mode == "always" or (mode == "low-confidence" and run.ballot.is_doubtful(candidate.reply))


def _has_room(run: Run, thought: Tokens) -> bool:
    """Say whether the phrase and as many tokens again would fit after a thought."""
    return len(thought) + 2 * len(_phrase_ids(run, thought)) < thought_limit(run.problem, run.engine)


def _phrase_ids(run: Run, thought: Tokens) -> tuple[int, ...]:
    """Return the phrase as a line of its own, or a paragraph where the thought has paragraphs."""
    text = run.engine.detokenize(thought.ids.tolist()).decode("utf-8", errors="replace")
    gap = "\n\n" if "\n\n" in text.strip() else "\n"
    there = len(text) - len(text.rstrip("\n"))
    return run.engine.tokenize(f"{gap[there:]}{run.problem.reflection}{gap}")
