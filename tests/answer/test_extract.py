import time
import unicodedata
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.answer import Answer, Kind, equal, extract, matches
from marco_cli.answer.value import fraction_text

# Output, kind, canonical form.
BOXED = [
    (r"\boxed{17}", "number", "17"),
    (r"The sum is \boxed{12}, no: \boxed{17}.", "number", "17"),
    (r"\boxed{\frac{3}{4}}", "number", "0.75"),
    (r"\boxed{\text{(B)}}", "choice", "B"),
    (r"\boxed{\text{Paris}}", "text", "paris"),
    (r"\boxed{x = 5}", "number", "5"),
    (r"\boxed{12+5=17}", "number", "17"),
    # A formula is compared as text; its 2 and its 3 are not answers.
    (r"\boxed{2x+3}", "expression", "2x+3"),
    (r"\boxed{2\sqrt{3}}", "expression", r"2\sqrt{3}"),
    (r"\boxed{5 \text{ cm}^2}", "number", "5"),
    (r"\boxed{70{,}000}", "number", "70000"),
    (r"\boxed{1\,234}", "number", "1234"),
    # A plain space groups digits only where the number is all there is: "12 300 g bags" are twelve.
    (r"\boxed{1 234}", "number", "1234"),
    (r"\boxed{(1, 2)}", "tuple", "(1,2)"),
    (r"\boxed{-\dfrac{1}{2}}", "number", "-0.5"),
    (r"\boxed{60\%}", "number", "60%"),
    (r"\boxed{90^\circ}", "number", "90"),
    (r"\boxed{\text{Yes}}", "yes_no", "yes"),
    (r"\boxed{3:30\text{ PM}}", "time", "3:30pm"),
    # Two numbers are not one.
    (r"\boxed{5 or 6}", "set", "5 or 6"),
    (r"\boxed{\$18.00}", "number", "18"),
    (r"\fbox{17}", "number", "17"),
    (r"$\boxed{\dfrac{n(n-3)}{2}}$", "expression", r"\frac{n(n-3)}{2}"),
]
PREFIX_EN = [
    (r"\boxed{} The answer is 3.", "number", "3"),
    ("Answer: 17", "number", "17"),
    ("**Answer:** 17 apples", "number", "17"),
    ("**Final Answer**: **17**", "number", "17"),
    # After a prefix the first number counts, what follows explains.
    ("The answer is 17 because 12+5", "number", "17"),
    ("answer is 3 apples out of 10", "number", "3"),
    # ... unless a calculation begins there: then its result.
    ("The answer is 12 + 5 = 17.", "number", "17"),
    ("Answer: 12 apples + 5 apples = 17 apples", "number", "17"),
    ("The answer is 17 = 12 + 5", "number", "17"),
    ("The answer is not 17 but 18.", "number", "18"),
    ("Answer: Paris", "text", "paris"),
    # A name that stands alone before the comma is the answer, the number a remark ...
    ("The answer is Paris, founded 2000 years ago.", "text", "paris"),
    ("Answer: Janet makes $18 a day.", "number", "18"),
    # ... but a connective or a sentence is not a name.
    ("The answer is, therefore, 17.", "number", "17"),
    ("Answer: After selling, Janet makes $18", "number", "18"),
    ("Answer: B", "choice", "B"),
    ("Answer: (B) 17", "choice", "B"),
    ("Answer: B. 17", "choice", "B"),
    ("The answer is (b).", "choice", "B"),
    ("The answer is option C.", "choice", "C"),
    ("The correct option is D", "choice", "D"),
    # "A" may be an article.
    ("Answer: A total of 17", "number", "17"),
    ("The answer is a dozen, 12.", "number", "12"),
    ("Answer: A because it fits", "choice", "A"),
    ("Answer: A and C", "set", "A and C"),
    ("Answer: C = 12", "number", "12"),
    ("Answer: Yes, 17 is prime.", "yes_no", "yes"),
    # "no" may be a determiner.
    ("The answer is no more than 5.", "number", "5"),
    ("The answer is no.", "yes_no", "no"),
    ("Answer: True", "yes_no", "yes"),
    # What is equal as mathematics is one answer.
    ("Answer: 12 + 5", "number", "17"),
    ("The answer is 2x + 3.", "expression", "2x+3"),
    ("Answer:\n\n17", "number", "17"),
    ("## Answer\n17", "number", "17"),
    ("So the answer is:\n\\[ 17 \\]", "number", "17"),
    ("Answer: 16. Wait, that is wrong.\nAnswer: 17", "number", "17"),
    ("#### 17", "number", "17"),
    ("Answer: red, green, blue", "text", "red,green,blue"),
    ("The answer to the question is 17", "number", "17"),
    ("The answer is 3 to 5", "text", "3-5"),
    ("The answer is 05/12/2024", "text", "05/12/2024"),
    ("The answer is May 12, 2024.", "time", "2024-05-12"),
    (r"The answer is $\frac{3}{4}$.", "number", "0.75"),
    ('The answer is: "Paris".', "text", "paris"),
    ("The answer is **Paris**.", "text", "paris"),
    ("The answer is $17$ dollars", "number", "17"),
    (r"The answer is \(17\).", "number", "17"),
    ("Answer: $x = 17$", "number", "17"),
    ("The answer is approximately 3.14.", "number", "3.14"),
    ("The answer is ½.", "number", "0.5"),
    ("The answer is 60%.", "number", "60%"),
    ("The answer would be 17", "number", "17"),
    ("Final answer = 17", "number", "17"),
    ("My answer: seventeen", "number", "17"),
    ("The answer is one apple.", "number", "1"),
    ("Answer: 17, not 18", "number", "17"),
    ("Answer: $12 + $5 = $17", "number", "17"),
    ("Answer: (12 + 5) * 2 = 34", "number", "34"),
    ("Answer: 10/2 = 5", "number", "5"),
    ("Answer: 100-20*2=60", "number", "60"),
    ("Answer: 12 x 5 = 60", "number", "60"),
    ("Answer: No", "yes_no", "no"),
    ("Answer: false.", "yes_no", "no"),
    ("The answer is E", "choice", "E"),
    ("ANSWER: C", "choice", "C"),
    ("The best choice is A.", "choice", "A"),
]
PREFIX_ZH = [
    ("答案：17", "number", "17"),
    ("答案是17。", "number", "17"),
    ("答案：B", "choice", "B"),
    ("答案是十二个", "number", "12"),
    ("因此答案是 70,000 美元。", "number", "70000"),
    ("答案：70，000元", "number", "70000"),
    ("最终答案为：１７", "number", "17"),
    ("所以，正确答案应该是 5 个苹果", "number", "5"),
    ("答案是12+5=17", "number", "17"),
    ("答案是北京，人口2000万", "text", "北京"),
    ("答案是：因此，17", "number", "17"),
    # "not 17 but 18"
    ("答案不是17而是18", "number", "18"),
    ("答案：是的，因为17是质数", "yes_no", "yes"),
    ("答案是对的。", "yes_no", "yes"),
    ("答案：错", "yes_no", "no"),
    ("答：一共有17个。", "number", "17"),
    ("故选B", "choice", "B"),
    ("应选：C。", "choice", "C"),
    ("所以选 D。", "choice", "D"),
    ("我选择（A）", "choice", "A"),
    ("答案是百分之六十", "number", "60%"),
    ("答案是四分之三", "number", "0.75"),
    ("答案：负五", "number", "-5"),
    ("答案是 A，因为", "choice", "A"),
    ("答案是 3/4", "number", "0.75"),
    ("答案：不是", "yes_no", "no"),
    ("答案：不需要", "text", "不需要"),
    ("答案是：(B)", "choice", "B"),
    ("答案选C", "choice", "C"),
    ("正确答案是D选项", "choice", "D"),
    ("选B，因为17更大", "choice", "B"),
    ("选 A", "choice", "A"),
    ("【答案】B", "choice", "B"),
]
NUMBERS_EN = [
    (r"\boxed{17 and then 18", "18"),
    ("12 apples and 5 pears, so 17 in total", "17"),
    ("12 + 5 = 17", "17"),
    ("She makes $70,000.00 a year.", "70000"),
    ("Peter receives $11.25 in change.", "11.25"),
    ("The temperature is -5 degrees", "-5"),
    ("The temperature is −5°C", "-5"),
    # List numbers are not counted.
    ("1. Add 12 and 5.\n2. Done.", "5"),
    # A list dash is not a sign.
    ("- 17 apples", "17"),
    ("The results:\n- 17 apples", "17"),
    ("Three apples.", "3"),
    ("There are seventeen apples", "17"),
    ("17", "17"),
    ("17.", "17"),
    (".5", "0.5"),
    ("1.2e3", "1200"),
    ("3 × 10⁵ m", "300000"),
    ("½", "0.5"),
    ("1 1/2 cups", "1.5"),
    # Mentioned options are not choice.
    ("Option A costs $5, option B costs $7, so she saves $2.", "2"),
    # An exclamation is not a verdict.
    ("Correct! The total is 17.", "17"),
    ("```\n17\n```", "17"),
    ("0", "0"),
    ("-0", "0"),
    ("Increased from 3 to 5.", "5"),
    ("RMB50", "50"),
    ("50% of 200 is 100", "100"),
    ("The share is 60 percent.", "60%"),
    ("He has 3.00 dollars", "3"),
    ("Total: 1 234 567", "1234567"),
    ("The 3rd of them", "3"),
    ("$x$ = $5$", "5"),
    ("**17**", "17"),
    ("`17`", "17"),
    ("١٧", "17"),
    ("The total is $1,234.50.", "1234.5"),
    ("He runs 60 km/h.", "60"),
    ("The area is 25 cm².", "25"),
    # Exponents are not numbers.
    ("The area is 25 cm^2.", "25"),
    ("The volume is 5 m^{3}", "5"),
    ("x = -3", "-3"),
    ("The change is -$5.", "-5"),
    ("12-5=7", "7"),
    # Between two numbers a minus sign subtracts.
    ("12 -5", "5"),
    # The rule is the last number, even where a reader knows better.
    ("She has 5 left (out of 12).", "12"),
    ("The probability is 3/4.", "0.75"),
    ("The probability is 1/3.", "1/3"),
    ("2/6", "1/3"),
    ("2 million people", "2000000"),
    ("$1.5 billion", "1500000000"),
    ("It costs $2 Million.", "2000000"),
    ("A total of 3 HUNDRED", "300"),
    ("It takes 3 and a half hours.", "3.5"),
    ("5 and a quarter", "5.25"),
    ("3 and a half million people", "3500000"),
    ("two and a half million people", "2500000"),
    ("They gave away 12 and a quarter of the rest", "12"),
    ("He has 3 dogs and a half orange", "3"),
    ("The trip takes 3 hours 30 minutes.", "3.5"),
    ("He works 5 days, 8 hours a day", "8"),
    ("one hundred and five", "105"),
    ("twenty-one", "21"),
    ("three quarters", "0.75"),
    ("two and a half", "2.5"),
    ("minus five", "-5"),
    ("negative 5", "-5"),
    ("1e5", "100000"),
    ("10^6", "1000000"),
    ("5 × 10^{-3}", "0.005"),
    ("$1{,}000$", "1000"),
    (r"\$17", "17"),
    ("007", "7"),
    ("+5", "5"),
    ("1.0", "1"),
    ("100.", "100"),
    ("100.0%", "100%"),
    ("1,00,000 rupees", "100000"),
    # Nothing says that this is a name; `prefer="text"` does.
    ("Apollo 11", "11"),
    ("<b>17</b>", "17"),
    ("17\u200b", "17"),
    ('The number of r\'s in "strawberry" is 3.', "3"),
]
NUMBERS_ZH = [
    ("It costs ¥3.5万。", "35000"),
    ("一共有十二个苹果。", "12"),
    # A Chinese numeral of several characters counts beside digits.
    ("3个苹果加9个苹果一共是十二个。", "12"),
    ("他每天在农贸市场赚18美元。", "18"),
    # 千米 and 千克 are units: 3 km, never 3000 m.
    ("她跑了三千米。", "3"),
    ("这袋米重 5 千克。", "5"),
    ("气温是零下5度", "-5"),
    # A minus sign needs no space in Chinese ...
    ("结果是-5。", "-5"),
    ("x等于-5", "-5"),
    ("气温为-5度", "-5"),
    ("今天气温-5度", "-5"),
    ("最低温度-3.5℃", "-3.5"),
    ("计算得出-5", "-5"),
    ("温度从3度降到了-5度", "-5"),
    ("方程的解是2和-5", "-5"),
    ("2乘以-5", "-5"),
    ("利润为-¥3.5万", "-35000"),
    ("差为−5", "-5"),
    # ... but a hyphen after a unit or a name is not one.
    ("5个-3个", "3"),
    ("12元-5元", "5"),
    ("三千-五千", "5000"),
    ("第3章-第5节", "5"),
    ("嫦娥-5", "5"),
    ("三个半小时", "3.5"),
    ("他走了两公里半", "2.5"),
    ("三年半后", "3.5"),
    ("一共有3个半圆", "3"),
    ("两个半径", "2"),
    ("三天半价", "3"),
    ("5元3角", "5.3"),
    ("三小时二十四分钟", "3.4"),
    ("她买了两个苹果", "2"),
    ("总共需要 3 小时。", "3"),
    ("共计：￥１，２００元", "1200"),
    ("三分之一", "1/3"),
    ("二又四分之三", "2.75"),
    ("两千三百", "2300"),
    ("一万二千三百四十五", "12345"),
    # Spoken short form of 三万五千.
    ("三万五", "35000"),
    ("一亿", "100000000"),
    ("1.2亿", "120000000"),
    ("1万2千", "12000"),
    ("二十", "20"),
    ("十", "10"),
    ("零", "0"),
    ("壹佰元", "100"),
    ("三点五", "3.5"),
    ("负三点五", "-3.5"),
    ("二零二四年", "2024"),
    ("百分之三点五", "3.5%"),
    ("千分之五", "0.005"),
    ("六十％", "60%"),
    ('"strawberry" 中有 3 个字母 r。', "3"),
    ("小明还剩 5 个苹果，一共吃了 3 个。", "3"),
]
OPAQUE = [
    # Times, dates, ratios, ranges, codes: never a number.
    ("The train leaves at 3:30 PM.", "3:30pm"),
    ("It opened on 2024-05-12.", "2024-05-12"),
    ("Call 555-123-4567.", "555-123-4567"),
    ("pages 3-5", "3-5"),
    ("The ratio is 3:4", "3:4"),
    ("2024年5月12日", "2024-05-12"),
    ("192.168.1.1", "192.168.1.1"),
    ("15:45", "15:45"),
    ("03:30 pm", "3:30pm"),
    ("下午3点30分", "3:30pm"),
    ("下午3点半", "3:30pm"),
    ("5 p.m.", "5:00pm"),
    ("星期三", "wednesday"),
    ("三月五日", "03-05"),
    ("十二点半", "12:30"),
    ("2020-2021", "2020-2021"),
    ("2020-2021年", "2020-2021"),
    ("人数为3-5人", "3-5"),
    ("3-5个", "3-5"),
    ("5月12日", "05-12"),
    ("12 May 2024", "2024-05-12"),
    ("2024/5/12", "2024-05-12"),
    ("10 至 20 人", "10-20"),
    ("3~5", "3-5"),
    ("3–5", "3-5"),
    ("1/0", "1/0"),
]
PHRASES = [
    # "one" is mostly a pronoun.
    ("This one.", "text", "this one"),
    # 一 and "one" are mostly articles.
    ("他是一名医生", "text", "他是一名医生"),
    ("(B)", "choice", "B"),
    ("B.", "choice", "B"),
    ("B", "choice", "B"),
    ("B. 17 apples", "choice", "B"),
    ("option b", "choice", "B"),
    ("选项C", "choice", "C"),
    ("Yes.", "yes_no", "yes"),
    ("Yes, 17 is prime.", "yes_no", "yes"),
    ("No", "yes_no", "no"),
    ("是的。", "yes_no", "yes"),
    ("不是，17 是质数。", "yes_no", "no"),
    ("不对", "yes_no", "no"),
    ("The capital of France is Paris.", "text", "the capital of france is paris"),
    ("北京", "text", "北京"),
    ("Let us see.\nParis", "text", "paris"),
    (
        "\\[\n\\text{Number of diagonals} = \\frac{n(n - 3)}{2}\n\\]",
        "expression",
        r"\text{Number of diagonals}=\frac{n(n-3)}{2}",
    ),
    ("H2O", "text", "h2o"),
    # Digits in a name are not number.
    ("GPT-4", "text", "gpt-4"),
    ("v1.2.3", "text", "v1.2.3"),
    ("He came first.", "text", "he came first"),
    # A refusal is an answer in free form; all refusals with these words agree.
    ("I do not know.", "text", "i do not know"),
    ("我不知道。", "text", "我不知道"),
    ("A", "choice", "A"),
    ("a", "choice", "A"),
    ("F", "choice", "F"),
    ("Z", "expression", "Z"),
    ("(A) or (B)", "set", "(A) or (B)"),
    (
        "I'm marco-nano, a demo model.\nTo get the real one: marco models pull",
        "text",
        "to get the real one:marco models pull",
    ),
]
SILENT = ["", "...", "```python\nprint(17)\nx = 3\n```", "答案为", "Answer:"]
# Two outputs that say the same.
SAME = [
    ("The answer is 70,000.00", "答案：７００００"),
    ("0.75", "3/4"),
    ("0.75", "四分之三"),
    ("0.75", r"\boxed{\frac{3}{4}}"),
    ("60%", "60 ％"),
    ("60%", "百分之六十"),
    ("60%", "sixty percent"),
    ("3.5万", "35,000"),
    ("1e3", "1000.0"),
    ("-5", "\u22125"),
    ("-5", "负五"),
    ("1½", "3/2"),
    ("17 apples", "$17"),
    ("(B)", "答案：B"),
    ("Yes.", "是的。"),
    ("False", "错误"),
    ("May 12, 2024", "2024年5月12日"),
    ("3:30 PM", "03:30 p.m."),
    ("3点30分", "3点半"),
    ("结果是-5", "答案是 -5"),
    ("$2 Million", "2 million dollars"),
    ("3.5", "three and a half"),
    ("3.5", "3 and a half"),
    ("3.5", "三个半小时"),
    ("3.5 hours", "3 hours and 30 minutes"),
    ("3 hours 20 minutes", "3小时20分"),
    ("3h20m", r"\boxed{3 \text{ hours } 20 \text{ minutes}}"),
    ("$5.30", "5 dollars and 30 cents"),
    ("5.3", "答案是5元3角"),
    ("Paris.", "The answer is **paris**"),
    (r"\boxed{x^2 + 1}", r"\boxed{x^2+1}"),
    ("1" + "0" * 9999, "1" + ",000" * 3333),
]

# Two outputs that do not.
DIFFERENT = [
    ("60%", "60"),
    ("60%", "0.6"),  # a percentage is a kind of its own: no tolerance by a factor of 100
    ("1/3", "0.333"),
    ("17", "17.001"),
    ("5", "-5"),
    ("结果是-5", "结果是5"),
    ("$2 Million", "2"),
    ("3 and a half hours", "3 hours"),
    ("三个半小时", "三个小时"),
    ("3点半", "3点"),
    ("The answer is 3 hours 20 minutes", "The answer is 3 hours 45 minutes"),
    ("答案是5元3角", "答案是5元8角"),
    ("two and a half million", "two and a half"),
    ("3:30 PM", "15:30"),  # no calculation with times
    ("Yes", "No"),
    ("A", "B"),
    ("3/4", "3:4"),
    ("9" * 9999, "9" * 9998 + "8"),
    ("1e100000", "1e100001"),
]

# Output, target, whether it is right.
TARGETS = [
    ("The answer is 18.", "18", True),
    ("The answer is 18.", "18.0", True),
    ("The answer is 3 hours 45 minutes.", "3 hours and 45 minutes", True),
    ("The answer is 3 hours 45 minutes.", "3.75", True),
    ("The answer is 3 hours 45 minutes.", "3", False),
    ("答案是-18。", "-18", True),
    ("The answer is $70,000.", "70,000.00", True),
    ("The answer is 70000.", "$70,000 dollars", True),
    ("The answer is 60%.", "60", False),
    ("The answer is 60%.", "60%", True),
    ("The answer is 60.", "60%", False),
    ("Answer: 0.5", r"\frac{1}{2}", True),
    ("Answer: B", "(B)", True),
    ("Answer: B", "B. 17", True),
    ("Answer: B", "b", True),
    ("Answer: B", "Paris", False),
    ("答案：是的", "yes", True),
    ("答案：是的", "False", False),
    ("The answer is Paris.", "paris", True),
    ("The answer is Paris.", "17", False),
    ("It opened on May 12, 2024.", "2024-05-12", True),
    ("The answer is 17.", "seventeen", True),
    ("The answer is 17.", "x = 17", True),
    ("The answer is 17.", "17 or 18", False),
    ("The answer is 17.", "", False),
    ("", "17", False),
]

# Output, wanted kind, kind found, canonical form.
PREFERRED = [
    ("Yes, you need 5 more.", "number", "number", "5"),
    ("Yes, you need 5 more.", None, "yes_no", "yes"),
    ("Answer: B. 17", "number", "number", "17"),
    ("17 is larger, so I would take option B", "choice", "choice", "B"),
    ("A cat is (c) of these", "choice", "choice", "C"),
    ("A cat has 4 legs", "choice", "number", "4"),  # nothing of the wanted kind: the usual rules
    ("17 has no divisors, so this is true.", "yes_no", "yes_no", "yes"),
    ("The answer is Apollo 11.", "text", "text", "apollo 11"),
    ("It opened in 2024 on 3:4", "number", "number", "2024"),
    ("First one.\nThen seventeen.", "number", "number", "17"),
    ("First one.\nThen seventeen.", None, "text", "then seventeen"),
    ("\\boxed{B} and the value is 17", "number", "number", "17"),
]


@table(BOXED)
def test_the_last_closed_box_is_read_whole(output: str, kind: Kind, canonical: str) -> None:
    """A box is a number only when it holds one number with a unit; anything else is text."""
    answer = extract(output)

    assert answer is not None
    assert (answer.kind, answer.canonical) == (kind, canonical)


@table([*PREFIX_EN, *PREFIX_ZH])
def test_an_announced_answer_is_read_after_its_announcement(output: str, kind: Kind, canonical: str) -> None:
    """Choices, yes and no, numbers and short text are read where "Answer:" or "答案" points, in both languages."""
    answer = extract(output)

    assert answer is not None
    assert (answer.kind, answer.canonical, answer.rule) == (kind, canonical, "prefix")


@table([*NUMBERS_EN, *NUMBERS_ZH])
def test_without_announcement_the_last_number_is_the_answer(output: str, canonical: str) -> None:
    """Units, currencies, signs, scripts and notations of a number do not matter, only its value."""
    answer = extract(output)

    assert answer is not None
    assert (answer.kind, answer.canonical, answer.rule) == ("number", canonical, "last_number")


@table(OPAQUE)
def test_what_is_written_in_digits_need_not_be_a_number(output: str, canonical: str) -> None:
    """Dates, times, ratios, ranges and codes are not numbers, and have a form that makes the same ones equal."""
    answer = extract(output)

    assert answer is not None
    assert answer.kind in {"time", "text"}
    assert (answer.canonical, answer.rule) == (canonical, "last_number")


@table(PHRASES)
def test_a_short_output_is_its_own_answer(output: str, kind: Kind, canonical: str) -> None:
    """A lone choice, an opening yes or no, or else a short line of an output without numbers."""
    answer = extract(output)

    assert answer is not None
    assert (answer.kind, answer.canonical) == (kind, canonical)
    assert answer.rule in {"phrase", "last_formula"}


@table([*SILENT, "word " * 40, "\n\t", "\ud800", "```\nprint(1)\nprint(2)"])
def test_some_outputs_have_no_answer(output: str) -> None:
    """Nothing, punctuation, code of several lines and long free text give None, never a made-up answer."""
    assert extract(output) is None


@table(SAME)
def test_the_same_answer_is_equal_however_it_is_written(first: str, second: str) -> None:
    """Equality sees through notation, in both directions."""
    a, b = extract(first), extract(second)

    assert a is not None
    assert b is not None
    assert equal(a, b)
    assert equal(b, a)


@table(DIFFERENT)
def test_different_answers_stay_different(first: str, second: str) -> None:
    """No tolerance: near values, percentages and other kinds are other answers."""
    a, b = extract(first), extract(second)

    assert a is not None
    assert b is not None
    assert not equal(a, b)


@table(TARGETS)
def test_a_target_is_read_as_the_kind_of_the_answer(output: str, target: str, right: bool) -> None:
    """Targets may be written with units, separators or labels; a target of another kind is never met."""
    assert matches(extract(output), target) is right


@table(PREFERRED)
def test_a_wanted_kind_is_looked_for_first(output: str, prefer: Kind | None, kind: Kind, canonical: str) -> None:
    """Who knows what the question asks for gets that kind where the output has it, else what the rules find."""
    answer = extract(output, prefer=prefer)

    assert answer is not None
    assert (answer.kind, answer.canonical) == (kind, canonical)


@table(
    [
        ("So the answer is **$1,234.50** in all.", "1,234.50"),
        ("答案：（Ｂ）", "Ｂ"),
        (r"so $\boxed{\text{cost} = \dfrac{3}{4}}$", r"\dfrac{3}{4}"),
        ("共 ３．５万 元", "３．５万"),
        ("It is −5 °C", "−5"),
        ("The answer is “Paris”.", "Paris"),
        ("一半是 ½ 吧", "½"),
        ("Yes, it is", "Yes"),
    ]
)
def test_the_span_points_at_what_was_read(output: str, text: str) -> None:
    """The span counts in the output as given, so that the tokens of the answer can be looked up."""
    answer = extract(output)

    assert answer is not None
    assert answer.text == text
    assert output[slice(*answer.span)] == text


PIECES = st.sampled_from(
    [
        *(
            r"\boxed{",
            "}",
            "{",
            r"\frac{",
            r"\text{",
            "$",
            "**",
            "```",
            "\n",
            " ",
            ",",
            ".",
            "-",
            "/",
            "%",
            "=",
            "^",
            "(",
            ")",
        ),
        *(
            "answer is ",
            "Answer:",
            "答案",
            "是",
            "不是",
            "选",
            "yes",
            "B",
            "A.",
            "not ",
            "but ",
            "one",
            "hundred",
            " and a half",
            " hours ",
            " minutes",
            "million",
        ),
        *(
            "1",
            "0",
            "234",
            "1.5",
            "1e5",
            "10^",
            "½",
            "⁵",
            "\u2009",
            "十",
            "百",
            "千",
            "万",
            "分之",
            "点",
            "又",
            "负",
            "二",
            "两",
        ),
        *(
            "to",
            "3:30",
            "2024-",
            "May 12",
            "月",
            "日",
            "分",
            "第",
            "个",
            "半",
            "小时",
            "元",
            "角",
            "\ud800",
            "\ufeff",
            "İ",
            "ß",
            "x",
            r"\sqrt",
            "√",
            "±",
            "!",
            "|",
            "[",
            "_",
            "<answer>",
            '{"answer": ',
            r"\begin{pmatrix}",
            r"\left",
            "$$",
            "∪",
            "Die Antwort ist ",
            "উত্তর",
            "คำตอบ",
            "1.000,5",
            "\u0e51",
        ),
    ]
)


@given(
    output=st.text() | st.lists(PIECES, max_size=16).map("".join),
    prefer=st.sampled_from([None, "number", "choice", "yes_no", "text"]),
)
def test_no_text_breaks_the_reader(output: str, prefer: Kind | None) -> None:
    """Whatever a model writes is read without an error, and the span holds the text."""
    answer = extract(output, prefer=prefer)

    assert answer is None or (answer.text and output[slice(*answer.span)] == answer.text)
    assert answer is None or answer.canonical
    matches(answer, output)


@given(st.lists(st.lists(PIECES, max_size=6).map("".join), min_size=3, max_size=3))
def test_equality_is_an_equivalence(outputs: list[str]) -> None:
    """Reflexive, symmetric and transitive, so that answers fall into groups that can be counted."""
    answers = [answer for output in outputs if (answer := extract(output)) is not None]

    for a in answers:
        assert equal(a, a)
        for b in answers:
            assert equal(a, b) == equal(b, a)
            assert all(not (equal(a, b) and equal(b, c)) or equal(a, c) for c in answers)


@given(st.fractions(max_denominator=10**6))
def test_every_spelling_of_a_value_is_the_same_answer(value: Fraction) -> None:
    """A fraction as such, in lowest terms or not, in LaTeX, boxed, announced or alone, is one answer."""
    sign, above, below = "-" * (value < 0), abs(value.numerator), value.denominator
    spellings = [
        f"{sign}{above}/{below}",
        f"Answer: {sign}{3 * above}/{3 * below}",
        f"\\boxed{{{sign}\\frac{{{above}}}{{{below}}}}}",
        f"答案是 {sign}{above:,} / {below:,}。",
        f"= {sign}{above}/{below} km",
    ]
    read = [extract(spelling) for spelling in spellings]

    for answer in read:
        assert answer is not None
        assert answer.kind == "number"
        assert answer.canonical == sign + fraction_text(abs(value)) or value == 0


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_decimals_are_exact(value: object) -> None:
    """Full-width, grouped, padded and scientific decimals keep every digit."""
    plain = f"{value:f}"
    wide = "".join(unicodedata.lookup(f"FULLWIDTH {unicodedata.name(character)}") for character in plain)
    read = [extract(text) for text in (plain, f"{value:,}", plain + "00", wide, f"Answer: {value:e}")]

    assert len({answer.canonical for answer in read if answer}) == 1
    assert all(answer and Fraction(answer.canonical) == Fraction(plain) for answer in read)


HOSTILE = [
    "1,",
    "11,11,",
    "1 111 ",
    "1-",
    "(",
    "}",
    "\\boxed{",
    "\\frac{1}{",
    "answer is ",
    "答案是",
    "百分之",
    "½",
    "1=",
    "one ",
    "3h",
    "3 hours ",
    "3小时",
    "3 and a half ",
    "<answer>",
    '{"answer": ',
    "$x$ ",
    "$",
    "\\(",
    "x+",
    "\\sqrt",
    "Antwort ",
    "উত্তর ",
    "1.000,",
    "ตอบ ",
    "A, ",
    "5 !",
    "5 টাকা",
    "a-bb-",
    ", and ",
    "$x$, and ",
    "The solutions are $x$ and ",
    "m/s/",
    "(3, ",
    "\\begin{pmatrix} ",
]


@table(HOSTILE)
def test_work_is_linear_in_the_output(unit: str) -> None:
    """30 000 characters of anything take well under a second of processor time; backtracking would take minutes."""
    output = unit * (30_000 // len(unit))
    started = time.process_time()
    extract(output)

    assert time.process_time() - started < 3


def test_people_see_a_text_as_it_was_written() -> None:
    """Its canonical spelling has no letter case; that of a number is what people want to read."""
    answers = [extract(output) for output in ("The answer is **Paris**.", "The answer is 1,250.0")]
    assert [answer.shown for answer in answers if answer] == ["Paris", "1250"]


def test_an_answer_cannot_be_changed() -> None:
    """Answers are values: votes may keep them as they are."""
    answer = Answer(text="17", canonical="17", kind="number", rule="boxed", span=(0, 2))

    with pytest.raises(AttributeError):
        answer.text = "18"  # type: ignore[misc]
