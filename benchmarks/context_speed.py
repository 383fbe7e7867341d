"""Decoding after long contexts: the engine beside a bare loop in each of llama.cpp's four ways. For `engine_speed.py --context`.

Each way reads one context and then has as many copies of it as there are requests, each in cells of its own, so that nothing but
decoding is timed. A line of the JSON Lines file is one way at one context in one repeat, with all widths; what is there already
is not measured again. Ratios are medians of those within a repeat.
"""

import asyncio
import ctypes
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import llama_cpp as llama
import numpy as np

from marco_cli.engine.base import GREEDY, Request, SamplingParams
from marco_cli.engine.llamacpp import LlamaOptions, open_engine

BARE = ("unified flash", "unified plain", "streams flash", "streams plain")
ENGINE = ("engine greedy", "engine sampled")
BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured."""

    path: Path
    threads: int
    num_tokens: int
    widths: tuple[int, ...]
    contexts: tuple[int, ...]
    repeats: int


def context_of(length: int) -> list[int]:
    """Return tokens at random, the same each time."""
    return Random(1).choices(range(200, 500), k=length)


def measure_bare(setting: Setting, way: str, context: int) -> dict[int, float]:
    """Return the tokens per second of a loop over `llama_decode`, by width."""
    layout, attention = way.split()
    silent = llama.llama_log_callback(lambda _level, _text, _data: None)
    llama.llama_log_set(silent, None)
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(str(setting.path).encode(), llama.llama_model_default_params())
    params = llama.llama_context_default_params()
    params.n_seq_max = max(setting.widths)
    params.n_ctx = params.n_seq_max * -(-(context + setting.num_tokens + 1) // 256) * 256
    params.n_batch = params.n_ubatch = max(BATCH, params.n_seq_max)
    params.n_threads = params.n_threads_batch = setting.threads
    params.kv_unified = layout == "unified"
    params.flash_attn_type = (
        llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if attention == "flash" else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    params.no_perf = True
    opened = llama.llama_init_from_model(model, params)
    memory = llama.llama_get_memory(opened)
    batch = llama.llama_batch_init(params.n_batch, 0, 1)

    def decode(rows: Sequence[tuple[int, int, int]]) -> None:
        batch.n_tokens = len(rows)
        for i, (token, position, sequence) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, position, True
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
        status = llama.llama_decode(opened, batch)
        if status:
            raise SystemExit(f"llama_decode: status {status}")
        llama.llama_get_logits(opened)

    tokens = list(enumerate(context_of(context)))
    for start in range(0, context, BATCH):
        decode([(token, position, 0) for position, token in tokens[start : start + BATCH]])
    size = llama.llama_state_seq_get_size(opened, 0)
    state = np.empty(size, dtype=np.uint8).ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
    llama.llama_state_seq_get_data(opened, state, size, 0)
    found = {}
    for width in setting.widths:
        for sequence in range(params.n_seq_max):
            llama.llama_memory_seq_rm(memory, sequence, -1, -1)
        for sequence in range(width):
            if llama.llama_state_seq_set_data(opened, state, size, sequence) != size:
                raise SystemExit("llama.cpp cannot copy the context")
        decode([(65, context, sequence) for sequence in range(width)])
        started = time.perf_counter()
        for step in range(1, setting.num_tokens):
            decode([(65, context + step, sequence) for sequence in range(width)])
        found[width] = width * (setting.num_tokens - 1) / (time.perf_counter() - started)
    llama.llama_free(opened)
    llama.llama_model_free(model)
    return found


def measure_engine(setting: Setting, way: str, context: int) -> dict[int, float]:
    """Return the tokens per second of the engine, by width: from the second token on, until a request comes to its end."""
    sampling = GREEDY if way.endswith("greedy") else SamplingParams(temperature=0.8, top_k=40)
    length = -(-(context + setting.num_tokens + 1) // 256) * 256

    async def main() -> dict[int, float]:
        widest = max(setting.widths)
        options = LlamaOptions(cells=widest * length, max_num_seqs=widest, threads=setting.threads, gpu_layers=0)
        engine = open_engine(setting.path, options)
        prompt = context_of(context)
        await engine.generate(Request(prompt_ids=tuple(prompt), max_tokens=0))
        found = {}
        for width in setting.widths:
            heard: list[float] = []

            def listen(_token: int, _piece: bytes, heard: list[float] = heard) -> None:
                heard.append(time.perf_counter())

            requests = [
                Request(prompt_ids=(*prompt[:-1], 100 + i), max_tokens=setting.num_tokens, sampling=sampling, seed=i)
                for i in range(width)
            ]
            completions = await asyncio.gather(*(engine.generate(request, listen) for request in requests))
            fewest = min(len(completion.tokens) for completion in completions)  # after that, fewer are decoded at once
            if fewest > 1:
                found[width] = (fewest - 1) * width / (heard[fewest * width - 1] - heard[width - 1])
            await engine.reset_cache(prompt)
        await engine.close()
        return found

    return asyncio.run(main())


def run(setting: Setting, path: Path, alone: Callable[..., dict[int, float]]) -> None:
    """Measure what is missing, and print the table after each repeat; `alone` calls a function in a process of its own."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    done = {(row["way"], row["context"], row["repeat"]) for row in rows}
    for repeat in range(setting.repeats):
        for context in setting.contexts:
            for way in (*BARE, *ENGINE):
                if (way, context, repeat) in done:
                    continue
                speeds = alone(measure_bare if way in BARE else measure_engine, setting, way, context)
                row = {"way": way, "context": context, "repeat": repeat, "speeds": speeds}
                rows.append(json.loads(json.dumps(row)))
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(way, context, {width: round(speed, 1) for width, speed in speeds.items()}, flush=True)
        print("\n" + table(rows), flush=True)


def table(rows: Sequence[dict[str, object]]) -> str:
    """Return the medians as a Markdown table; the last columns are the engine's shares of the best of the four ways."""
    taken: dict[tuple[int, int], dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        for width, speed in row["speeds"].items():  # type: ignore[attr-defined]
            taken[row["context"], int(width)][str(row["way"])][row["repeat"]] = speed  # type: ignore[index]
    lines = [
        f"| context | at once | {' | '.join((*BARE, *ENGINE))} | greedy of best | sampled of best |",
        "|--:|--:" + "|--:" * (len(BARE) + len(ENGINE) + 2) + "|",
    ]
    for (context, width), ways in sorted(taken.items()):
        repeats = set.intersection(*(set(ways[way]) for way in (*BARE, *ENGINE)))
        if not repeats:
            continue
        medians = {way: statistics.median(ways[way][repeat] for repeat in repeats) for way in (*BARE, *ENGINE)}
        best = max(BARE, key=medians.__getitem__)
        shares = [statistics.median(ways[way][repeat] / ways[best][repeat] for repeat in repeats) for way in ENGINE]
        cells = " | ".join(f"{medians[way]:.1f}" for way in (*BARE, *ENGINE))
        lines.append(f"| {context} | {width} | {cells} | {shares[0]:.2f} | {shares[1]:.2f} |")
    return "\n".join(lines)
