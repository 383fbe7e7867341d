"""Answers that cannot be what was asked for."""

from tables import table

from marco_cli.answer import extract
from marco_cli.answer.plausibility import is_plausible


@table(
    [
        ("How many apps did Dave delete?", "The answer is -17.", False),
        ("How many apps did Dave delete?", "\\boxed{-17}", False),
        ("How many apps did Dave delete?", "The answer is 17.", True),
        ("How many apps did Dave delete?", "The answer is 0.", True),
        ("How much money did Jason make washing cars?", "\\(\\boxed{-14}\\) dollars", False),
        ("小明一共有多少个苹果？", "答案是-3。", False),
        ("How much is 5 - 8?", "The answer is -3.", True),
        ("How much is (5 - 8) * 2?", "The answer is -6.", True),
        ("What is 5 - 8?", "The answer is -3.", True),
        ("How many degrees did the temperature change?", "The answer is -3.", True),
        ("How much profit did he make?", "The answer is -20.", True),
        ("Solve x + 5 = 2. How many is x?", "The answer is -3.", True),
        ("How many of -3, 4 and 5 are left?", "The answer is -3.", True),
        ("今天零下多少度？", "答案是-3。", True),
        ("How many people came?", "The answer is many.", True),
        ("Maria buys 12 pens with a 20 dollar note. How much change does she get?", "The answer is -16.", False),
        ("Pens cost $2. Tom pays with $20. What is his change?", "The answer is -4.", False),
        ("Tom bought 3 pens for 2 euros each with 10 euros. What was Tom's change?", "The answer is -4.", False),
        ("He paid 20 dollars. What will he get back as change?", "The answer is -4.", False),
        ("The price was $20 and is $15. What is the change in price?", "The answer is -5.", True),
        ("The price was $20 and is $15. By how much did it change?", "The answer is -5.", True),
        ("It was 20 degrees and is 15. What is the change?", "The answer is -5.", True),
    ]
)
def test_no_amount_is_negative(question: str, output: str, expected: bool) -> None:
    """A question for an amount has no negative answer, unless it speaks of what may be negative."""
    answer = extract(output, question=question)
    assert answer is not None
    assert is_plausible(answer, question) is expected
