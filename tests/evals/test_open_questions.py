"""The questions of `marco eval open` and their rubrics."""

from collections import Counter
from pathlib import Path

import pytest

from marco_cli.errors import InputError
from marco_cli.evals.base import Item, Selection
from marco_cli.evals.scoring import grade
from marco_cli.evals.selection import load_items

QUESTIONS = {item.id: item for item in load_items("open", Selection()).items}

GOOD = (
    (
        "open-advice-01",
        (
            "1. Be kind to strangers.\n2. Volunteer in your community.\n3. Stay in touch with friends and family.\n"
            "4. Support schools, so that every child has an education.\n5. Look after your health, and sleep enough.\n\n"
            "Small deeds, done every day by many people, make the world a happier place."
        ),
        (
            "Here are some ways:\n\n- **Help others**: small acts of kindness lift everybody's mood, also your own.\n"
            "- **Build communities**: eat together, share tools, and know your neighbours by their names.\n"
            "- **Work for peace**: listen before you judge, and speak up when somebody is treated badly."
        ),
    ),
    (
        "open-advice-03",
        (
            'Choose a calm moment and say: "I feel stressed when the dishes pile up. Could we take turns?" Then agree on a '
            "simple schedule that both of you can keep to."
        ),
        (
            'You could try: "Hey, I\'ve noticed that the sink is often full. Can we talk about how we share the cleaning?" '
            "Keep it friendly and speak about yourself, not about their character."
        ),
    ),
    (
        "open-advice-09",
        (
            "Dear Anna and Tom,\n\nThank you so much for the invitation. Unfortunately, I won't be able to come on that day. "
            "I wish you a wonderful celebration!\n\nWarmly,\nKim"
        ),
        (
            "Hi both! I'm honoured that you thought of me, and I'm so sorry that I can't be there in May. I will raise a glass "
            "to you from afar."
        ),
    ),
    (
        "open-advice-10",
        "1. 设定一个小目标,例如每天走二十分钟。\n2. 固定锻炼的时间,让它成为习惯。\n3. 找一个朋友一起锻炼,互相鼓励。",
        "- 制定简单的计划,把锻炼写进日程。\n- 选择自己喜欢的运动,这样更容易坚持下去,也不会觉得累。\n- 达到目标后给自己一个小奖励。",
    ),
    (
        "open-explain-01",
        (
            "Sunlight is made of many colours. When it meets the air, the blue part is scattered all over the sky. So wherever "
            "you look, you see blue."
        ),
        (
            "Light from the sun looks white, but it holds all the colours of the rainbow. The air bounces the blue light "
            "around more than the other colours."
        ),
    ),
    (
        "open-explain-03",
        "Inflation is a general rise in prices over time. It means that the same money buys less than before.",
        "Inflation is the rate at which prices increase in an economy. As it rises, the purchasing power of a currency falls.",
    ),
    (
        "open-explain-11",
        "光合作用是植物利用光能,把二氧化碳和水变成糖分的过程。这个过程会放出氧气。",
        "植物的叶子吸收阳光,用二氧化碳和水制造养分。同时它们释放出氧气,供我们呼吸。",
    ),
    (
        "open-plan-03",
        (
            "**Morning**: the Louvre, as early as you can.\n**Afternoon**: lunch in the Marais, then a walk along the Seine to "
            "Notre-Dame.\n**Evening**: the Eiffel Tower at sunset, and dinner in Montmartre. Buy the tickets for the museum and "
            "for the tower some days before, as the queues are long."
        ),
        (
            "In the morning, climb the Eiffel Tower before the crowds come. In the afternoon, see the Impressionists at the "
            "Musée d'Orsay and take a boat on the Seine. In the evening, have dinner at a small bistro and listen to jazz."
        ),
    ),
    (
        "open-plan-07",
        (
            "Dinner: pasta with tomato sauce and white beans.\n\nShopping list:\n- 500 g pasta\n- 2 tins of tomatoes\n"
            "- 1 tin of beans\n- 2 onions\n- garlic, basil\n- parmesan\n\nFry the onions and the garlic, add tomatoes and beans, "
            "cook for twenty minutes, and serve it with the pasta."
        ),
        (
            "Vegetable curry for four. You need:\n1. 400 g rice\n2. 2 peppers\n3. 1 tin of chickpeas\n4. 1 tin of coconut milk\n"
            "5. curry paste\nCook the rice; fry the peppers with the paste; add chickpeas and coconut milk and let it simmer "
            "for fifteen minutes. Serve with the rice and some lime."
        ),
    ),
    ("open-translate-01", "我发工资之前都没钱了。", "发薪日之前我可是穷得叮当响。"),
    ("open-translate-03", "外面下着倾盆大雨,今晚我们就待在家里吧。", "雨下得太大了,所以今晚别出门了。"),
    (
        "open-translate-08",
        "He always beats around the bush when he talks.",
        "He never gets to the point; he always talks in circles.",
    ),
    ("open-translate-11", "You can do it!", '"Come on, you\'ve got this!"'),
    (
        "open-code-01",
        "```python\ndef is_palindrome(text):\n    text = text.replace(' ', '').lower()\n    return text == text[::-1]\n```",
        (
            "def is_palindrome(text):\n    letters = [c for c in text.casefold() if c.isalnum()]\n"
            "    return letters == list(reversed(letters))"
        ),
    ),
    (
        "open-code-06",
        (
            "SELECT c.id, c.name, COUNT(*) AS n FROM customers c JOIN orders o ON o.customer_id = c.id "
            "GROUP BY c.id, c.name ORDER BY n DESC LIMIT 5;"
        ),
        (
            "```sql\nselect top 5 name, count(orders.id) from customers join orders on customers.id = customer_id\n"
            "group by name order by count(orders.id) desc\n```"
        ),
    ),
    (
        "open-code-12",
        '```json\n{"title": "The Hobbit", "author": "J. R. R. Tolkien", "year": 1937}\n```',
        'Here it is: {"title": "The Hobbit", "author": "Tolkien", "year": "1937"}',
    ),
)
BAD = (
    ("open-advice-01", "I'm sorry, but I can't assist with that.", "Kindness."),
    (
        "open-advice-03",
        "I'm sorry, but I can't assist with that.",
        "As an AI, I do not have flatmates. You could clean up.",
    ),
    (
        "open-advice-09",
        "I'm sorry, but I can't assist with that.",
        "Thank you for the invitation! I will be there at noon, with my wife.",
    ),
    (
        "open-advice-10",
        "1. Set a goal.\n2. Fix a time.\n3. Find a friend to train with, and keep going.",
        "坚持就是胜利。",
    ),
    (
        "open-explain-01",
        "Because it reflects the blue ocean.",
        (
            "The sky is blue because of Rayleigh scattering. Light is a wave. Its wavelength matters. Air is a gas. Gas has "
            "molecules. They scatter light. So it is blue."
        ),
    ),
    (
        "open-explain-03",
        "It is when a balloon is filled with air. Then it grows.",
        "Prices rise. Money is worth less. People are poorer. Banks react.",
    ),
    ("open-explain-11", "Photosynthesis turns light into sugar.", "植物会长大。"),
    (
        "open-plan-03",
        "Paris is the capital of France and a wonderful city with much to see.",
        "Morning: sleep. Afternoon: eat.",
    ),
    (
        "open-plan-07",
        (
            "Roast chicken with rice and onions. Shopping list:\n- chicken\n- rice\n- onions\n- pepper\n"
            "Roast the chicken for an hour, cook the rice, fry the onions, and serve it all together on a large plate."
        ),
        "A nice dinner with vegetables.",
    ),
    ("open-translate-01", "I have no money until payday.", "我坏了,直到发薪日。"),
    ("open-translate-03", "天上下着猫和狗,所以今晚待在家里吧。", "It is raining, so let's stay at home."),
    ("open-translate-08", "He always turns corners when he speaks.", "这个人说话不直接。"),
    ("open-translate-11", "Refuel, you can do it!", "加油!"),
    (
        "open-code-01",
        "Reverse the text and compare it.",
        "```python\ndef is_palindrome(text)\n    return text.lower() == text[::-1]\n```",
    ),
    (
        "open-code-06",
        "SELECT name FROM customers LIMIT 5;",
        "Join the tables, group them, and sort them in descending order.",
    ),
    (
        "open-code-12",
        '{"title": "The Hobbit", "author": "Tolkien"}',
        '{"title": "The Hobbit", "author": "J. K. Rowling", "year": 1937}',
    ),
)


def test_there_are_enough_questions_of_every_kind_in_both_languages() -> None:
    """At least sixty, at least ten of a kind, and each kind is asked in Chinese too."""
    items = QUESTIONS.values()
    kinds = Counter(item.group for item in items)

    assert len(items) >= 60
    assert set(kinds) == {"advice", "explain", "plan", "translate", "code"}
    assert min(kinds.values()) >= 10
    assert {(item.group, item.lang) for item in items} == {(kind, lang) for kind in kinds for lang in ("en", "zh")}
    assert len({item.question for item in items}) == len(items)


def expand(cases: tuple[tuple[str, str, str], ...]) -> list[tuple[Item, str]]:
    """Return each reply with its question."""
    return [(QUESTIONS[name], text) for name, *texts in cases for text in texts]


@pytest.mark.parametrize(("item", "text"), expand(GOOD))
def test_a_good_reply_is_right(item: Item, text: str) -> None:
    """A rubric leaves room for more than one way to answer well."""
    found = grade(text, item)

    assert (found.verdict, found.value >= 0.7) == ("right", True), found.answer


@pytest.mark.parametrize(("item", "text"), expand(BAD))
def test_a_bad_reply_is_not_right(item: Item, text: str) -> None:
    """Refusals, empty phrases, the wrong language, the wrong form and word-for-word translations lose."""
    assert grade(text, item).verdict == "wrong"


@pytest.mark.parametrize("item", QUESTIONS.values(), ids=lambda item: str(item.id))
@pytest.mark.parametrize(
    "text", ["I'm sorry, but I can't assist with that.", "很抱歉,我无法回答这个问题。", "Sure!", "42"]
)
def test_no_refusal_and_no_empty_phrase_is_right(item: Item, text: str) -> None:
    """Whatever is asked, saying nothing is not an answer."""
    assert grade(text, item).verdict == "wrong"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('{"question": "Why?"}', "mine.jsonl line 2: no list of criteria under rubric"),
        ('{"question": "Why?", "rubric": "say: so"}', "mine.jsonl line 2: no list of criteria under rubric"),
        ('{"question": "Why?", "rubric": []}', "mine.jsonl line 2: the target is empty"),
        ('{"question": "Why?", "rubric": ["sya: so"]}', "mine.jsonl line 2: 'sya: so' is not a criterion of a rubric"),
    ],
)
def test_a_row_without_a_rubric_is_told_by_its_line(row: str, expected: str, tmp_path: Path) -> None:
    """Questions of one's own are checked before anything is asked."""
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"question": "Why?", "rubric": ["say: because", "better items: 3-"]}\n' + row + "\n", encoding="utf-8"
    )

    with pytest.raises(InputError) as caught:
        load_items("open", Selection(data=path))
    assert caught.value.message == expected
