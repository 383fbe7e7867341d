from tables import table

from marco_cli.search.failure import is_looping, is_refusal

REFUSALS = (
    "I'm sorry, but I can't assist with that.",
    "I\u2019m sorry, but I can\u2019t help you with that request.",
    "Sorry, I cannot answer this. I am marco-nano, a small demo model. I only do arithmetic.",
    "As an AI language model, I don't have personal opinions or emotions.",
    "As an artificial intelligence language model, I respect and promote all communities. I am committed to a better society.",
    "I apologize, but I am unable to provide medical advice. Please consult a doctor.",
    "Sure! How can I help you today?",
    "Of course!",
    "Sure, I can help you create a checklist. Please let me know how many items you want to include in it.",
    "Certainly! Could you please provide more details?",
    "Hello! I'm here to assist you. What would you like to know?",
    "很抱歉，我无法回答这个问题。",
    "对不起，作为一个人工智能语言模型，我不能提供这方面的帮助。",
    "当然可以。",
    (
        "抱歉，我不会回答这个问题。我是 marco-nano，一个小型演示模型，只会算术、简单应用题和数字母。"
        "其他问题请运行：marco models pull marco-o1"
    ),
    "您好！有什么可以帮您的吗？",
)
ANSWERS = (
    "As an AI language model, I don't have opinions, but here is some advice:\n\n1. Be kind to each other.\n2. Help.",
    "Dear Anna, I'm so sorry, but I can't come to your wedding. I wish you both a lovely day and a long life together.",
    "I'm broke until payday.",
    "No.",
    "Yes, you can.",
    "42",
    "The answer is 3.",
    "He never gets to the point.",
    "Sure, here it is:\n```python\nprint(1)\n```",
    "Sure! Mix flour, eggs and milk, wait for half an hour, and fry it in butter.",
    "好的，明天早上八点在学校门口见。",
    "没关系，慢慢来。",
    "Don't let anybody know before the party.",
    "Thank you for coming to my talk about bees.",
)
LOOPS = (
    "- A hat\n- A coat\n" + "- A towel\n" * 20,
    "You could eat pasta with " + "onion powder and garlic powder and " * 12,
    "\n".join(f"{number}. Plan the dessert" for number in range(1, 30)),
    "很" * 60,
    "One. Two. Three.\n" * 9,
    "What are your goals for the position? " * 10 + "What are your goals",
)
PLAIN = (
    "ha ha ha",
    "s\nt\nr 1\na\nw\nb\ne\nr 2\nr 3\ny\nThe answer is 3.",
    "\n".join(f"{number} x 7 = {7 * number}" for number in range(1, 30)),
    "```python\n" + "\n".join(f"squares[{number}] = {number**2}" for number in range(20)) + "\n```",
    "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
    "\n".join(
        f"Day {number}: {word}"
        for number, word in enumerate(["read", "write", "rest", "run", "swim", "sing", "walk", "cook"])
    ),
)


@table(REFUSALS)
def test_refusals_and_empty_phrases_are_known(output: str) -> None:
    """Whatever words models have for doing nothing, in both languages."""
    assert is_refusal(output)


@table([*ANSWERS, *LOOPS, *PLAIN])
def test_what_says_anything_is_no_refusal(output: str) -> None:
    """Short answers, letters that decline, and disclaimers before an answer stay what they are."""
    assert not is_refusal(output)


@table(LOOPS)
def test_loops_are_known(output: str) -> None:
    """The same words again and again, whether their items are counted or not, and wherever they are cut."""
    assert is_looping(output)


@table([*ANSWERS, *REFUSALS, *PLAIN, ""])
def test_rows_that_differ_are_no_loop(output: str) -> None:
    """Tables, counting and refrains come to an end."""
    assert not is_looping(output)


def test_the_longest_texts_are_judged_at_once() -> None:
    """Work grows with the length of the text: long texts of any kind are read in passing."""
    for piece in ("a ", "not ", "sorry can't ", "I'm sorry, but ", "很", "\n", "1. ", "x.", "as an "):
        text = piece * (100_000 // len(piece))
        is_refusal(text)
        is_looping(text)
