"""Is a question open-ended? Its replies tell: advice, plans, translations and code have no answer that two of them share.

In: finished replies, one or many. Out: whether there is anything to vote on, and which of them are of use. What is done
then is said in `search.choice` and, for `auto`, in `search.route`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

from marco_cli.answer import Answer, extract
from marco_cli.search.base import Reply
from marco_cli.search.failure import is_looping, is_refusal

_ESSAY: Final = 30
"""Words from which on a text without a calculation is an essay."""
_NAME: Final = 3
"""Words that an answer in words may have: Paris, the red one."""
_HAN_NAME: Final = 4
"""The same in Chinese characters: 哈利波特."""


class Form(Enum):
    """What an output looks like."""

    ANSWER = "answer"
    """It comes to a number, a choice, yes or no, a formula, or a few words that it announces."""
    SENTENCE = "sentence"
    """One or two sentences: a translation, or an answer that only others like it confirm."""
    TEXT = "text"
    """An essay, a list, code: nothing to compare."""


@lru_cache(maxsize=1024)
def form_of(output: str, answer: Answer | None) -> Form:
    """Return the form of an output from which this answer was read."""
    prose = _CODE.sub("\n", output)  # numbers and lists in code are no answers
    if answer is not None and (
        answer.rule in {"tagged", "boxed"} or (answer.rule == "prefix" and _is_final(output, answer))
    ):
        return Form.ANSWER
    if _comes_to_a_number(prose):
        return Form.ANSWER
    if "```" in output or len(_ITEM.findall(prose)) > 1 or _num_words(prose) > _ESSAY:
        return Form.ANSWER if answer is not None and _is_concluded(output, answer) else Form.TEXT
    if answer is not None and (not _is_wording(answer) or _is_name(prose)):
        return Form.ANSWER
    return Form.SENTENCE


def comparable_answer(output: str, *, question: str) -> Answer | None:
    """Return the answer of an output; None for an essay, a list or code, where a number is not an answer."""
    answer = extract(output, question=question)
    return None if form_of(output, answer) is Form.TEXT else answer


def is_open_ended(replies: Sequence[Reply]) -> bool:
    """Say whether the replies have no answer to vote on.

    Those that say nothing have no voice. Sentences are answers when at least half of them agree, of two or more.
    """
    heard = [reply for reply in replies if is_useful(reply)]
    forms = [form_of(reply.output, reply.answer) for reply in heard]
    num_answers = forms.count(Form.ANSWER)
    sentences = [reply.answer for reply, form in zip(heard, forms, strict=True) if form is Form.SENTENCE]
    counts = Counter(answer.key for answer in sentences if answer is not None)
    most = max(counts.values(), default=0)
    if most > 1 and 2 * most >= len(sentences):
        num_answers += len(sentences)
    return bool(heard) and 2 * num_answers < len(heard)


def is_useful(reply: Reply) -> bool:
    """Say whether a reply has an output that is neither a loop nor a refusal."""
    return bool(reply.output) and not is_lost(reply) and not is_refusal(reply.output)


def is_lost(reply: Reply) -> bool:
    """Say whether a reply repeats itself: it was stopped for that, or its output ends so."""
    return reply.finish_reason == "loop" or is_looping(reply.output)


def _is_final(output: str, answer: Answer) -> bool:
    """Say whether an answer that was announced stands near the end, or the beginning, and not amid an essay."""
    return not _ITEM.search(output, answer.span[1]) and (answer.span[0] < 200 or answer.span[1] > len(output) - 200)


def _is_concluded(output: str, answer: Answer) -> bool:
    """Say whether a text opens with yes, no or a choice and has no list, or ends by concluding with its answer."""
    if answer.kind in {"yes_no", "choice"}:
        return answer.rule == "phrase" and "```" not in output and not _ITEM.search(output)
    last = max(output.rfind(end, 0, answer.span[0]) for end in (". ", "\n", "。"))
    return (
        not _is_wording(answer)
        and ("```output" in output or _CONCLUSION.match(output, last + 1) is not None)
        and not _END.search(output, answer.span[1])
    )


def _comes_to_a_number(prose: str) -> bool:
    """Say whether a text calculates and ends with a number, or with a calculation and what was cut off behind it."""
    lines = [line for line in prose.splitlines() if any(map(str.isalnum, line))]
    if not lines or not _CALCULATION.search(prose):
        return False
    return bool(_NUMBER.search(lines[-1]) or _CALCULATION.search("\n".join(lines[-3:])))


def _is_wording(answer: Answer) -> bool:
    """Say whether an answer is in words alone; "You will!" can be read as a factorial."""
    is_formula = answer.kind not in {"number", "choice", "yes_no", "time"}
    return is_formula and not any(character.isdigit() or character in "\\=^" for character in answer.text)


def _is_name(text: str) -> bool:
    num_latin = len(_LATIN.findall(text))
    return num_latin <= _NAME and num_latin + len(_HAN.findall(text)) <= _HAN_NAME


def _num_words(text: str) -> int:
    """Count words; two Chinese characters are about one."""
    return len(_LATIN.findall(text)) + (len(_HAN.findall(text)) + 1) // 2


_CODE: Final = re.compile(r"^[ \t]*```.*?(?:^[ \t]*```|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_ITEM: Final = re.compile(r"^[ \t]*(?:#{1,6} )?(?:\*\*)?(?:\d{1,2}[.)、]|[-*\u2022] )", re.MULTILINE)
_CALCULATION: Final = re.compile(
    r"\d[^\n=]{0,80}=\s*[^\s\d]{0,4}\d|=[^\n=]{0,80}\d[^\n=]{0,20}=|\\(?:\[|\(|frac|times|boxed|text\b)"
)
_CONCLUSION: Final = re.compile(
    r"[\s*]*(?:(?:so|thus|therefore|hence|altogether|finally|that (?:makes|leaves|gives)|this (?:makes|leaves|gives)|in total)\b"
    r"|所以|因此|因而|总共|一共|于是)",
    re.IGNORECASE,
)
_END: Final = re.compile(r"[.!?。](?=\s)\s*\S")
"""Of a sentence that another one follows."""
_NUMBER: Final = re.compile(r"(?!^\s*\d{1,2}[.)、])\d|\\")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LATIN: Final = re.compile(r"[^\W\d_\u3400-\u9fff]+")
