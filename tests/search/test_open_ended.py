from search.scripts import reply_saying
from tables import table

from marco_cli.answer import extract
from marco_cli.search.open_ended import Form, comparable_answer, form_of, is_open_ended

ANSWERS = (
    "The answer is 3.",
    "72",
    "Paris",
    "B",
    "(C)",
    "Yes, it is.",
    "She has 5 apples left.",
    "To find the change, follow these steps:\n\n1. Add the prices.\n2. Subtract.\n\n\\[ 20 - 13 = 7 \\]\n\nThe change is \\(\\boxed{7}\\).",
    "1. Janet has 16 eggs.\n2. She eats 3: 16 - 3 = 13.\n3. She sells 13 - 4 = 9 eggs.\n\nSo she makes 9 * 2 = 18 dollars.",
    "首先,16 - 3 = 13。\n然后,13 * 2 = 26。\n所以她一共赚了 26 元。",
    "Let $x$ be the length. Then \\(2x + 4 = 10\\), and therefore \\(x = 3\\).",
    "```python\nprint(6 * 7)\n```\n```output\n42\n```\nThe total is \\boxed{42}.",
    (
        "We compare them digit by digit, from the left to the right, and see that the second one is larger, since eight is less "
        "than nine. So the final answer is 9.9."
    ),
    "First, add the prices:\n\\[ 4 + 9 = 13 \\]\n\nTherefore, the change that she gets back from the cashier",
    "是的。",
    "```python\nprint(6 * 7)\n```\n```output\n42\n```\nThe total cost of all tickets is 42 dollars.",
    "1. Tom has five apples.\n2. He buys three more.\n\nTherefore, he has 8 apples.",
    (
        "Tom begins with five apples and buys three more at the market, and later on he finds two under the tree in front of his house "
        "where nobody else has been looking for them. So he has 10 apples."
    ),
    (
        "Yes, because a square has four equal sides and four right angles, so that it fulfils everything that is asked of a "
        "rectangle, and every square is therefore a rectangle too, though not the other way round."
    ),
    "哈利波特",
    "`42`",
    "答案是北京。",
)
TEXTS = (
    "Here are some ways:\n\n1. **Help others**: be kind.\n2. **Sleep 8 hours**: it helps.\n3. **Give**: share what you have.",
    "1. Buy a cake for $20.\n2. Invite ten children.\n3. Plan 3 games of 15 minutes.",
    "```python\ndef is_even(n):\n    return n % 2 == 0\n```",
    "Use `x = 5` as in:\n```python\nx = 5\n```\nThis assigns 5 to x.",
    (
        "Inflation is a general rise in prices over time. When prices rise by 3 percent in a year, 100 dollars buy what 97 dollars "
        "bought before, so that the purchasing power of wages and savings falls unless they rise as well."
    ),
    "以下是一些建议:\n1. 每天散步三十分钟。\n2. 多喝水。\n3. 早点睡觉。",
    (
        "Most adults need rest. So try to sleep for 8 hours. It also helps to leave the phone in another room, to drink no coffee in "
        "the afternoon, and to get up at the same hour on every day of the week, also on Sundays."
    ),
    "Yes, of course:\n1. Sleep for 8 hours.\n2. Walk for 20 minutes.",
    (
        "1. A year is a leap year if it is divisible by 4.\n2. But not if it is divisible by 100.\n\nThis means that every fourth "
        "year is one, depending on whether it is divisible by 100."
    ),
    "- socks\n- rain jacket\n- map",
    (
        "Dear Anna,\n\nThank you for the invitation. Unfortunately I will not be able to come on 12 May, as I am abroad then, but I "
        "wish you both a wonderful day and all the best.\n\nKim"
    ),
)
SENTENCES = (
    "He always beats around the bush when he talks.",
    "I'm not feeling well today and want to go home early.",
    "发工资之前我没钱了。",
    "我刚到期了。",
    '"Good job, you definitely will!"',
    "The capital of France is Paris.",
)


@table(
    [
        *((output, Form.ANSWER) for output in ANSWERS),
        *((output, Form.TEXT) for output in TEXTS),
        *((output, Form.SENTENCE) for output in SENTENCES),
    ]
)
def test_the_form_of_an_output_is_known_from_itself(output: str, form: Form) -> None:
    """Calculations and short answers can be compared; a number inside an essay, a list or code is not an answer."""
    assert form_of(output, extract(output)) is form


def test_a_number_inside_a_text_is_no_answer() -> None:
    """A vote, a row and `--json` tell an answer where there is one, and no list marker of an essay."""
    assert [comparable_answer(output, question="?") for output in TEXTS] == [None] * len(TEXTS)
    assert None not in [comparable_answer(output, question="?") for output in ANSWERS]


def test_sentences_are_answers_when_they_agree() -> None:
    """Half of the replies or more that say the same confirm each other; translations that differ do not."""
    paris, lyon = "The capital is Paris.", "It is Lyon, I believe."
    assert is_open_ended([reply_saying(text) for text in (paris, lyon, "Marseille is the capital of France.")])
    assert not is_open_ended([reply_saying(text) for text in (paris, lyon, paris)])
    assert is_open_ended([reply_saying(paris)])


def test_refusals_and_loops_have_no_voice() -> None:
    """What a question is like, the replies that answer it say, however few they are."""
    refusal = "I'm sorry, but I can't assist with that."
    assert is_open_ended([reply_saying(text) for text in (refusal, refusal, TEXTS[0])])
    assert not is_open_ended([reply_saying(text) for text in (refusal, refusal, "The answer is 3.")])
    assert not is_open_ended([reply_saying(refusal)])
    assert not is_open_ended([])
