"""Replies that fail for every question: refusals and empty phrases, English and Chinese, and texts that fell into a loop.

In: the text of an output. Out: yes or no. A text that says anything besides refusing is not a refusal, however it begins.

Loops are looked for in the words of a finished text: their items may be counted, and they may be short because the reply
was cut. `repetition` stops a reply while it grows; it compares bytes, and waits until a text surely never ends.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from marco_cli.search.likeness import words_of

_LITTLE: Final = 6
"""Words that may stand beside a refusal or a courtesy without making an answer of it."""
_EXCUSE: Final = 60
"""Words that may follow "Sorry, I cannot answer this"."""
_TAIL: Final = 36
"""Words at the end of a text that a loop fills."""
_ROUNDS: Final = 3
"""Times that the same words follow one another in a loop."""
_LONGEST: Final = 120
"""Words of a round at most."""
_LINES: Final = 8
"""Lines from which on a text can be a loop of lines."""


@lru_cache(maxsize=1024)
def is_refusal(output: str) -> bool:
    """Say whether an output is a refusal or an empty phrase and hardly anything besides.

    "As an AI, I have no opinions, but here are five ideas: …" is an answer.
    """
    if _FENCE in output or len(_MARKER.findall(output)) > 1:
        return False
    sentences = [sentence for sentence in _SENTENCE.split(output.replace("\u2019", "'")) if _WORD.search(sentence)]
    rest = [sentence for sentence in sentences if not _EMPTY.search(sentence)]
    num_words = sum(len(_WORD.findall(sentence)) for sentence in rest)
    # Who begins with "Sorry, I cannot" may explain at length why, and has still not answered.
    is_sorry = bool(sentences) and _SORRY.search(sentences[0]) is not None
    return len(rest) < len(sentences) and num_words <= (_EXCUSE if is_sorry else _LITTLE)


@lru_cache(maxsize=1024)
def is_looping(output: str) -> bool:
    """Say whether a text ends by saying the same words over and over, or says mostly lines that it has said before."""
    text = _MARKER.sub("", output.casefold())
    words = words_of(text)
    longest = min(len(words) // _ROUNDS, _LONGEST)
    return any(_repeats(words, period) for period in range(1, longest + 1)) or _repeats_lines(text)


def _repeats(words: Sequence[str], period: int) -> bool:
    """Say whether the last words are one run of `period` words, again and again."""
    width = max(_ROUNDS * period, _TAIL)  # a short round, said three times, is emphasis
    tail = words[-width:]
    return len(tail) == width and all(one == other for one, other in zip(tail, tail[period:], strict=False))


def _repeats_lines(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines() if _WORD.search(line)]
    return len(lines) >= _LINES and 2 * len(set(lines)) <= len(lines)


_FENCE: Final = "```"
_SENTENCE: Final = re.compile(r"[.!?](?=\s|\Z)|[。！？\n]")  # noqa: RUF001 (what models write)
_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+(?:'[^\W\d_]+)*")
_MARKER: Final = re.compile(r"^[ \t]*(?:\d{1,3}[.)、]|[-*+\u2022])[ \t]*", re.MULTILINE)
"""The items of a loop may be counted."""
_SORRY: Final = re.compile(
    r"^\W*(?:I'm |I am |very )*sorry\b.*(?:can't|cannot|can not|unable)|(?:抱歉|对不起).*(?:无法|不能|不会|没办法)",
    re.IGNORECASE,
)
_EMPTY: Final = re.compile(
    r"\b(?:can't|cannot|can not|unable to|not able to|won't|don't|do not|not)\b[^,;]{0,30}"
    r"\b(?:assist|help|provide|fulfil\w*|comply|engage|discuss|support|answer|continue|generate|do that|with that)\b"
    r"|\b(?:as an?|i am an?|i'm an?)\b[^.]{0,20}\b(?:ai|artificial intelligence|language model|assistant)\b"
    r"|\bi(?:'m| am)(?: very| so)? sorry\W*\Z|\bmy apologies\W*\Z|\bi(?:'m| am) (?:designed|programmed|committed|trained)\b"
    r"|\b(?:i can|i could|i'll|i will|i would|i'd|happy to|glad to) (?:help|assist)\b"
    r"|\b(?:how|what) (?:can|may|could) i (?:help|assist|do for you)|\bi(?:'m| am) here to (?:help|assist|answer)\b"
    r"|\bplease (?:provide|clarify|let me know|feel free|ask|consult|contact)\b|\banything else\b|\bany (?:other |further )?questions\b"
    r"|\b(?:could|can) you (?:please )?(?:provide|clarify|specify|rephrase)\b"
    r"|^\W*(?:sure|certainly|of course|absolutely|okay|ok|hello|hi|great question|thank you|sorry)\b(?: thing)?\W*\Z"
    r"|抱歉|对不起|很遗憾|(?:无法|不能|没办法|没有能力)[^，。,]{0,8}(?:回答|提供|协助|帮助|满足|完成|参与|讨论)"  # noqa: RUF001
    r"|作为(?:一个|一名|一款)?\s?(?:AI|人工智能|语言模型|大模型)|有什么[^，。]{0,12}(?:帮|问题)|很高兴为[你您]|请(?:您)?(?:提供|告诉我|问我|咨询)"  # noqa: RUF001
    r"|^\W*(?:好的|当然|当然可以|没问题|您好|你好)\W*\Z",
    re.IGNORECASE,
)
