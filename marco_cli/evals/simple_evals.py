"""The rule behind published MGSM numbers: that of OpenAI's simple-evals (MIT), for comparison.

In: a text and an item with a language. Out: a `Score`. The rule: what follows the last "Answer" (in the question's
language), commas removed; its *last* unsigned number; a trailing ".0" dropped; equal as text to the target without commas.
Without the word there is no answer. `instruct` puts the instruction before a question that makes a model write the
word; without it the rule finds nothing.
"""

import re
from types import MappingProxyType
from typing import Final, NamedTuple

from marco_cli.errors import ConfigError, quoted
from marco_cli.evals.base import NO_ANSWER, Item, Score, judged


class Language(NamedTuple):
    """The word before the answer, and the instruction that asks for it."""

    prefix: str
    instruction: str


LANGUAGES: Final = MappingProxyType(
    {
        "en": Language(
            "Answer",
            "Solve this math problem. Give the reasoning steps before giving the final answer on the last line by "
            'itself in the format of "Answer:". Do not add anything other than the integer answer after "Answer:".',
        ),
        "zh": Language(
            "答案",
            "解决这个数学问题。在最后一行给出答案前，请提供推理步骤。"  # noqa: RUF001 (as published)
            '最后一行应该以 "答案: " 的形式独立给出答案。在 "答案：" 后不要添加除整数答案之外的任何内容。',  # noqa: RUF001
        ),
    }
)
"""By the code of the language."""

_NUMBER = re.compile(r"\d+\.?\d*")


def score(text: str, item: Item) -> Score:
    """Score a text by the rule of simple-evals."""
    prefix = language(item).prefix
    _, found, tail = text.rpartition(prefix)
    numbers = _NUMBER.findall(tail.replace(",", "")) if found else []
    if not numbers:
        return NO_ANSWER
    read = numbers[-1].rstrip(".")
    if "." in read:
        read = read.rstrip("0").rstrip(".")
    return judged(read, is_right=read == item.target.replace(",", ""), rule="simple-evals")


def instruct(item: Item) -> str:
    """Return the question after the published instruction."""
    return f"{language(item).instruction}\n\n{item.question}"


def language(item: Item) -> Language:
    """Return what belongs to the language of a question.

    Raises:
        ConfigError: the rule is not known for it.
    """
    if item.lang not in LANGUAGES:
        raise ConfigError(
            f"the simple-evals rule is not known for the language {quoted(item.lang or 'of this data set')}, "
            f"expected one of {', '.join(LANGUAGES)}",
            hint="use --scorer number",
        )
    return LANGUAGES[item.lang]
