"""How often a letter occurs in a word: spell the word, one letter a line, with the running count.

Words are real ones from `words.txt` beside this file and invented ones; a word is the split's key, so a held-out word
never occurs in training with any letter. The pool of invented words is practically endless.
"""
# ruff: noqa: RUF001 - Chinese punctuation is the subject

import random
from collections.abc import Sequence
from pathlib import Path

from training.problems.base import Lang, Pen, Problem, Solution, held_out

REAL_WORDS = tuple(Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split())
EXCLUDED = "strawberry"  # the question everybody asks stays unseen, whatever its hash says

SEEN = {
    "en": (
        "How many {c}'s are in {w}?", "How many {c}'s are there in {w}?", "How many times does {c} appear in {w}?",
        "Count the letter {c} in {w}.", "How often does {c} occur in {w}?", "How many letters {c} are in {w}?",
        "How many {c} are in the word {w}?", "Count the {c}'s in {w}", "In the word {w}, how many {c}'s are there?",
        "What is the number of {c}'s in {w}?", "how many {c}s in {w}", "Number of times the letter {c} is in {w}?",
        "How many times is the letter {c} used in the word {w}?", "How many {c}'s does {w} have?",
        "How many {c} does the word {w} contain?", "Tell me how many {c}'s are in {w}.",
    ),
    "zh": (
        "{w} 里有几个 {c}？", "单词 {w} 中有多少个 {c}？", "{w} 里有几个字母 {c}？", "数一数 {w} 里有多少个 {c}。",
        "{c} 在 {w} 中出现了几次？", "单词 {w} 里字母 {c} 出现多少次？", "{w} 有几个 {c}？", "请数出 {w} 中 {c} 的个数。",
    ),
}  # fmt: skip
HELD = {
    "en": (
        "Look at {w} and count how many {c}'s it has.", "If I spell {w}, how many {c}'s do I write?",
        "Please find the number of {c} in {w}.",
    ),
    "zh": ("请问 {w} 这个词里一共有多少个 {c}？", "在 {w} 里能找到几个字母 {c}？"),
}  # fmt: skip

ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "y",
    "z",
    "bl",
    "br",
    "ch",
    "cl",
    "cr",
    "dr",
    "fl",
    "fr",
    "gl",
    "gr",
    "pl",
    "pr",
    "qu",
    "sc",
    "sh",
    "sl",
    "sm",
    "sn",
    "sp",
    "st",
    "str",
    "th",
    "tr",
    "tw",
]
VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ea", "ee", "oo", "ou", "ie"]
CODAS = ["", "", "", "n", "r", "s", "t", "l", "m", "p", "ck", "ll", "ss", "nd", "st", "rr", "tt", "nt", "ng", "x", "y"]
LENGTHS = ((3, 6), (7, 10), (11, 14))


def invent(rng: random.Random, low: int, high: int, openings: Sequence[str]) -> str:
    """Invent a word of `low` to `high` letters: syllables, now and then plain letters, often after a given opening."""
    length = rng.randint(low, high)
    fits = [opening for opening in openings if len(opening) < length]
    word = rng.choice(fits) if fits and rng.random() < 0.15 else ""
    if rng.random() < 0.45:
        few = rng.sample("abcdefghijklmnopqrstuvwxyz", rng.randint(4, 14))
        return word + "".join(rng.choice(few) for _ in range(length - len(word)))
    while len(word) < length:
        word += rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)
    return word[:length]


def draw_word(rng: random.Random, level: int, openings: Sequence[str]) -> str:
    """Draw a real (one in four) or invented word of the level's length."""
    low, high = LENGTHS[level - 1]
    while True:
        word = rng.choice(REAL_WORDS) if rng.random() < 0.25 else invent(rng, low, high, openings)
        if low <= len(word) <= high and word != EXCLUDED:
            return word


def draw_letter(rng: random.Random, word: str) -> str:
    """Prefer letters that occur, repeated ones most; one time in ten take any letter."""
    if rng.random() < 0.1:
        return rng.choice("abcdefghijklmnopqrstuvwxyz")
    repeated = sorted({letter for letter in word if word.count(letter) > 1})
    if repeated and rng.random() < 0.6:
        return rng.choice(repeated)
    return rng.choice(word)


def running_count(word: str, letter: str, rng: random.Random, pen: Pen) -> Solution:
    """Spell the word, one letter a line, with the count so far after a match; a second style shows it on every line.

    Most lines are a letter alone, so that the letter before is as near as can be when the next one is looked up.
    """
    everywhere = rng.random() < 0.1
    lines = [f'Count {letter} in "{word}":']
    count = 0
    for current in word:
        match = current == letter
        count = pen.note(count + match)
        lines.append(f"{current} {count}" if match or everywhere else current)
    return tuple(lines), str(count)


def ask(rng: random.Random, lang: Lang, word: str, letter: str, *, held_phrasing: bool) -> str:
    """Phrase the question, with the word bare, quoted, capitalised or in capitals."""
    shape = rng.random()
    shown = word.upper() if shape < 0.08 else word.capitalize() if shape < 0.2 else word
    quote = rng.choice(('"{}"', "'{}'", "“{}”", '"{}"')) if rng.random() < 0.5 else "{}"
    letter = letter.upper() if shape < 0.08 or rng.random() < 0.05 else letter
    letter = f'"{letter}"' if rng.random() < 0.12 else letter
    template = rng.choice((HELD if held_phrasing else SEEN)[lang])
    if lang == "zh" and rng.random() < 0.5:
        template = template.replace(" {", "{").replace("} ", "}")
    return template.format(c=letter, w=quote.format(shown))


def problem(rng: random.Random, lang: Lang, word: str, letter: str, *, held_phrasing: bool) -> Problem:
    """Build the question about one given word and letter."""
    level = next(i for i, (_, high) in enumerate(LENGTHS, 1) if len(word) <= high)

    def solve(rng: random.Random, pen: Pen) -> Solution:
        return running_count(word, letter, rng, pen)

    return Problem(
        family="letter_count", lang=lang, difficulty=level, question=ask(rng, lang, word, letter, held_phrasing=held_phrasing),
        answer=str(word.count(letter)), key=f"word|{word}", held_out_phrasing=held_phrasing, solve=solve,
    )  # fmt: skip


def generate(
    rng: random.Random, lang: Lang, level: int, openings: Sequence[str] = (), *, held_phrasing: bool
) -> Problem:
    """Draw a word and a letter; `openings` are word beginnings to use often (those the tokenizer has as one piece)."""
    word = draw_word(rng, level, openings)
    return problem(rng, lang, word, draw_letter(rng, word), held_phrasing=held_phrasing)


def unseen(word: str) -> bool:
    """Tell whether training never counts letters in `word`."""
    return word == EXCLUDED or held_out(f"word|{word}")
