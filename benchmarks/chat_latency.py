"""Time to first token over a long conversation.

    python benchmarks/chat_latency.py --dir ~/.cache/marco-benchmarks --json chat.json
    python benchmarks/chat_latency.py --shape 0.5B                 # as large as small models are; minutes
    python benchmarks/chat_latency.py --model marco-nano           # a real model, whose context fills up on the way

Talks for 40 turns, with a model of random weights that is written on first use. Every reply is a thought that is closed by
force and an output, a fixed number of tokens each. Four ways:

    reused     the engine keeps the conversation in its KV memory; the next question comes at once, as from a pipe
    warm       besides, what the next prompt begins with is evaluated between the turns, while a person reads
    typed      besides, the question is evaluated while it is typed: what `marco chat` does on a terminal
    forgetful  an engine that has just been opened, at every fifth turn: what there would be without reuse

Seconds run from the question to its first token, and include rendering and tokenising the whole history. They are given as
wall time and as processor time of all threads, which is what can be compared on a machine that does other things too.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import random_gguf  # type: ignore[import-not-found]  # beside this script

from marco_cli.config.settings import Settings
from marco_cli.conversation.dialogue import Dialogue
from marco_cli.conversation.turn import Conversation
from marco_cli.models import LocatedModel
from marco_cli.solver import Solver, open_solver, resolve_settings

WIDE = random_gguf.Shape(layers=2, width=1024, feed_forward=4096, heads=16, kv_heads=4, vocab=4096, context=16_384)
"""Wide and flat: what attention costs beside the rest is then nearer to a model of billions than in a small deep one."""
SHAPES = {"wide": WIDE, **random_gguf.SHAPES}
CONTEXT = 4096
QUESTION = "And {number}?"
WAYS = ("reused", "warm", "typed", "forgetful")
EVERY = 5
"""Turns from one forgetful turn to the next."""

Opener = Callable[[], Solver]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One turn of one way of talking."""

    way: str
    turn: int
    prompt_tokens: int
    prefilled: int
    reused: int
    num_dropped: int
    """Turns that the model is not told any more."""
    seconds: float
    """From the question to the first token."""
    cpu_seconds: float
    """The same in processor time of all threads, which other processes do not lengthen."""
    warm_seconds: float = 0.0
    """Spent after the turn, while a person reads."""


def random_model(directory: Path, shape: str) -> Opener:
    """Return what opens a model of random weights; 4 of its 32 tokens a reply are output."""
    path = directory / f"random-{shape}-q8_0.gguf"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        random_gguf.write(path, SHAPES[shape], "q8_0")
    settings = Settings(
        effort="none",
        tags="marco",
        prefill="<Thought>\n",
        chat_template="chatml",
        max_tokens=32,
        output_reserve=4,
        ctx=CONTEXT,
    )
    model = LocatedModel(name=path.stem, path=path, source="path", files=(path,), hashes=(None,))
    return lambda: open_solver(settings, model, os.environ)


def named_model(name: str) -> Opener:
    """Return what opens an installed model with its own preset, for plain chains."""
    settings, model = resolve_settings({"model": name, "effort": "none"}, os.environ)
    return lambda: open_solver(settings, model, os.environ)


async def take(way: str, dialogue: Dialogue, turn: int) -> Row:
    """Take a turn."""
    started = time.process_time()
    heard: list[float] = []
    taken = await dialogue.ask(
        QUESTION.format(number=turn), on_token=lambda *_: None if heard else heard.append(time.process_time() - started)
    )
    if not taken.is_kept:
        raise SystemExit(f"turn {turn} has no output: choose another model")
    cost = taken.turn.cost
    return Row(
        way=way,
        turn=turn,
        prompt_tokens=cost.prompt_tokens,
        prefilled=cost.prefilled,
        reused=cost.reused,
        num_dropped=dialogue.conversation.num_dropped,
        seconds=cost.first_token_seconds or 0.0,
        cpu_seconds=heard[0],
    )


async def converse(way: str, opener: Opener, turns: int) -> tuple[list[Row], Conversation]:
    """Hold a conversation with one engine."""
    dialogue = Dialogue(opener())
    rows = []
    for turn in range(1, turns + 1):
        if way == "typed":
            await dialogue.warm(QUESTION.format(number=turn))
        row = await take(way, dialogue, turn)
        started = time.perf_counter()
        if way in ("warm", "typed"):
            dialogue.make_room()
            await dialogue.warm()
        rows.append(Row(**asdict(row) | {"warm_seconds": time.perf_counter() - started}))
    await dialogue.close()
    return rows, dialogue.conversation


async def forget(opener: Opener, conversation: Conversation) -> list[Row]:
    """Take turns of a conversation with engines that have never heard of it."""
    rows = []
    for turn in range(EVERY, len(conversation.turns) + 1, EVERY):
        past = Conversation(turns=conversation.turns[: turn - 1])
        dialogue = Dialogue(opener(), conversation=past)
        rows.append(await take("forgetful", dialogue, turn))
        await dialogue.close()
    return rows


async def measure(opener: Opener, turns: int) -> list[Row]:
    """Talk in all four ways."""
    rows: list[Row] = []
    conversation = Conversation()
    for way in WAYS[:-1]:
        spoken, conversation = await converse(way, opener, turns)
        rows += spoken
    return [*rows, *await forget(opener, conversation)]


def table(rows: list[Row]) -> str:
    """Return the figures of every fifth turn, and medians of the first and of the last ten."""
    by_way = {way: {row.turn: row for row in rows if row.way == way} for way in WAYS}
    heads = " | ".join(f"{way}: prefilled | wall | CPU" for way in WAYS)
    lines = [f"| turn | prompt | {heads} |", f"|{'--:|' * (2 + 3 * len(WAYS))}"]
    for turn in by_way["forgetful"]:
        cells = [str(turn), str(by_way["reused"][turn].prompt_tokens)]
        for row in (by_way[way][turn] for way in WAYS):
            cells += [str(row.prefilled), *(f"{1000 * spent:.0f} ms" for spent in (row.seconds, row.cpu_seconds))]
        lines.append(f"| {' | '.join(cells)} |")
    for way in WAYS[:-1]:
        rest = list(by_way[way].values())[1:]
        figures = [
            f"{1000 * statistics.median(row.seconds for row in part):.0f} ms "
            f"({1000 * statistics.median(row.cpu_seconds for row in part):.0f} ms of CPU)"
            for part in (rest[:10], rest[-10:])
        ]
        lines.append(f"\n{way}: median of turns 2 to 11 {figures[0]}, of the last ten {figures[1]}")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path("~/.cache/marco-benchmarks").expanduser())
    parser.add_argument("--shape", choices=SHAPES, default="wide", help="of the random model")
    parser.add_argument("--model", help="an installed model instead of the random one")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    opener = named_model(arguments.model) if arguments.model else random_model(arguments.dir, arguments.shape)
    rows = asyncio.run(measure(opener, arguments.turns))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
