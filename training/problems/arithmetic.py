"""Single operations as one written line: direct, or a product split into tens and ones."""

import random

from training.problems.base import Pen


def product(a: int, b: int, rng: random.Random, pen: Pen) -> tuple[str, int]:
    """Return the written product such as `6*47=6*40+6*7=240+42=282`, and its value."""
    if (a < 10 and b < 10) or a in (0, 1, 10) or b in (0, 1, 10):
        value = pen.note(a * b)
        return f"{a}*{b}={value}", value
    many, few = (a, b) if a >= b else (b, a)
    if few < 10 or few % 10 == 0 or rng.random() < 0.5:
        whole, by = many, few
    else:
        whole, by = few, many
    places = [int(digit) * 10**place for place, digit in enumerate(reversed(str(whole))) if digit != "0"][::-1]
    if len(places) == 1:
        value = pen.note(a * b)
        return f"{a}*{b}={value}", value
    parts = [pen.note(by * place) for place in places]
    split = "+".join(f"{by}*{place}" for place in places)
    value = pen.note(sum(parts))
    return f"{a}*{b}={split}={'+'.join(map(str, parts))}={value}", value


def plus(a: int, b: int, pen: Pen) -> tuple[str, int]:
    """Return the written sum and its value."""
    value = pen.note(a + b)
    return f"{a}+{b}={value}", value


def minus(a: int, b: int, pen: Pen) -> tuple[str, int]:
    """Return the written difference and its value."""
    value = pen.note(a - b)
    return f"{a}-{b}={value}", value


def quotient(a: int, b: int, pen: Pen) -> tuple[str, int]:
    """Return the written quotient of an exact division (rounded down after a slip) and its value."""
    value = pen.note(a // b)
    return f"{a}/{b}={value}", value
