"""Which units may stand in one equation, and which words are not units.

Counted things (apples, muffins) differ from measures (hours, dollars): of a measure there are others of its kind, and
`1 hour = 60 minutes` is true although the numbers differ.
"""

from typing import Final


def words(text: str) -> frozenset[str]:
    """Return the words of a list as a set."""
    return frozenset(text.split())


CURRENCY: Final = "$"
"""Stands for all signs of money, which may be left out: `$5 + 3 = $8`."""

_KINDS: Final = {
    "time": "second sec minute min hour hr day week month year decade century 秒 秒钟 分 分钟 小时 时 天 日 周 星期 个月 月 年",
    "length": "inch foot feet ft yard yd mile mm cm km meter metre centimeter kilometer 厘米 米 公里 千米 毫米",
    "mass": "gram kg kilogram mg pound lb ounce oz ton 克 千克 公斤 斤 吨",
    "volume": "cup pint quart gallon liter litre ml milliliter teaspoon tablespoon 升 毫升",
    "money": "$ dollar cent ¢ penny quarter dime nickel euro pence usd 元 角 毛 块 分钱",
    "number": "dozen pair score ten hundred thousand million billion percent 倍",
}
MEASURES: Final = {word: kind for kind, words in _KINDS.items() for word in words.split()}
"""Kind of a measure by its unit, without a plural's s."""

NO_UNITS: Final = words(
    "of times plus minus more less fewer than by over and or is are was were equals equal gives give x mod modulo remainder "
    "squared cubed dozen hundred thousand million billion trillion percent half halves third thirds fifth tenth "
    "st nd rd th to negative if then so divided multiplied added subtracted"
)
"""Words that change what a number means or join two statements; no unit contains them."""

GLUE: Final = words(
    "and so then is are left in total altogether each all because since which that for at after from remaining more where "
    "when as but now with on the a an to or per every overall remainder"
)
"""Words that go on after a result and are not a unit of it."""


def unit_of(phrase: str) -> str:
    """Return the unit that some words end with, in lower case and singular."""
    word = phrase.lower().rpartition(" ")[2]
    if word in {"dollars", "dollar", "usd"}:
        return CURRENCY
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 2 else word


def are_mixed(units: frozenset[str]) -> bool:
    """Say whether two units of one kind are there, hours and minutes."""
    kinds = [MEASURES[unit] for unit in units if unit in MEASURES]
    return len(kinds) > len(set(kinds))
