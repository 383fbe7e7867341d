"""What a search costs: ours, written by hand on the same library, over llama.cpp's own server, and with optillm.

    python benchmarks/search_speed.py --dir ~/.cache/marco-benchmarks --server llama-server --optillm optillm --json FILE

One workload on a Qwen2-0.5B-shaped Q8_0 model of random weights: a prompt of 200 tokens, replies of 200, branching 3, 16
simulations, every sampled token with the five most likely ones. The tree is that of the real `search` with `mcts` in
steps of 32 tokens (random weights never end a step by themselves); everybody else gets the same tree to do, rollout by
rollout, each with the token ids that it continues and the number of tokens that it lacks, and need not think:

    search @P         ours with P simulations at once, from the first selection to the vote
    by hand           Llama.create_completion(logprobs=5) in a loop: the first tokens of the first rollout, then scaled
    server @P         llama-server with its prompt cache, P slots and P requests at once, n_probs=5
    server plain @P   the same without log-probabilities: not what a search needs, but what the server can do
    optillm mcts      optillm's mcts over the same server (2 simulations, its default, or as many as asked for), replies of at most 200 tokens
    optillm self      optillm's self_consistency over it (5 samples)

`s/rollout` is seconds per finished reply; where only a part was measured it is scaled to the mean rollout by its sampled
tokens. optillm prompts for judgements as well as for answers; each 200 tokens of its completions count as one rollout, which
favours it. `evaluated` is rows that went through the model over tokens that differ. The ways take turns; with a JSON file
that exists the samples are added to those that are there, so repeats may be spread over several runs.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import llama_cpp as llama
import random_gguf  # type: ignore[import-not-found]  # beside this script
from engine_speed import alone, machine  # type: ignore[import-not-found]  # beside this script
from serving import free_port, generated, post, serving  # type: ignore[import-not-found]  # beside this script

from marco_cli.engine.base import SamplingParams
from marco_cli.engine.hardware import physical_cores
from marco_cli.engine.llamacpp import LlamaOptions, open_engine
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.solve import search
from marco_cli.sections import NONE

PROMPT = 200
REPLY = 200
SIMULATIONS = 16
BRANCHING = 3
WARM = SamplingParams(temperature=0.8, top_k=40)
BY_HAND = 16
"""Tokens measured of `by hand`: at some four a second more would only cost time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured, and with what."""

    path: Path
    threads: int
    parallel: tuple[int, ...]
    every: int
    """Of `server @1` only each so many-th rollout is done."""
    only: tuple[str, ...]
    """Ways to measure; none are all."""
    server: str | None
    optillm: str | None
    optillm_simulations: int

    def wants(self, way: str) -> bool:
        """Say whether a way is to be measured."""
        return not self.only or way in self.only


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What one simulation has to generate."""

    ids: tuple[int, ...]
    """Prompt and the reply so far."""
    num_new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement of one way."""

    way: str
    seconds_per_rollout: float
    rollouts: float
    """Measured, in whole replies."""
    evaluated: float | None = None
    """Rows evaluated for each token that differs; None where nobody tells."""


def measure_search(setting: Setting, parallel: int) -> tuple[Sample, list[Rollout]]:
    """Run the real search, and return what each reply had to generate; the model has answered once before."""

    async def main() -> tuple[Sample, list[Rollout]]:
        options = LlamaOptions(cells=8192, max_num_seqs=max(parallel, 16), threads=setting.threads, gpu_layers=0)
        engine = open_engine(setting.path, options)
        problem = Problem(prompt_ids=prompt(), tags=NONE, max_tokens=REPLY)
        config = SearchConfig(
            strategy="mcts",
            simulations=SIMULATIONS,
            sampling=WARM,
            parallel=parallel,
            certainty=1,
            step="mini32",
            max_children=BRANCHING,
            root_children=BRANCHING,
            min_doubt=0,
        )
        warm_up = Problem(prompt_ids=(1, 2, 3), tags=NONE, max_tokens=2)
        await search(warm_up, SearchContext(engine=engine), SearchConfig(strategy="cot", simulations=1))
        started = time.perf_counter()
        result = await search(problem, SearchContext(engine=engine), config)
        seconds = time.perf_counter() - started
        await engine.close()
        if result.tree is None or len(result.candidates) != SIMULATIONS:
            raise SystemExit(f"{len(result.candidates)} replies of {SIMULATIONS}: {result.stop_reason}")
        unique = PROMPT + sum(len(node.step.tokens) for node in result.tree.nodes)
        sample = Sample(
            way=f"search @{parallel}",
            seconds_per_rollout=seconds / SIMULATIONS,
            rollouts=SIMULATIONS,
            evaluated=result.usage.evaluated / unique,
        )
        return sample, rollouts_of(result)

    return asyncio.run(main())


def prompt() -> tuple[int, ...]:
    """Return a prompt of bytes."""
    return tuple(Random(1).choices(range(65, 91), k=PROMPT))


def rollouts_of(result: SearchResult) -> list[Rollout]:
    """Return what each reply of a search had to generate, in the order in which they ended."""
    rollouts = []
    for candidate in result.candidates:
        ids = candidate.reply.tokens.ids.tolist()
        num_new = round(candidate.fresh * len(ids))
        rollouts.append(Rollout(ids=(*prompt(), *ids[: len(ids) - num_new]), num_new=num_new))
    return rollouts


def mean_new(rollouts: Sequence[Rollout]) -> float:
    """Return the tokens that a rollout samples on average."""
    return statistics.fmean(rollout.num_new for rollout in rollouts)


def measure_by_hand(setting: Setting, rollouts: Sequence[Rollout]) -> Sample:
    """Time the first tokens of a completion with log-probabilities, on a prompt that is in the cache."""
    threads = setting.threads
    model = llama.Llama(
        str(setting.path), n_ctx=512, n_threads=threads, n_threads_batch=threads, logits_all=True, verbose=False
    )
    ids = list(rollouts[0].ids)
    model.create_completion(ids, max_tokens=1, logprobs=5, temperature=0.8, top_k=40)
    started = time.perf_counter()
    model.create_completion(ids, max_tokens=BY_HAND, logprobs=5, temperature=0.8, top_k=40, seed=1)
    seconds = time.perf_counter() - started
    model.close()
    return Sample(
        way="by hand", seconds_per_rollout=seconds / BY_HAND * mean_new(rollouts), rollouts=BY_HAND / mean_new(rollouts)
    )


def server_command(setting: Setting, *, slots: int, port: int, context: int = 1024) -> list[str]:
    """Return llama-server's command line: its own defaults, but for the size."""
    size = ["-c", str(slots * context), "-np", str(slots), "-t", str(setting.threads)]
    return [
        str(setting.server),
        "-m",
        str(setting.path),
        *size,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--metrics",
    ]


def measure_server(setting: Setting, rollouts: Sequence[Rollout], *, slots: int, probs: int, every: int = 1) -> Sample:
    """Let the server do the rollouts (or every n-th), `slots` at once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    fixed = {"n_probs": probs, "temperature": 0.8, "top_k": 40, "cache_prompt": True, "ignore_eos": True}

    def complete(rollout: Rollout) -> tuple[int, int]:
        done = post(f"{url}/completion", {"prompt": list(rollout.ids), "n_predict": rollout.num_new, **fixed})
        return done["timings"]["prompt_n"], done["timings"]["predicted_n"]

    wanted = rollouts[::every]
    with serving(server_command(setting, slots=slots, port=port), f"{url}/health"):
        complete(Rollout(ids=(1, 2, 3), num_new=2))
        started = time.perf_counter()
        with ThreadPoolExecutor(slots) as pool:
            counts = list(pool.map(complete, wanted))
        seconds = time.perf_counter() - started
    predicted = sum(count for _, count in counts)
    read = sum(count for count, _ in counts)
    return Sample(
        way=f"server{'' if probs else ' plain'} @{slots}",
        seconds_per_rollout=seconds / predicted * mean_new(rollouts),
        rollouts=predicted / mean_new(rollouts),
        evaluated=(read + predicted) / (PROMPT + predicted) if every == 1 else None,
    )


def measure_optillm(setting: Setting, approach: str, options: dict[str, Any]) -> Sample:
    """Put one question to optillm over the server, and count what the server generated."""
    port, front = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(setting.optillm), "--approach", approach, "--base-url", f"{url}/v1", "--model", "m"]
    question = bytes(prompt()).decode()
    body = {"model": "m", "messages": [{"role": "user", "content": question}], "max_tokens": REPLY, **options}
    with (
        serving(server_command(setting, slots=4, port=port, context=8192), f"{url}/health"),
        serving(
            [*command, "--host", "127.0.0.1", "--port", str(front)],
            f"http://127.0.0.1:{front}/health",
            {"OPENAI_API_KEY": "none"},
        ),
    ):
        before, started = generated(url), time.perf_counter()
        post(f"http://127.0.0.1:{front}/v1/chat/completions", body)
        seconds = time.perf_counter() - started
        rollouts = (generated(url) - before) / REPLY
    return Sample(
        way=f"optillm {approach.partition('_')[0]}", seconds_per_rollout=seconds / rollouts, rollouts=rollouts
    )


Trees = dict[int, list[Rollout]]
"""Simulations at once → what each of them had to generate."""


def measure(setting: Setting, trees: Trees) -> Iterator[Sample]:
    """Let every way take its turn once, in a process of its own."""
    for parallel in setting.parallel:
        if setting.wants(f"search @{parallel}") or parallel not in trees:
            sample, trees[parallel] = alone(measure_search, setting, parallel)
            yield sample
    if setting.wants("by hand"):
        yield alone(measure_by_hand, setting, trees[setting.parallel[0]])
    if setting.server is not None:
        yield from measure_servers(setting, trees)
    if setting.server is not None and setting.optillm is not None:
        for approach, options in (
            ("mcts", {"mcts_simulations": setting.optillm_simulations}),
            ("self_consistency", {}),
        ):
            if setting.wants(f"optillm {approach.partition('_')[0]}"):
                yield measure_optillm(setting, approach, options)


def measure_servers(setting: Setting, trees: Trees) -> Iterator[Sample]:
    """Let llama-server take its turns."""
    if setting.wants("server @1"):
        yield measure_server(setting, trees[setting.parallel[0]], slots=1, probs=5, every=setting.every)
    for parallel in setting.parallel:
        for probs in (5, 0):
            if setting.wants(f"server{'' if probs else ' plain'} @{parallel}"):
                yield measure_server(setting, trees[parallel], slots=parallel, probs=probs)


def table(samples: Sequence[Sample]) -> str:
    """Return medians, least and most, and how many times faster our best is."""
    ways: dict[str, list[Sample]] = {}
    for sample in samples:
        ways.setdefault(sample.way, []).append(sample)
    medians = {way: statistics.median(s.seconds_per_rollout for s in taken) for way, taken in ways.items()}
    ours = min((median for way, median in medians.items() if way.startswith("search")), default=float("nan"))
    lines = [
        "| way | s/rollout | least | most | times our best | evaluated | repeats |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for way, taken in ways.items():
        seconds = [sample.seconds_per_rollout for sample in taken]
        shares = [sample.evaluated for sample in taken if sample.evaluated is not None]
        share = f"{statistics.median(shares):.3f}" if shares else ""
        lines.append(
            f"| {way} | {medians[way]:.2f} | {min(seconds):.2f} | {max(seconds):.2f} "
            f"| {medians[way] / ours:.2f} | {share} | {len(taken)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the command line, measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where the generated model is kept")
    parser.add_argument("--shape", choices=random_gguf.SHAPES, default="0.5B")
    parser.add_argument("--type", choices=random_gguf.TYPES, default="q8_0")
    parser.add_argument("--server", metavar="PATH", help="llama.cpp's llama-server")
    parser.add_argument("--optillm", metavar="PATH", help="optillm, of an environment of its own")
    parser.add_argument("--optillm-simulations", type=int, default=2, help="of optillm's mcts")
    parser.add_argument("--parallel", type=int, nargs="+", default=[4, 16], help="simulations or requests at once")
    parser.add_argument("--only", nargs="+", metavar="WAY", help="measure these ways alone, as the table calls them")
    parser.add_argument("--every", type=int, default=4, help="of `server @1` do only each so many-th rollout")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--json", type=Path, help="add the samples to this file")
    arguments = parser.parse_args()
    arguments.dir.mkdir(parents=True, exist_ok=True)
    path = arguments.dir / f"random-{arguments.shape}-{arguments.type}.gguf"
    if not path.exists():
        random_gguf.write(path, random_gguf.SHAPES[arguments.shape], arguments.type)
    samples: list[Sample] = []
    trees: Trees = {}
    if arguments.json is not None and arguments.json.exists():
        earlier = json.loads(arguments.json.read_text(encoding="utf-8"))
        samples += [Sample(**sample) for sample in earlier["samples"]]
        for parallel, rollouts in earlier["trees"].items():
            trees[int(parallel)] = [Rollout(ids=tuple(each["ids"]), num_new=each["num_new"]) for each in rollouts]
    setting = Setting(
        path=path,
        threads=arguments.threads,
        parallel=tuple(arguments.parallel),
        every=arguments.every,
        only=tuple(arguments.only or ()),
        server=arguments.server,
        optillm=arguments.optillm,
        optillm_simulations=arguments.optillm_simulations,
    )
    facts = machine(arguments.threads)
    for repeat in range(arguments.repeats):
        for sample in measure(setting, trees):
            samples.append(sample)
            print(f"repeat {repeat + 1}/{arguments.repeats}: {sample}", flush=True)
            if arguments.json is not None:
                report = {
                    "model": path.name,
                    "machine": facts,
                    "samples": [asdict(each) for each in samples],
                    "trees": {parallel: [asdict(each) for each in rollouts] for parallel, rollouts in trees.items()},
                }
                arguments.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(f"\n{facts}\n\n{table(samples)}\n", flush=True)


if __name__ == "__main__":
    main()
