"""A number of things and the events that change it: the world behind the chained word problems, in either language."""
# ruff: noqa: RUF001 - Chinese punctuation is the subject

import random
from dataclasses import dataclass
from typing import Literal

from training.problems.arithmetic import minus, plus, product, quotient
from training.problems.base import Lang, Pen, Solution

Kind = Literal["gain", "lose", "gain_groups", "lose_groups", "double", "half"]
KINDS: tuple[Kind, ...] = ("gain", "lose", "gain_groups", "lose_groups", "double", "half")

LABELS = {
    "en": {"start": "Start: {}", "gain": "Gain {}", "lose": "Lose {}", "double": "Double", "half": "Half",
           "gains": "All gains: ", "losses": "All losses: ", "with": "With gains: ", "left": "After losses: "},
    "zh": {"start": "开始：{}", "gain": "增加{}", "lose": "减少{}", "double": "翻倍", "half": "一半",
           "gains": "一共增加：", "losses": "一共减少：", "with": "加上：", "left": "减去："},
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change; for groups `count` groups of `size` things, otherwise `size` things."""

    kind: Kind
    size: int = 0
    count: int = 1

    def apply(self, total: int) -> int:
        """Return the number after the event."""
        if self.kind == "double":
            return total * 2
        if self.kind == "half":
            return total // 2
        change = self.size * self.count
        return total + change if self.kind.startswith("gain") else total - change


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A starting number and the events in order; no prefix of them goes below zero."""

    start: int
    events: tuple[Event, ...]

    def answer(self) -> int:
        """Return the number after all events."""
        total = self.start
        for event in self.events:
            total = event.apply(total)
        return total

    def key(self) -> str:
        """Return the parameters in one string, free of any wording."""
        return f"chain|{self.start}|" + "|".join(f"{e.kind},{e.count},{e.size}" for e in self.events)


def draw_chain(rng: random.Random, level: int) -> Chain:
    """Draw one to seven events; numbers stay below 100 (level 1), 200 (2), 500 (3)."""
    length = rng.choice(((1, 2, 2, 3, 3), (3, 4, 4, 5), (5, 6, 6, 7))[level - 1])
    limit = (100, 200, 500)[level - 1]
    small = (12, 30, 80)[level - 1]
    start = rng.randint(3, (30, 60, 150)[level - 1])
    events: list[Event] = []
    total = start
    while len(events) < length:
        kind = rng.choices(KINDS, (5, 6, 4, 4, 1, 1.5))[0]
        size, count = rng.randint(1, small), 1
        if kind.endswith("groups"):
            size, count = rng.randint(2, (6, 9, 15)[level - 1]), rng.randint(2, 6)
        event = Event(kind=kind, size=0 if kind in ("double", "half") else size, count=count)
        after = event.apply(total)
        lowest = 0 if len(events) + 1 == length else 1
        if lowest <= after <= limit and not (kind == "half" and total % 2):
            events.append(event)
            total = after
    return Chain(start=start, events=tuple(events))


def solve_chain(chain: Chain, lang: Lang, rng: random.Random, pen: Pen) -> Solution:
    """Write a running total, or (one in four, where no event doubles or halves) gains and losses apart."""
    groupable = len(chain.events) > 2 and all(e.size for e in chain.events)
    if groupable and rng.random() < 0.25:
        return gains_and_losses(chain, lang, rng, pen)
    label, total = LABELS[lang], chain.start
    colon = ": " if lang == "en" else "："
    lines = [label["start"].format(total)]
    for event in chain.events:
        if event.kind == "double":
            line, total = product(total, 2, rng, pen) if total < 10 else doubled(total, pen)
            lines.append(label["double"] + colon + line)
        elif event.kind == "half":
            line, total = quotient(total, 2, pen)
            lines.append(label["half"] + colon + line)
        else:
            written, change = amount(event, rng, pen)
            name = "gain" if event.kind.startswith("gain") else "lose"
            line, total = plus(total, change, pen) if name == "gain" else minus(total, change, pen)
            lines.append(label[name].format(written) + colon + line)
    return tuple(lines), str(total)


def doubled(total: int, pen: Pen) -> tuple[str, int]:
    """Return `total*2` written out, and its value."""
    value = pen.note(total * 2)
    return f"{total}*2={value}", value


def amount(event: Event, rng: random.Random, pen: Pen) -> tuple[str, int]:
    """Return how the event's change is written (`5`, or `3*4=12`) and its value."""
    if event.kind.endswith("groups"):
        return product(event.count, event.size, rng, pen)
    return str(event.size), event.size


def gains_and_losses(chain: Chain, lang: Lang, rng: random.Random, pen: Pen) -> Solution:
    """Add all gains, add all losses, then combine them with the start."""
    label = LABELS[lang]
    lines, total = [label["start"].format(chain.start)], chain.start
    for name, sign in (("gain", "+"), ("lose", "-")):
        changes = []
        for event in chain.events:
            if event.kind.startswith(name):
                written, change = amount(event, rng, pen)
                changes.append(change)
                lines += [label[name].format(written)]
        if not changes:
            continue
        change = changes[0]
        if len(changes) > 1:
            change = pen.note(sum(changes))
            lines.append(label["gains" if name == "gain" else "losses"] + "+".join(map(str, changes)) + f"={change}")
        line, total = plus(total, change, pen) if sign == "+" else minus(total, change, pen)
        lines.append(label["with" if name == "gain" else "left"] + line)
    return tuple(lines), str(total)
