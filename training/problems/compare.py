"""Which of two decimals is larger or smaller: pad the fractions to one length, compare, name the number."""
# ruff: noqa: RUF001 - Chinese punctuation is the subject

import random

from training.problems.base import Lang, Pen, Problem, Solution

SEEN = {
    "en": ("Which is {w}, {x} or {y}?", "Which number is {w}: {x} or {y}?", "Is {x} or {y} {w}?", "{x} or {y}, which is {w}?",
           "Which one is {w}, {x} or {y}?", "Compare {x} and {y}. Which is {w}?", "Tell me which is {w}: {x} or {y}",
           "what is {w}, {x} or {y}"),
    "zh": ("{x}和{y}哪个{w}？", "{x}和{y}哪个更{w}？", "比较{x}和{y}，哪个{w}？", "{x}与{y}，哪个数{w}？", "哪个数更{w}，{x}还是{y}？",
           "{x}{w}还是{y}{w}？", "请问{x}和{y}谁{w}？", "哪个{w}：{x}，{y}？"),
}  # fmt: skip
HELD = {
    "en": ("Of the two numbers {x} and {y}, name the {w} one.", "Pick the {w} number from {x} and {y}."),
    "zh": ("在{x}与{y}之中，更{w}的是哪一个？", "{x}、{y}两个数里哪个更{w}？"),
}


def draw_decimals(rng: random.Random) -> tuple[str, str]:
    """Draw two decimals that differ, mostly with the same whole part and fractions of different length."""
    while True:
        whole = rng.randint(0, 30)
        other = whole if rng.random() < 0.75 else rng.randint(0, 30)
        places = rng.choice(((1, 2), (2, 1), (2, 2), (1, 1), (2, 3), (3, 2), (1, 3)))
        x, y = (
            f"{w}.{''.join(rng.choice('0123456789') for _ in range(p))}"
            for w, p in zip((whole, other), places, strict=True)
        )
        if float(x) != float(y) and x[-1] != "0" and y[-1] != "0":
            return x, y


def generate(rng: random.Random, lang: Lang, *, held_phrasing: bool) -> Problem:
    """Draw two decimals; the length of their fractions decides the difficulty."""
    x, y = draw_decimals(rng)
    larger = rng.random() < 0.65
    word = (
        (rng.choice(("larger", "bigger", "greater")) if larger else "smaller")
        if lang == "en"
        else "大"
        if larger
        else "小"
    )

    def solve(_: random.Random, pen: Pen) -> Solution:
        (a, b), (c, d) = x.split("."), y.split(".")
        width = max(len(b), len(d))
        left, right = f"{a}.{b.ljust(width, '0')}", f"{c}.{d.ljust(width, '0')}"
        greater = pen.note(int(float(left) > float(right))) == 1
        line = f"{left} {'>' if greater else '<'} {right}"
        return (f"{x} = {left}", f"{y} = {right}", line), x if greater == larger else y

    question = rng.choice((HELD if held_phrasing else SEEN)[lang]).format(x=x, y=y, w=word)
    answer = x if (float(x) > float(y)) == larger else y
    level = 1 if len(x) == len(y) else 2
    return Problem(
        family="compare", lang=lang, difficulty=level, question=question, answer=answer,
        key="compare|" + "|".join(sorted((x, y))), held_out_phrasing=held_phrasing, solve=solve,
    )  # fmt: skip
