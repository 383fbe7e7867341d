import pytest
from tables import table

from marco_cli.errors import InputError
from marco_cli.evals.base import Item, Score
from marco_cli.evals.rubric import count_items
from marco_cli.evals.scoring import check_target, grade


def score(text: str, *criteria: str) -> Score:
    """Return what a reply is worth under these criteria."""
    return grade(text, Item(id="1", question="?", target="\n".join(criteria), scorer="rubric"))


HOLDS = (
    ("say: volunteer | help", "We can HELP each other."),
    ("say: exercis", "Daily exercises are good."),
    ("say: 沟通", "首先要沟通。"),
    ("say: don't", "Don\u2019t worry."),
    ("say: ABC", "\uff21\uff22\uff23"),  # full width
    ("say: % 15 | %15", "if i % 15 == 0:"),
    ("not: as an AI", "Talk to them."),
    ("not: car", "The scar is old."),
    ("items: 3", "1. One\n   - detail\n   - detail\n2. Two\n3. Three"),
    ("items: 3", "Here:\n\n- one\n- two\n- three"),
    ("items: 2", "### 1. **One**\nText.\n\n### 2. **Two**\nText."),
    ("items: 2", "**1. One**\n\n**2. Two**"),
    ("items: 2-", "一、\n1、吃饭\n2、睡觉"),
    ("items: 0", "No list here - or is there? 3.5 kg, 10:00."),
    ("items: -2", "* one\n* two"),
    ("items: 0", "```yaml\n- one\n- two\n```"),
    ("words: 3", "It's quite good."),
    ("words: 4", "今天下雨。"),
    ("lines: 2-3", "one\n\ntwo\n"),
    ("sentences: 2", "Prices rise by 3.5 %. Money buys less."),
    ("sentences: 2", "物价上涨。钱不值钱了！"),
    ("language: zh", "这是 Python 代码：\n```python\ndef long_english_name(): ...\n```"),
    ("language: en", "He always beats around the bush (拐弯抹角)."),
    ("code: python", "Here:\n```python\nprint(1)\n```\nDone."),
    ("code: python", "def f(x):\n    return x"),
    ("code: python", "Use `len(s.split())` here."),
    ("code: python", "1. So:\n   ```python\n   print(1)\n   ```"),
    ("code: python", "```python\nprint(re.findall('\\d', s))"),  # no end, and an escape that Python warns of
    ("def: push", "```python\nclass Stack:\n    def push(self, x): ...\n```"),
    ("def: Stack", "```python\nclass Stack:\n    def push(self, x): ...\n```"),
    ("json: title, year", 'Sure: {"title": "x", "year": 1937, "more": 1}.'),
    ("json: a", '```json\n{"a": 1}\n```'),
)
FAILS = (
    ("say: volunteer | help", "I'm sorry, but I can't assist with that."),
    ("say: ham", "A shame."),
    ("not: as an AI", "As an AI, I have no friends."),
    ("items: 3-", "1. One\n2. Two"),
    ("items: -2", "- a\n- b\n- c"),
    ("words: 5-", "Too short."),
    ("sentences: 1", "One. Two."),
    ("language: zh", "Sure, the answer is 好."),
    ("language: en", "他总是拐弯抹角。"),
    ("code: python", "```python\ndef f(:\n```"),
    ("code: python", "Hello"),
    ("code: python", "(" * 10_000),
    ("def: is_even", "```python\ndef is_odd(n): ...\n```"),
    ("json: title", '{"title": '),
    ("json: title", "[" * 10_000),
)


@table(HOLDS)
def test_a_reply_that_fits_holds(criterion: str, text: str) -> None:
    """Each kind of criterion finds what it is about, however models write it."""
    assert score(text, criterion) == Score(verdict="right", value=1.0, answer="has all of the rubric", rule="rubric")


@table(FAILS)
def test_a_reply_that_does_not_fit_fails(criterion: str, text: str) -> None:
    """And the score says which criterion it was."""
    assert score(text, criterion) == Score(verdict="wrong", value=0.0, answer=f"misses {criterion}", rule="rubric")


def test_a_wish_costs_its_share_and_no_more() -> None:
    """A reply is right when all musts hold; its value is the share of all criteria."""
    found = score("Drink less coffee.", "say: coffee", "better say: alcohol", "words: 2-9", "better words: 20-")

    assert (found.verdict, found.value) == ("right", 0.5)


@table(["", "say:", "say: |", "sya: help", "items: many", "items: -", "language: fr", "code: rust", "help"])
def test_a_line_that_is_no_criterion_is_refused(target: str) -> None:
    """A typing error in a rubric is told before anything is asked."""
    with pytest.raises(InputError) as caught:
        check_target(Item(id="1", question="?", target=target, scorer="rubric"), where="line 1")
    assert "\n" not in caught.value.message


def test_the_longest_texts_take_linear_time() -> None:
    """No reply makes the scorer hang: many marks, fences and words are counted once each."""
    for text in ("- x\n" * 50_000, "```\n" * 50_000, "`" * 100_000, " " * 200_000, "a'" * 100_000, "\n" * 200_000):
        score(text, "items: 1-", "words: 1-", "sentences: 1-", "language: en", "code: python", "json: a", "say: bb")
    assert count_items("- x\n" * 50_000) == 50_000
