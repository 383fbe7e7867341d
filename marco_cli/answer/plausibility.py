"""Answers that cannot be what was asked for, whatever the reasoning says.

In: an answer and its question. Out: whether it may be right. An amount is never below zero: `How many apps did Dave delete?` has
no answer of -17. Where the question speaks of what may be negative, every answer is plausible.
"""

import re
from typing import Final

from marco_cli.answer.base import Answer

_AMOUNT: Final = re.compile(
    r"\bhow (?:many|long|old|far|tall|often|heavy|big|large|wide)\b|\bhow much (?!is\s+[-+(\d])|多少|几[个只本支枝张人天块元年]",
    re.IGNORECASE,
)
_MAY_BE_NEGATIVE: Final = re.compile(
    r"(?<![\w)])[-−–]\s?\d|\b(?:negative|below|degrees?|temperature|profit|loss|debt|owes?|overdraw\w*|balance|elevation|altitude"
    r"|coordinate|slope|charge|chang\w*|integer|solve|equation|minus|subtract\w*)\b|负|零下|温度|亏|欠|减",
    re.IGNORECASE,
)
_MONEY: Final = re.compile(
    r"[$€£¥]|\b(?:dollars?|cents?|euros?|pounds?|pay\w*|paid|bills?|notes?|cash\w*|costs?|buy\w*|bought|pric\w*|spen[dt]\w*)\b",
    re.IGNORECASE,
)
_MONEY_BACK: Final = re.compile(
    r"(?:\bhow much|\b(?:her|his|their|my|your|our|the|in|as)|['’]s)\s+(?:\w+\s+)?change\b(?!\s+(?:in|of|from|to|over|by)\b)",
    re.IGNORECASE,
)
"""The change that a buyer gets, which is an amount; any other change may be one for the worse."""
_BELOW_ZERO: Final = re.compile(r"[-−–]\s?(?=[\d.]*[1-9])[\d.]")


def is_plausible(answer: Answer, question: str) -> bool:
    """Say whether an answer may be right: no negative amount where the question asks for one."""
    if answer.kind != "number" or not _BELOW_ZERO.match(answer.canonical):
        return True
    rest = _MONEY_BACK.sub(" ", question) if _MONEY.search(question) else question
    is_amount = rest != question or _AMOUNT.search(question) is not None
    return not is_amount or _MAY_BE_NEGATIVE.search(rest) is not None
