"""A loop is seen soon, and legitimate text never taken for one."""

import re
from itertools import product

from tables import table

from marco_cli.search.repetition import Repetition

POEM = "\n\n".join(
    f"Verse {n} sings of the {thing}, its own words and no others.\n\nOh, the river runs down to the sea,\nand the sea runs home to me."
    for n, thing in enumerate(("hill", "ford", "mill", "weir", "lock", "pier", "quay", "bank", "moor", "fen") * 4)
)
TABLE = "".join(f"| {n} | {n * n} | {'even' if n % 2 == 0 else 'odd'} |\n" for n in range(400))
CODE = "".join(f"    if x == {n}:\n        return table[{n}]\n" for n in range(300))

LEGITIMATE = {
    "nothing": "",
    "a poem with a refrain": POEM,
    "a table": TABLE,
    "a table of equal rows": "| yes | no |\n" * 40,
    "code": CODE,
    "a number with zeros": "1" + "0" * 1_000,
    "a JSON array of zeros": "[" + "0, " * 500 + "0]",
    "an empty matrix": "[" + "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],\n" * 28 + "]",
    "a C array": "{" + "0x00, " * 256 + "}",
    "a list of equal items": "- to be decided\n" * 60,
    "a ruler": "=" * 500,
    "a list that counts on": "".join(f"{n}. The same thing is said of each of them, again and again.\n" for n in range(2_000)),
    "the same paragraph three times": ("All work and no play makes Jack a dull boy. " * 20 + "\n\n" + "Then he slept. " * 3) * 3,
}  # fmt: skip

LOOPS = {
    "one token": "ha" * 2_000,
    "one sign": "!" * 4_000,
    "one digit": "0" * 6_000,
    "nothing but line ends": "\n" * 4_000,
    "a line": "The answer is 4, so the answer is 4.\n" * 200,
    "a row of a table": "| 12 | 144 | even |\n" * 400,
    "several lines": "Wait.\nLet me check that again.\nNo, that is wrong.\n\n" * 120,
    "a paragraph": ("So we have to look at the first of the two cases again, in which x is even. " * 8 + "\n\n") * 12,
    "Chinese": "所以答案是四。" * 400,
    "after much text": POEM + TABLE + "And so on, and so forth.\n" * 200,
    "two equal parts in each cycle": (
        "one and the same long sentence is said here, and said twice; " * 2 + "then this.\n"
    )
    * 60,
}


PIECES = {"bytes": rb"(?s).", "words": rb" ?\w{1,12}|\s{1,3}|(?s:.)", "lines": rb".*\n?"}


def fires_at(text: str, pieces: str) -> int | None:
    """Feed a text in pieces; return after how many bytes the loop is seen."""
    repetition = Repetition()
    for piece in re.finditer(PIECES[pieces], text.encode()):
        if repetition.feed(piece.group()):
            return piece.end()
    return None


@table(product(LEGITIMATE, PIECES))
def test_legitimate_text_is_no_loop(name: str, pieces: str) -> None:
    """Whatever its pieces."""
    assert fires_at(LEGITIMATE[name], pieces) is None


@table(product(LOOPS, ["bytes", "words"]))
def test_a_loop_is_seen(name: str, pieces: str) -> None:
    """Whatever its pieces, and before it has gone on for long."""
    text = LOOPS[name]
    lead = len((POEM + TABLE).encode()) if name == "after much text" else 0

    seen = fires_at(text, pieces)

    assert seen is not None
    assert seen - lead <= 10_000


def test_memory_does_not_grow_with_the_text() -> None:
    """A text without end is followed in constant space."""
    repetition = Repetition()
    for n in range(30_000):
        repetition.feed(b"%d, " % n)

    assert len(repetition._text) < 30_000
    assert sum(map(len, repetition._seen)) < 10_000
