"""English wording of event chains: third or first person, present or past, sentences apart or joined."""

import random
from dataclasses import dataclass

from training.problems.base import Pen, Problem, Solution
from training.problems.chain import Event, draw_chain, solve_chain

NAMES = (("Tom", "he"), ("Anna", "she"), ("Ben", "he"), ("Mia", "she"), ("Sam", "he"), ("Lily", "she"), ("Jack", "he"),
         ("Emma", "she"), ("Leo", "he"), ("Sara", "she"), ("Max", "he"), ("Julia", "she"), ("Omar", "he"),
         ("Nina", "she"), ("Paul", "he"), ("Kate", "she"), ("David", "he"), ("Maria", "she"), ("Alice", "she"),
         ("Bob", "he"), ("John", "he"), ("Natalia", "she"))  # fmt: skip
OTHERS = ("a friend", "his friend", "Peter", "Lucy", "Carl", "Rosa", "a sister", "the neighbor", "a brother", "Mary")
FOOD = ("apples", "cookies", "oranges", "candies", "eggs", "muffins", "bananas", "cakes", "pears", "sweets")
THINGS = ("marbles", "books", "pencils", "stickers", "cards", "coins", "balls", "toys", "shells", "stamps", "pens",
          "flowers", "balloons", "buttons", "dollars")  # fmt: skip
NUMBER_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]

VERBS = {  # base: (third person, past)
    "buy": ("buys", "bought"), "get": ("gets", "got"), "find": ("finds", "found"), "receive": ("receives", "received"),
    "pick": ("picks", "picked"), "win": ("wins", "won"), "collect": ("collects", "collected"), "take": ("takes", "took"),
    "borrow": ("borrows", "borrowed"), "add": ("adds", "added"), "give": ("gives", "gave"), "lose": ("loses", "lost"),
    "sell": ("sells", "sold"), "throw": ("throws", "threw"), "use": ("uses", "used"), "donate": ("donates", "donated"),
    "break": ("breaks", "broke"), "eat": ("eats", "ate"), "make": ("makes", "made"), "earn": ("earns", "earned"),
    "double": ("doubles", "doubled"), "have": ("has", "had"), "start": ("starts", "started"), "own": ("owns", "owned"),
    "begin": ("begins", "began"), "keep": ("keeps", "kept"), "hand": ("hands", "handed"), "drop": ("drops", "dropped"),
}  # fmt: skip

PHRASES = {
    "gain": ("buy {a} more", "get {a} from {f}", "find {a} more {o}", "receive {a} {o} from {f}", "pick up {a} more {o}",
             "win {a} {o}", "collect {a} more", "borrow {a} from {f}", "add {a} {o}", "buy {a} {o}", "get {a} more {o}",
             "make {a} more", "find {a}"),
    "lose": ("give {a} to {f}", "lose {a}", "sell {a} {o}", "throw away {a}", "use {a} of them", "donate {a} {o}",
             "break {a}", "give away {a} {o}", "give {f} {a} {o}", "sell {a}", "lose {a} of the {o}", "use {a} {o}",
             "hand {a} to {f}", "drop {a}"),
    "gain_groups": ("buy {k} bags with {a} {o} in each", "get {k} packs of {a}", "buy {k} boxes of {a} {o}",
                    "find {k} bags with {a} {o} each", "receive {a} {o} from each of {k} friends",
                    "buy {k} boxes with {a} in each box", "collect {a} {o} a day for {k} days", "win {k} packs of {a} {o}"),
    "lose_groups": ("give {a} to each of {k} friends", "sell {k} bags of {a} {o}", "give {k} friends {a} {o} each",
                    "give away {k} packs of {a}", "use {a} a day for {k} days", "sell {k} boxes with {a} {o} in each",
                    "lose {k} packs of {a}", "give {a} {o} each to {k} children"),
    "double": ("double the number of {o}", "double what is there"),
    "half": ("give half of them to {f}", "sell half of the {o}", "lose half of them", "give away half of the {o}",
             "use half of the {o}"),
}  # fmt: skip
EATING = {"lose": ("eat {a}", "eat {a} {o}", "eat {a} of them"), "lose_groups": ("eat {a} a day for {k} days",),
          "half": ("eat half of them",)}  # fmt: skip

OPENINGS = ("{n} {have} {s} {o}.", "{n} {start} with {s} {o}.", "At first {n} {have} {s} {o}.", "{n} {own} {s} {o}.",
            "There {are} {s} {o} on {ns} table.", "In the morning {n} {have} {s} {o}.", "{n} {begin} with {s} {o}.",
            "{n} {have} a box with {s} {o}.", "One day {n} {have} {s} {o}.", "{n} {have} {s}.")  # fmt: skip
QUESTIONS = ("How many {o} {do} {n} have now?", "How many {o} are left?", "How many {o} {do} {n} have in the end?",
             "How many {o} are there now?", "How many {do} {n} have?", "How many {o} {do} {n} have left?",
             "What is the number of {o} now?", "How many remain?", "Find how many {o} {n} {have} now.",
             "How many {o} {do} {n} have after that?", "how many now?")  # fmt: skip
ASIDE = ("If {n} {have} {s} {o} and {events}, how many {o} {do} {n} have?",
         "How many {o} {do} {n} have if {n} {start} with {s} and {events}?",
         "Suppose {n} {have} {s} {o} and {events}. How many {o} are left?",
         "{n} {have} {s} {o} and {events}. How many {o} {do} {n} have now?",
         "{n} {have} {s} {o} and {events}, how many left?")  # fmt: skip
HELD_OPENINGS = ("We know that {n} {have} {s} {o} at home.", "{n} {keep} {s} {o} in a bag.")
HELD_QUESTIONS = ("Work out the final number of {o}.", "Can you say how many {o} {n} {have} at the end of the day?")
HELD_ASIDE = ("How many {o} would {n} be left with, starting from {s} {o}, when {n} {events}?",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Who acts, on what, in which tense, and how small numbers are written."""

    name: str
    pronoun: str
    things: str
    past: bool
    words: bool

    def verb(self, base: str) -> str:
        """Conjugate `base` for the teller's person and tense."""
        third, past = VERBS[base]
        return past if self.past else base if self.name == "I" else third

    def number(self, value: int) -> str:
        """Write `value`, as a word where the teller likes words and one exists."""
        return NUMBER_WORDS[value] if self.words and value < len(NUMBER_WORDS) else str(value)

    def slots(self, start: int) -> dict[str, str]:
        """Return what the opening and the question need."""
        first = self.name == "I"
        forms = {base: self.verb(base) for base in ("have", "start", "own", "begin", "keep")}
        return forms | {
            "n": self.name, "ns": "my" if first else f"{self.name}'s", "o": self.things, "s": self.number(start),
            "do": "do" if first else "does", "are": "were" if self.past else "are",
        }  # fmt: skip

    def phrase(self, event: Event, rng: random.Random) -> str:
        """Phrase `event` without its subject."""
        options = PHRASES[event.kind]
        if self.things in FOOD and event.kind in EATING and rng.random() < 0.4:
            options = EATING[event.kind]
        base, rest = rng.choice(options).split(" ", 1)
        giver = rng.choice(OTHERS[:1] + OTHERS[2:] if self.pronoun != "he" else OTHERS)
        filled = rest.format(a=self.number(event.size), k=self.number(event.count), o=self.things, f=giver)
        return f"{self.verb(base)} {filled}"


def draw_teller(rng: random.Random) -> Teller:
    """Draw a teller; one in six speaks of himself."""
    name, pronoun = ("I", "I") if rng.random() < 0.17 else rng.choice(NAMES)
    things = rng.choice(FOOD) if rng.random() < 0.45 else rng.choice(THINGS)
    return Teller(name=name, pronoun=pronoun, things=things, past=rng.random() < 0.35, words=rng.random() < 0.2)


def sentences(teller: Teller, phrases: list[str], rng: random.Random) -> str:
    """Spread phrases over sentences of one or two, each with a subject."""
    parts: list[str] = []
    index = 0
    while index < len(phrases):
        take = 2 if rng.random() < 0.35 and index + 1 < len(phrases) else 1
        subject = teller.name if rng.random() < 0.4 or teller.name == "I" else teller.pronoun.capitalize()
        lead = rng.choice(("Then ", "After that ", "Later ", "Next ", "Now ")) if rng.random() < 0.4 else ""
        if lead and subject != teller.name:
            subject = teller.pronoun
        joint = rng.choice((" and ", " and then ", ", then "))
        parts.append(f"{lead}{subject} {joint.join(phrases[index : index + take])}.")
        index += take
    return " ".join(parts)


def listed(phrases: list[str], rng: random.Random) -> str:
    """Join phrases in one clause: `a, b and c`."""
    joint = rng.choice((" and ", " and then "))
    return joint.join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)


def generate(rng: random.Random, level: int, *, held_phrasing: bool) -> Problem:
    """Draw a chain and tell it in English."""
    chain, teller = draw_chain(rng, level), draw_teller(rng)
    phrases = [teller.phrase(event, rng) for event in chain.events]
    slots = teller.slots(chain.start)
    if rng.random() < (0.35 if level == 1 else 0.12 if level == 2 else 0.04):
        text = rng.choice(HELD_ASIDE if held_phrasing else ASIDE).format(events=listed(phrases, rng), **slots)
    else:
        opening = rng.choice(HELD_OPENINGS if held_phrasing else OPENINGS).format(**slots)
        question = rng.choice(HELD_QUESTIONS if held_phrasing else QUESTIONS).format(**slots)
        text = f"{opening} {sentences(teller, phrases, rng)} {question}"

    def solve(rng: random.Random, pen: Pen) -> Solution:
        return solve_chain(chain, "en", rng, pen)

    return Problem(
        family="word_en", lang="en", difficulty=level, question=text, answer=str(chain.answer()), key=chain.key(),
        held_out_phrasing=held_phrasing, solve=solve,
    )  # fmt: skip
