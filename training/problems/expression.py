"""Integer expressions with precedence, parentheses and exact division; answers may be negative."""
# ruff: noqa: RUF001 - Chinese punctuation is the subject

import random
from dataclasses import dataclass
from typing import Literal

from training.problems.arithmetic import minus, plus, product, quotient
from training.problems.base import Lang, Pen, Problem, Solution

SEEN = {
    "en": (
        "What is {e}?", "{e}", "{e}=?", "Calculate {e}.", "Compute {e}.", "What's {e}?", "Evaluate {e}.",
        "How much is {e}?", "Find the value of {e}.", "Please work out {e}.", "Solve {e}", "what is the value of {e}",
        "Can you calculate {e}?", "Work this out step by step: {e}", "Tell me what {e} equals.", "{e} = ",
    ),
    "zh": (
        "{e}等于多少？", "计算{e}。", "{e}是多少？", "求{e}的值。", "请计算：{e}", "算一算{e}等于几？", "{e}=？", "帮我算一下{e}",
    ),
}  # fmt: skip
HELD = {
    "en": (
        "Could you give me the result of {e}?",
        "I need the answer to {e}, please.",
        "Let me know how much {e} makes.",
    ),
    "zh": ("请问{e}的结果是多少？", "{e}的得数是多少？"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One summand: a number, a product of numbers, `times*(left op right)`, or an exact quotient."""

    kind: Literal["number", "product", "group", "quotient"]
    numbers: tuple[int, ...]
    op: str = "+"

    def text(self) -> str:
        """Write the term the way a question shows it."""
        if self.kind == "group":
            times, left, right = self.numbers
            return f"{times}*({left}{self.op}{right})"
        return ("/" if self.kind == "quotient" else "*").join(map(str, self.numbers))

    def value(self) -> int:
        """Return the exact value."""
        numbers = self.numbers
        if self.kind == "group":
            return numbers[0] * (numbers[1] + numbers[2] if self.op == "+" else numbers[1] - numbers[2])
        if self.kind == "quotient":
            return numbers[0] // numbers[1]
        return numbers[0] if len(numbers) == 1 else numbers[0] * numbers[1]


def draw_term(rng: random.Random, level: int) -> Term:
    """Draw one summand whose numbers grow with `level` (1 to 3)."""
    kind = rng.choices(("number", "product", "group", "quotient"), (5, 3, 2, 1))[0]
    if kind == "number":
        return Term(kind="number", numbers=(rng.randint(1, (30, 100, 400)[level - 1]),))
    if kind == "product":
        one_digit = rng.random() < (0.9, 0.55, 0.1)[level - 1]
        left = rng.randint(2, 9) if one_digit else rng.randint(11, (20, 99, 499)[level - 1])
        big_both = left < 100 and level == 3 and rng.random() < 0.5
        right = rng.randint(11, 60) if big_both else rng.randint(2, 9)
        return Term(kind="product", numbers=(left, right) if rng.random() < 0.5 else (right, left))
    if kind == "quotient":
        by = rng.randint(2, 9)
        return Term(kind="quotient", numbers=(by * rng.randint(2, (9, 12, 30)[level - 1]), by))
    left, right = rng.randint(2, (9, 20, 60)[level - 1]), rng.randint(1, (9, 20, 60)[level - 1])
    op = rng.choice("+-") if left > right else "+"
    return Term(kind="group", numbers=(rng.randint(2, 9), left, right), op=op)


def per_term(terms: list[tuple[str, Term]], rng: random.Random, pen: Pen) -> Solution:
    """Write every inner operation on a line of its own, then add up from the left."""
    lines: list[str] = []
    values = [reduce_term(term, lines, rng, pen) for _, term in terms]
    total = values[0]
    for (sign, _), value in zip(terms[1:], values[1:], strict=True):
        line, total = plus(total, value, pen) if sign == "+" else minus(total, value, pen)
        lines.append(line)
    return tuple(lines), str(total)


def reduce_term(term: Term, lines: list[str], rng: random.Random, pen: Pen) -> int:
    """Append the lines that bring `term` down to one number, and return that number."""
    numbers = term.numbers
    if term.kind == "number":
        return numbers[0]
    if term.kind == "quotient":
        line, value = quotient(numbers[0], numbers[1], pen)
    elif term.kind == "group":
        line, inner = (plus if term.op == "+" else minus)(numbers[1], numbers[2], pen)
        lines.append(line)
        line, value = product(numbers[0], inner, rng, pen)
    else:
        line, value = product(numbers[0], numbers[1], rng, pen)
    lines.append(line)
    return value


def rewriting(terms: list[tuple[str, Term]], rng: random.Random, pen: Pen) -> Solution:
    """Reduce like `per_term`, but show after the products what is left of the whole expression."""
    lines: list[str] = []
    values = [reduce_term(term, lines, rng, pen) for _, term in terms]
    if lines and len(terms) > 1:
        lines.append("".join(f"{sign}{value}" for (sign, _), value in zip(terms, values, strict=True)).lstrip("+"))
    total = values[0]
    for index in range(1, len(terms)):
        sign, value = terms[index][0], values[index]
        line, total = plus(total, value, pen) if sign == "+" else minus(total, value, pen)
        rest = "".join(f"{s}{v}" for (s, _), v in zip(terms[index + 1 :], values[index + 1 :], strict=True))
        lines.append(f"{line}, {total}{rest}" if rest else line)
    return tuple(lines), str(total)


def spaced(text: str, rng: random.Random) -> str:
    """Vary how a question writes its operators."""
    if rng.random() < 0.5:
        for op in "+-*/":
            text = text.replace(op, f" {op} ")
    style = rng.random()
    if style < 0.12:
        text = text.replace("*", "×").replace("/", "÷")
    elif style < 0.2:
        text = text.replace("*", "x")
    return text


WORDS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


def generate(rng: random.Random, lang: Lang, level: int, *, held_phrasing: bool) -> Problem:
    """Draw an expression of one to five terms; `level` 1 to 3 sets sizes and the number of terms."""
    count = rng.choice(((1, 2, 2, 3), (2, 3, 3, 4), (3, 4, 4, 5))[level - 1])
    while True:
        terms = [("+" if i == 0 else rng.choice("+-"), draw_term(rng, level)) for i in range(count)]
        total, partials = 0, []
        for sign, term in terms:
            total += term.value() if sign == "+" else -term.value()
            partials.append(total)
        # Negative results only where nothing follows them: a running total below zero is a skill of its own.
        enough_work = count > 1 or terms[0][1].kind != "number"
        if enough_work and min(partials[:-1], default=0) >= 0 and (total >= 0 or (count == 2 and rng.random() < 0.3)):
            break
    text = "".join(sign + term.text() for sign, term in terms)[1:]
    simple = count == 2 and all(term.kind == "number" for _, term in terms)
    if lang == "en" and (simple or (count == 1 and terms[0][1].kind in ("product", "quotient"))) and rng.random() < 0.4:
        shown = text
        for op, word in WORDS.items():
            shown = shown.replace(op, f" {word} ")
    else:
        shown = spaced(text, rng)

    def solve(rng: random.Random, pen: Pen) -> Solution:
        return (per_term if rng.random() < 0.6 else rewriting)(terms, rng, pen)

    question = rng.choice((HELD if held_phrasing else SEEN)[lang]).format(e=shown)
    return Problem(
        family="expression", lang=lang, difficulty=level, question=question, answer=str(total),
        key=f"expression|{text}", held_out_phrasing=held_phrasing, solve=solve,
    )  # fmt: skip
