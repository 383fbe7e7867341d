"""Word problems with two people, shopping, rates and sharing: a plot's numbers, told and worked out."""

import random
import re

from training.problems.arithmetic import minus, plus, product, quotient
from training.problems.base import Lang, Pen, Problem, Solution
from training.problems.chain_en import FOOD, NUMBER_WORDS, THINGS
from training.problems.plots import PLOTS, Numbers

STATEMENT = re.compile(r"(?:(\w)=)?(\w)([-+*/])(\w)")
NAMES_EN = ("Tom", "Anna", "Ben", "Mia", "Sam", "Lily", "Jack", "Emma", "Leo", "Sara", "Max", "Nina", "Paul", "Kate",
            "Natalia", "John", "Maria", "Bob", "Alice")  # fmt: skip
NAMES_ZH = ("小明", "小红", "小华", "小李", "小王", "小美", "小刚")
THINGS_ZH = ("苹果", "橙子", "球", "玩具", "鸡蛋", "梨")
MONTHS = ("April", "May", "June", "July", "March")
WEEKDAYS = ("Monday", "Tuesday", "Friday", "Saturday", "Sunday")


def work_out(formula: str, values: Numbers, rng: random.Random, pen: Pen) -> Solution:
    """Write a formula line by line; digits in it stand for themselves."""
    known = dict(values)
    lines: list[str] = []
    total = 0
    for target, left, op, right in STATEMENT.findall(formula):
        a, b = (int(name) if name.isdigit() else known[name] for name in (left, right))
        if op == "*":
            line, total = product(a, b, rng, pen)
        else:
            line, total = {"+": plus, "-": minus, "/": quotient}[op](a, b, pen)
        lines.append(line)
        known[target] = total
    return tuple(lines), str(total)


def generate(rng: random.Random, lang: Lang, level: int, *, held_phrasing: bool) -> Problem:
    """Draw a plot, its numbers and its telling."""
    plot = rng.choice(PLOTS)
    values = plot.draw(rng, level)
    seen, held = (plot.en, plot.en_held) if lang == "en" else (plot.zh, plot.zh_held)
    people = rng.sample(NAMES_EN if lang == "en" else NAMES_ZH, 3)
    things = rng.sample(FOOD + THINGS[:-1] if lang == "en" else THINGS_ZH, 2)
    months, days = rng.sample(MONTHS, 2), rng.sample(WEEKDAYS, 2)
    spell = lang == "en" and rng.random() < 0.15
    shown = {k: NUMBER_WORDS[v] if spell and v < len(NUMBER_WORDS) else str(v) for k, v in values.items()}
    template = rng.choice(held if held_phrasing else seen)
    if "$" in template:
        shown = {k: str(v) for k, v in values.items()}
    words = {"A": people[0], "B": people[1], "C": people[2], "o": things[0], "M": months[0], "N": months[1],
             "D": days[0], "E": days[1]}  # fmt: skip
    question = template.format(**({"u": things[1]} | words | shown))
    answer = work_out(plot.formula, values, random.Random(0), Pen(random.Random(0)))[1]

    def solve(rng: random.Random, pen: Pen) -> Solution:
        return work_out(plot.formula, values, rng, pen)

    return Problem(
        family=f"word_{lang}", lang=lang, difficulty=level, question=question, answer=answer,
        key=f"{plot.name}|" + "|".join(f"{k}={v}" for k, v in sorted(values.items())),
        held_out_phrasing=held_phrasing, solve=solve,
    )  # fmt: skip
