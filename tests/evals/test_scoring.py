import importlib.util

import pytest
from tables import table

from marco_cli.answer import equal, extract
from marco_cli.errors import ConfigError, InputError
from marco_cli.evals import SCORERS
from marco_cli.evals.base import Item, Score
from marco_cli.evals.scoring import check_target, grade
from marco_cli.evals.simple_evals import instruct
from marco_cli.search import load

EXTRAS = {"chrf": "sacrebleu"}
"""Scorers that want the extra `eval`, by what they import of it."""


def item(target: str, scorer: str = "number", **more: str) -> Item:
    """Return an item of which only the target and the scorer matter."""
    return Item(id="1", question="?", target=target, scorer=scorer, lang=more.get("lang", "en"))


def verdict(text: str, target: str, scorer: str = "number", **more: str) -> str:
    """Return what a text is worth."""
    return grade(text, item(target, scorer, **more)).verdict


RIGHT = (
    # plain sentences, English
    ("The answer is 18.", "18"),
    ("So, Janet makes $18 every day at the farmers' market.", "18"),
    ("Answer: 3", "3"),
    ("It takes 2 + 1 = 3 bolts in total.", "3"),
    ("**Answer:** 540 meters", "540"),
    ("The final answer is \\boxed{20}.", "20"),
    ("Therefore she needs 20 cups for the last meal.", "20"),
    ("Kylar needs to pay $64 for the glasses.", "64"),
    ("Toulouse, Charleston and Seattle have 260 sheep together.", "260"),
    ("It takes Carla 160 minutes to download the file.", "160"),
    ("John is 45 miles from home at the end of those 4 hours, so the answer is 45.", "45"),
    ("Eliza's earnings for this week are $460.", "460"),
    ("18", "18"),
    ("  18  \n", "18"),
    ("Final Answer\n\n42", "42"),
    # currency, thousands, decimals
    ("He made a profit of $70,000.", "70000"),
    ("He made a profit of $70,000.00.", "70000"),
    ("The profit is 70\u00a0000 dollars.\nAnswer: 70\u00a0000", "70000"),
    ("Answer: $2,125", "2,125"),
    ("The total cost is €14.50.", "14.5"),
    ("It costs £1,234.50 in total.", "1234.50"),
    ("That is 1.5 million people.", "1500000"),
    ("Answer: US$694", "694"),
    ("The change is 0.50 dollars.", "0.5"),
    ("Answer: .75", "0.75"),
    ("You get ¥300 back.", "300"),
    # fractions, signs, units, percent
    ("The answer is 3/4.", "0.75"),
    ("The answer is \\frac{3}{4}.", "0.75"),
    ("She ate 1 1/2 cakes. Answer: 1 1/2", "1.5"),
    ("The temperature is -7 degrees.", "-7"),
    ("The answer is −7.", "-7"),
    ("The result is 25%.", "25%"),
    ("The car goes 60 km/h.", "60"),
    ("The speed is 13 ft per second; the answer is 13.", "13"),
    ("The box weighs 16kg.", "16"),
    ("It took 2.5 hours.", "2.5"),
    # several numbers: the last is the answer, unless something says otherwise
    ("She sells 16 - 3 - 4 = 9 eggs for 9 * 2 = 18 dollars.", "18"),
    ("The answer is 17 because 12 + 5 = 17.", "17"),
    ("Answer: 12 + 5 = 17", "17"),
    ("First 5, then 10. The answer is 15, not 12.", "15"),
    ("1. Add 4.\n2. Add 6.\nAnswer: 10", "10"),
    ("I first said the answer is 12. Wait! The answer is 14.", "14"),
    ("There are twelve eggs.", "12"),
    ("The answer is twenty-one.", "21"),
    # Chinese
    ("答案是18。", "18"),
    ("答案：18", "18"),
    ("所以，珍妮特每天在农贸市场赚 18 美元。", "18"),
    ("因此，答案是 70,000 美元。", "70000"),
    ("他赚了7万元。", "70000"),
    ("他一共赚了3.5万元。", "35000"),
    ("答案是三十五。", "35"),
    ("一共有一百二十个。", "120"),
    ("答案是四分之三。", "0.75"),
    ("答案为 5/8。", "0.625"),
    ("答案是百分之六十。", "60%"),
    ("答案是：５４０ 米", "540"),
    ("每周一共跑 540 米。", "540"),
    ("12 + 5 = 17，所以答案是 17。", "17"),
    ("答:她还需要20杯饲料。", "20"),
    ("最后的答案是 -3 度。", "-3"),
    ("故选 20。\n答案: 20", "20"),
    ("总价为￥1,280元。", "1280"),
    ("答案是两千零五。", "2005"),
    ("先是 5，然后是 10，最终答案是 15。", "15"),
)

WRONG = (
    ("The answer is 17.", "18"),
    ("The answer is 18.5.", "18"),
    ("The answer is 25.", "25%"),
    ("Answer: 1/3", "0.33"),
    ("答案是 180。", "18"),
    ("The answer is -18.", "18"),
    ("The answer is 18 or 19. Answer: 19", "18"),
)

SILENT = ("", "   \n", "I do not know.", "tttttttt", "我不知道。", "```\nprint(18)\nprint(3)\n```")


@table(RIGHT)
def test_right_answers_are_read_however_they_are_written(text: str, target: str) -> None:
    """Currency, thousands, units, fractions, numerals of both languages and several numbers: the meant one counts."""
    assert verdict(text, target) == "right"


@table(WRONG)
def test_another_number_is_wrong(text: str, target: str) -> None:
    """No tolerance: neither rounding, nor a lost sign, nor a percentage for its number."""
    assert verdict(text, target) == "wrong"


@table(SILENT)
def test_a_text_without_a_number_is_no_answer(text: str) -> None:
    """Silence is not counted among the wrong answers."""
    score = grade(text, item("18"))

    assert (score.verdict, score.answer, score.value) == ("no_answer", None, 0.0)


@pytest.mark.parametrize(
    ("text", "target", "question", "expected"),
    [
        ("The answer is 28.", "28%", "What percent of 50 is 14?", "right"),
        ("The answer is 28%.", "28", "What percent of 50 is 14?", "right"),
        ("The answer is 28.", "28%", "How much is it?", "wrong"),
        ("The answer is (3, 4).", "4", "How much is it?", "wrong"),
        ("Die Antwort ist 2.125.", "2,125", "Wie viel ist das?", "right"),
    ],
)
def test_the_question_says_how_a_number_is_meant(text: str, target: str, question: str, expected: str) -> None:
    """Per cent where per cent is asked; a part of a tuple is not a number."""
    asked = Item(id="1", question=question, target=target, scorer="number", lang="de" if "Wie" in question else "en")

    assert grade(text, asked).verdict == expected


@pytest.mark.parametrize("scorer", ["exact", "math"])
@pytest.mark.parametrize(
    ("one", "other"), [(r"\boxed{2\sqrt3}", r"\boxed{\sqrt{12}}"), ("3, 5", "(3, 5)"), (r"\boxed{x>5}", "x<5")]
)
def test_scorers_and_the_vote_have_one_equality(one: str, other: str, scorer: str) -> None:
    """An answer is right exactly where it would vote together with the target."""
    left, right = extract(one), extract(other)

    assert left is not None
    assert right is not None
    assert (verdict(one, right.canonical, scorer) == "right") == equal(left, right)


def test_there_are_enough_of_them() -> None:
    """The table of hand-written outputs has at least sixty rows."""
    assert len(RIGHT) + len(WRONG) + len(SILENT) >= 60


@pytest.mark.parametrize(
    ("text", "rule"),
    [("\\boxed{18}", "boxed"), ("The answer is 18.", "prefix"), ("She makes 9 * 2 = 18.", "last_number")],
)
def test_the_rule_that_fired_is_recorded(text: str, rule: str) -> None:
    """Whoever doubts a score can see how the answer was found."""
    assert grade(text, item("18")).rule == rule


@table(
    [
        ("Paris", "paris", "exact", "right"),
        ("The answer is Paris.", "Paris", "exact", "right"),
        ("The answer is Lyon.", "Paris", "exact", "wrong"),
        (
            "A very long text that is the target as it stands, word for word, whatever any rule may read in it 3",
            "A very long text that is the target as it stands, word for word, whatever any rule may read in it 3",
            "exact",
            "right",
        ),
        ("I choose (B).", "B", "choice", "right"),
        ("The answer is C", "B", "choice", "wrong"),
        ("答案是 B。", "B", "choice", "right"),
        ("no letter at all", "B", "choice", "no_answer"),
        ("It was in 1984.", r"\b19\d\d\b", "regex", "right"),
        ("It was in 2084.", r"\b19\d\d\b", "regex", "wrong"),
        ("Ｔｈｅ capital is PARIS, of course", "the capital is paris", "contains", "right"),
        ("The capital is Lyon.", "Paris", "contains", "wrong"),
    ]
)
def test_every_other_scorer_judges_as_it_says(text: str, target: str, scorer: str, expected: str) -> None:
    """Exact, choice, regex and contains."""
    assert verdict(text, target, scorer) == expected


def test_a_regular_expression_that_backtracks_for_ever_is_given_up() -> None:
    """Patterns come with data: one of them never keeps an evaluation, and the score says what happened."""
    score = grade("a" * 60 + "!", item(r"^(a|aa)+$", "regex"))
    assert (score.verdict, score.rule) == ("wrong", "regex, timeout")


@table(
    [
        ("... so it is.\nAnswer: 18", "18", "en", "right"),
        ("Answer: 70,000.00", "70000", "en", "right"),
        ("Answer: 12 + 5 = 17", "17", "en", "right"),  # the last number counts
        ("Answer: 17 because of 12 and 5", "17", "en", "wrong"),  # ... also where it should not
        ("Answer: -7", "-7", "en", "wrong"),  # signs are not read
        ("The result is 18.", "18", "en", "no_answer"),  # without the word there is nothing
        ("答案: 18", "18", "zh", "right"),
        ("答案是18。", "18", "zh", "right"),
        ("Answer: 18", "18", "zh", "no_answer"),
        ("Answer: 2125", "2,125", "en", "right"),
    ]
)
def test_simple_evals_scores_as_the_published_numbers_do(text: str, target: str, lang: str, expected: str) -> None:
    """The last number after the last "Answer", unsigned, with its known weaknesses."""
    assert verdict(text, target, "simple-evals", lang=lang) == expected


def test_simple_evals_asks_for_the_word_that_it_looks_for() -> None:
    """Its instruction stands before the question, in the question's language; a language without one is refused."""
    assert instruct(item("18", lang="zh")).startswith("解决这个数学问题")
    assert instruct(item("18")).endswith("\n\n?")
    with pytest.raises(ConfigError, match="simple-evals"):
        instruct(item("18", lang="sw"))


@table(
    [
        ("The answer is \\boxed{\\frac{1}{2}}.", "0.5", "right"),
        ("\\boxed{\\left(3, \\frac{\\pi}{2}\\right)}", "\\left( 3, \\frac{\\pi}{2} \\right)", "right"),
        ("\\boxed{2\\sqrt{3}}", "\\sqrt{12}", "right"),
        ("\\boxed{x^2+2x+1}", "(x+1)^2", "right"),
        ("\\boxed{p - q}", "p + q", "wrong"),
        ("", "p - q", "no_answer"),
    ]
)
def test_latex_is_compared_as_mathematics(text: str, target: str, expected: str) -> None:
    """Forms that mean the same are the same."""
    assert verdict(text, target, "math") == expected


@pytest.mark.parametrize(
    ("text", "target", "rule"),
    [
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}", "boxed"),
        ("\\boxed{2\\sqrt{3}}", "\\sqrt{12}", "boxed, as mathematics"),
        ("The answer is 5 or 6.", "6, 5", "prefix, as mathematics"),
    ],
)
def test_the_rule_says_which_equality_decided(text: str, target: str, rule: str) -> None:
    """Equal by spelling, or equal as mathematics."""
    score = grade(text, item(target, "math"))

    assert (score.verdict, score.rule) == ("right", rule)


@pytest.mark.skipif(importlib.util.find_spec("sacrebleu") is None, reason="sacrebleu is an extra")
def test_translations_get_their_chrf() -> None:
    """The reference scores 1, an unrelated text little, and a better translation more than a worse one."""
    target = item("This shoe has a comfortable sole.", "chrf")

    same = grade("This shoe has a comfortable sole.", target).value
    near = grade("These shoes have a comfortable sole.", target).value
    far = grade("Stepping on poop.", target).value
    assert same == pytest.approx(1.0)
    assert same > near > far


@table(
    [
        ("", "number"),
        ("many", "number"),
        ("(3, 4)", "number"),
        ("3a", "number"),
        ("Z9", "choice"),
        ("(", "regex"),
        ("  ", "exact"),
    ]
)
def test_a_target_that_nothing_could_match_is_refused(target: str, scorer: str) -> None:
    """A malformed target is an error in the data, with its place, before anything is asked."""
    with pytest.raises(InputError, match="line 7: the target"):
        check_target(item(target, scorer), where="file line 7")


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_gives_a_score_in_range(name: str) -> None:
    """Each entry of the table can be loaded and scores a plain number."""
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name], reason="of the extra `eval`")
    target = {"rubric": "say: 3", "check": "math:3"}.get(name, "3")
    score = load(SCORERS[name])("Answer: 3", item(target))

    assert isinstance(score, Score)
    assert 0 <= score.value <= 1
