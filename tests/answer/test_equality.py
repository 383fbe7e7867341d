"""Two different answers are never one, and one is never two."""

import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest
from tables import table

from marco_cli.answer import Answer, equal, extract, matches, read

DATA = Path(__file__).parents[3] / "shared" / "data"
WORDINGS = ("The answer is ${}$.", r"\boxed{{{}}}", "<answer>{}</answer>")

# Outputs that say the same.
SAME = [
    # numbers
    ("½", "0.5", r"\boxed{\frac12}", r"\boxed{\dfrac{1}{2}}", "<answer>1/2</answer>", "The answer is $.5$."),
    ("Answer: − 5", "The answer is $- 5$.", r"\boxed{-5}", "#### -5"),
    (r"\boxed{1\frac{4}{5}}", "The answer is 1 4/5.", "9/5", r"$1\tfrac45$"),
    (r"\boxed{-1\frac12}", "-1.5", "The answer is -3/2."),
    (r"\boxed{28}\%", r"\boxed{28\%}", "28 pct", "The answer is 28 percent.", "28 %"),
    ("3‰", "0.3%"),
    ("2 dozen", "24", "two dozen eggs"),
    ("an hour and a half", "1.5", "The answer is 1.5 hours."),
    ("$1.5M", "The answer is 1.5 million.", "1,500,000"),
    ("The answer is $5k.", "5000"),
    (r"\boxed{3\text{ million}}", "3,000,000", "The answer is 3 million."),
    ("<answer> 12 </answer> I used 3 steps.", "12"),
    ('```json\n{"answer": 42}\n```', '{"answer": "42"}', "The answer is 42."),
    ("sin(30°) = 0.5", "0.5", r"\boxed{\sin 30^\circ}"),
    (r"\boxed{x = 5}", "The answer is $5$.", "Answer: 5 apples", "x = 5"),
    (r"$2^{10}$", "1024", r"The answer is $2^{10}$."),
    (r"The answer is $10!$.", "Answer: 10!", "3628800"),
    (r"\boxed{10,\!080}", "10080", "The answer is $10{,}080$."),
    (r"\boxed{0.\overline{3}}", "1/3", r"0.\overline{3}", "0.(3)", r"0.\bar{3}"),
    ("The answer is −½.", "−½", "-1/2", r"\boxed{-½}", r"\frac{1}{-2}"),
    ("The answer is 2**10.", "2**10", r"\boxed{2 ** 10}", "1024"),
    (r"\boxed{x**3 + 2*x}", "x^3 + 2x", "The answer is x**3 + 2*x."),
    (r"\boxed{864 \mbox{ inches}^2}", "864", "The answer is 864 square inches.", "864 in^2"),
    (r"\boxed{5 \text{ m}}", "5 m", "The answer is $5\\text{ m}$."),
    # mathematics
    (r"\boxed{2\sqrt{3}}", r"The answer is $\sqrt{12}$.", r"<answer>\sqrt{12}</answer>"),
    (r"\boxed{(x+1)^2}", r"The answer is $x^2 + 2x + 1$.", "x^2+2x+1"),
    (r"\boxed{\frac{n(n-3)}{2}}", "n(n-3)/2"),
    (r"\boxed{\frac{1}{\sqrt3}}", r"\boxed{\frac{\sqrt{3}}{3}}"),
    (r"\boxed{y = 2x + 3}", r"\boxed{2x - y + 3 = 0}"),
    (r"\boxed{\log_2 8}", "3"),
    (r"\boxed{\left( 3, \frac{\pi}{2} \right)}", r"The answer is (3, π/2)."),
    (r"\boxed{x \in [-2,7]}", "Answer: [-2, 7]", r"\boxed{-2 \le x \le 7}"),
    ("x > 5", r"\boxed{(5, \infty)}"),
    (r"\boxed{x < 1 \text{ or } x > 2}", r"\boxed{(-\infty, 1) \cup (2, \infty)}", "The answer is x < 1 or x > 2."),
    (r"\boxed{1 \pm \sqrt{19}}", r"The answer is $1+\sqrt{19}$ and $1-\sqrt{19}$."),
    (r"\boxed{1,-2}", r"\boxed{\{-2, 1\}}", "The answer is $-2$ and $1$.", r"\boxed{1} and \boxed{-2}"),
    ("The answer is $x=2$ or $x=3$.", r"\boxed{3, 2}"),
    (r"\boxed{\begin{pmatrix} 1 \\ 2 \end{pmatrix}}", r"The answer is \begin{bmatrix} 1\\2 \end{bmatrix}."),
    (r"\boxed{4210_5}", r"The answer is $4210_{5}$."),
    (
        r"\boxed{101_2}",
        r"\boxed{101_{\text{two}}}",
        r"\boxed{101_{\text{base }2}}",
        r"\boxed{101 \text{ (base 2)}}",
        "101 (base 2)",
        "The answer is 101 in base 2.",
    ),
    ("The answer is €12,50.", "12,50 €", "12.5"),
    ("The answer is 20 after 5 days.", "The answer is 20 in 5 days.", "20"),
    # the rest
    (
        "<answer>B</answer>",
        "Option B is correct.",
        "选项 B 是正确的。",
        "The answer is (B).",
        r"\boxed{\text{(B)}}",
        "**B**",
    ),
    (
        "Thus (C).",
        "Hence, option C.",
        "So it's C.",
        "La respuesta correcta es la C.",
        "La réponse est l'option C.",
        "Правильный ответ: вариант C.",
        "答えは選択肢Cです。",
        "正确选项是 C。",
        "คำตอบที่ถูกต้องคือ ข้อ C",
        "সঠিক উত্তর হল বিকল্প C।",
        "Jibu sahihi ni chaguo C.",
    ),
    ("The answer is J.", r"\boxed{J}", "(j)"),
    ("7 PM", "7:00 p.m.", "The answer is 7 pm."),
    ("三月五日", "3月5日", "March 5"),
    ("Tokyo", "tokyo.", "The answer is **Tokyo**.", r"\boxed{\text{Tokyo}}"),
    (r"\boxed{\text{Tuesday}}", "tuesday"),
    (r"The answer is $\text{This is not possible}$.", r"\boxed{\text{This is not possible}}"),
    (r"The answer is $A \cup B$.", r"\boxed{B \cup A}"),
    ("The answer is A and C.", r"\boxed{\text{(A), (C)}}", "<answer>C, A</answer>"),
]

# Each of these is another answer than all others in its row.
DIFFERENT = [
    ("(3, -4)", "3", "-4", "(3, 4)", "(-4, 3)", "3 - 4", "[3, -4]", "3, -4"),
    (r"$\sqrt{17}$", "17", r"$-\sqrt{17}$", r"$\sqrt{17}, 3$"),
    ("$2^{10}$", "2", "10", "$2^{11}$"),
    (r"\boxed{x+y+z=0}", r"\boxed{5x - 7y + 11z + 4 = 0}", "0", r"\boxed{x+y-z=0}"),
    (r"\boxed{52_8}", r"\boxed{52}", r"\boxed{52_9}"),
    ("Answer: 10!", "10", "9!"),
    (r"\boxed{3abc}", r"\boxed{3}", r"\boxed{3ab}"),
    (r"\boxed{5 \text{ percent}}", r"\boxed{5}"),
    (r"The answer is $A \cup B$.", "The answer is A.", r"The answer is $1, 2, \ldots, 10$.", "The answer is 1."),
    (r"<answer>\operatorname{cis} 30</answer>", "<answer>30</answer>"),
    (r"\boxed{3a}", r"\boxed{3}", r"\boxed{3b}", r"\boxed{3A}", r"\boxed{3a^2}"),
    (r"\boxed{2k}", "2", r"\boxed{2k+2}", r"\boxed{2K}"),
    (r"\boxed{3R^2}", "3", r"\boxed{3R}", r"\boxed{3r^2}"),
    ("7 PM", "7 AM", "7", "8 PM"),
    ("三月五日", "三月八日", "5"),
    ("星期三", "3", "星期四"),
    ("±3", "3", "-3"),
    (r"\boxed{x < 1 \text{ or } x > 2}", r"\boxed{x < 1 \text{ and } x > 2}", r"\boxed{x < 1}"),
    (r"\boxed{x > 0, y < 1}", r"\boxed{y > 0, x < 1}"),
    ("x>5", "x<5", "5", r"\boxed{x \ge 5}"),
    ("5k", "5"),
    ("$1.5M", "1.5", "$1.5B"),
    ("2 dozen", "2"),
    ("3‰", "3", "3%"),
    ("28 pct", "28", "0.28"),
    ("The answer is an hour and a half.", "1", "The answer is half an hour."),
    (r"\boxed{1-i}", "1", r"\boxed{1+i}", r"\boxed{-i}"),
    (r"\boxed{3/x}", "3", r"\boxed{3x}"),
    (r"\boxed{(2,3)}", r"\boxed{[2,3]}", r"\boxed{(2,3]}", r"\boxed{\{2,3\}}", r"\boxed{(3,2)}"),
    (r"\boxed{(-\infty, 2) \cup (3, \infty)}", r"\boxed{(-\infty, 2)}", r"\boxed{(-\infty, 2] \cup (3, \infty)}"),
    (r"\boxed{2, 2, 3}", r"\boxed{2, 3}", "223"),
    (r"\boxed{3,5,7}", "3", "357", r"\boxed{3,5}"),
    (r"\boxed{3-\sqrt7}", "3", r"\boxed{3+\sqrt7}", r"\boxed{\sqrt7 - 3}"),
    (r"\boxed{a=1, b=2}", r"\boxed{a=2, b=1}", r"\boxed{1, 2}"),
    (r"\boxed{(x,y)=(1,2)}", r"\boxed{(y,x)=(1,2)}"),
    (r"\boxed{\begin{pmatrix} 1 \\ 2 \end{pmatrix}}", r"\boxed{\begin{pmatrix} 1 & 2 \end{pmatrix}}", "(1, 2)"),
    (r"\boxed{|x|}", r"\boxed{x}", r"\boxed{-x}"),
    (r"\boxed{x^2}", r"\boxed{2x}", r"\boxed{x}"),
    (r"\boxed{\sum_{k=1}^n k}", r"\boxed{\sum_{k=1}^n k^2}", "1"),
    (r"\boxed{2^{100000}}", r"\boxed{2^{100000}+1}"),
    (r"\boxed{\text{AB}}", r"\boxed{\text{BA}}"),
    ("Paris", "London", "Paris, Texas"),
    ("A", "B", "The answer is A and B."),
    ("x**2", "x*2", "x"),
    ("-½", "½", "2½"),
    ("The answer is 3 m 20 cm.", "3", "The answer is 3 m 50 cm.", "20"),
    ("The answer is 5'6\".", "5", "The answer is 5'7\"."),
    ("The answer is 45° 30'.", "45", "30"),
    ("101 (base 2)", "101", "2", "101 (base 3)"),
    ("The answer is 3 out of 4.", "3", "4"),
    (r"(1,2)\cap(3,4)", "4", "(3,4)"),
    ("1.5(4)", r"\boxed{1.5\overline{4}}"),
    ("3:4", "3/4", "4:3"),
    ("The answer is between 5 and 6.", "5", "5 and 6"),
    ("Apollo 11", "Answer: Apollo 13"),
    ("下午3点半", "上午3点半"),
]


def answer(output: str) -> Answer:
    """Read an output that has an answer."""
    found = extract(output)
    assert found is not None, output
    return found


@table(SAME)
def test_one_answer_is_never_two(outputs: tuple[str, ...]) -> None:
    """However it is written and announced."""
    assert len({answer(output).key for output in outputs}) == 1, [answer(output) for output in outputs]


@table(DIFFERENT)
def test_two_answers_are_never_one(outputs: tuple[str, ...]) -> None:
    """However near they are to each other."""
    for one, other in combinations(outputs, 2):
        assert not equal(answer(one), answer(other)), (answer(one), answer(other))


@table(SAME)
def test_what_is_shown_of_an_answer_reads_as_that_answer(outputs: tuple[str, ...]) -> None:
    """Rows and reports keep the canonical spelling alone, so it must say it all."""
    for output in outputs:
        again = read(answer(output).canonical)

        assert again is not None
        assert again.key == answer(output).key or answer(output).kind == "time"


@table(
    [
        (r"\boxed{12}. Wait, that is wrong. The answer is 17.", "17"),
        (r"\boxed{17}. The answer is correct.", "17"),
        (r"The answer is 12. No: \boxed{17}", "17"),
        (r"\boxed{5}, I said \boxed{5}.", "5"),
        ("<answer>12</answer> no, <answer>17</answer>", "17"),
        (r"<answer>The answer is \boxed{17}.</answer>", "17"),
        (r"The final answer is: $\boxed{\frac{1}{2}}$. I hope it is correct.", "0.5"),
        (r"The answer is $\frac{1}{2}$, or 50%.", "0.5"),
        ("Answer: 12 apples + 5 apples = 17 apples", "17"),
        ("The answer is about 1,200 miles", "1200"),
        ("5 600 $", "5600"),
        ("70 000", "70000"),
        ("1'234", "1234"),
    ]
)
def test_the_answer_that_is_meant_is_read(output: str, canonical: str) -> None:
    """Of several, the last that is announced; of an approximation, what it is one of."""
    assert answer(output).canonical == canonical


@table(
    [
        ("What percent of 50 is 14?", "The answer is 28.", "28%"),
        ("What percent of 50 is 14?", "The answer is 28%.", "28%"),
        ("14 是 50 的百分之几？", "答案是28。", "28%"),
        ("What is 14 of 50 as a fraction?", "The answer is 28.", "28"),
        ("Wie viel ist das?", "1.000", "1000"),
        ("How much is it?", "1.000", "1"),
    ]
)
def test_the_question_settles_what_the_output_leaves_open(question: str, output: str, canonical: str) -> None:
    """Per cent where per cent is asked, and numbers as its language writes them."""
    found = extract(output, question=question)

    assert found is not None
    assert found.canonical == canonical


@table(
    [
        (r"\boxed{2\sqrt{3}}", r"\sqrt{12}", True),
        (r"\boxed{3}", "(3, 4)", False),
        ("The answer is (3, 4).", "4", False),
        ("The answer is b.", "B", True),
        ("The answer is 5.", "x = 5", True),
        (r"\boxed{90}", r"90^\circ", True),
        (r"\boxed{52}", "52_8", False),
        ("The answer is 2125.", "2,125", True),
    ]
)
def test_a_reference_answer_is_read_whole(output: str, target: str, right: bool) -> None:
    """By the same equality as the vote's."""
    assert matches(extract(output), target) is right


@pytest.mark.skipif(not (DATA / "math500").exists(), reason="the data is not part of the repository")
def test_reference_answers_of_math_are_told_apart() -> None:
    """In three wordings each of 500 is one answer; two are one only where they differ in units or spelling."""
    lines = (DATA / "math500" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    golds = sorted({json.loads(line)["answer"] for line in lines})
    keys = {gold: {answer(wording.format(gold)).key for wording in WORDINGS} for gold in golds}
    groups: dict[object, list[str]] = defaultdict(list)
    for gold, found in keys.items():
        groups[min(found)].append(gold)

    assert [gold for gold, found in keys.items() if len(found) > 1] == []
    assert sum(len(group) - 1 for group in groups.values()) <= 12
