"""Refusals and empty phrases, English and Chinese: replies that do not do what was asked, whatever that was.

In: the text of an output. Out: yes or no. A text that does anything besides is no refusal, however it begins.
"""

import re
from functools import lru_cache
from typing import Final

_LITTLE: Final = 6
"""Words that may stand beside a refusal or a courtesy without making an answer of it."""
_EXCUSE: Final = 40
"""Words that may follow "Sorry, I cannot answer this"."""


@lru_cache(maxsize=1024)
def is_refusal(output: str) -> bool:
    """Say whether an output is a refusal or an empty phrase and hardly anything besides.

    "As an AI, I have no opinions, but here are five ideas: …" is an answer.
    """
    if _FENCE in output:
        return False
    sentences = [sentence for sentence in _SENTENCE.split(output.replace("\u2019", "'")) if _WORD.search(sentence)]
    rest = [sentence for sentence in sentences if not _EMPTY.search(sentence)]
    num_words = sum(len(_WORD.findall(sentence)) for sentence in rest)
    is_sorry = bool(sentences) and _SORRY.search(sentences[0]) is not None
    return len(rest) < len(sentences) and num_words <= (_EXCUSE if is_sorry else _LITTLE)


_FENCE: Final = "```"
_SENTENCE: Final = re.compile(r"[.!?](?=\s|\Z)|[。！？\n]")  # noqa: RUF001 (what models write)
_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+(?:'[^\W\d_]+)*")

_SORRY: Final = re.compile(
    r"^\W*(?:I'm |I am |very )*sorry\b.*(?:can't|cannot|can not|unable)|抱歉.*(?:无法|不能)", re.IGNORECASE
)
_EMPTY: Final = re.compile(
    r"\b(?:can't|cannot|can not|unable to|not able to|won't|don't|do not|not)\b[^,;]{0,30}"
    r"\b(?:assist|help|provide|fulfil\w*|comply|engage|discuss|support|answer|continue|generate|do that|with that)\b"
    r"|\b(?:as an?|i am an?|i'm an?)\b[^.]{0,20}\b(?:ai|artificial intelligence|language model|assistant)\b"
    r"|\bi(?:'m| am)(?: very| so)? sorry\W*\Z|\bmy apologies\W*\Z|\bi(?:'m| am) (?:designed|programmed|committed|trained)\b"
    r"|\b(?:how|what) (?:can|may|could) i (?:help|assist|do for you)|\bi(?:'m| am) here to (?:help|assist|answer)\b"
    r"|\bplease (?:provide|clarify|let me know|feel free|ask|consult|contact)\b|\banything else\b|\bany (?:other |further )?questions\b"
    r"|\b(?:could|can) you (?:please )?(?:provide|clarify|specify|rephrase)\b"
    r"|^\W*(?:sure|certainly|of course|absolutely|okay|ok|hello|hi|great question|thank you|sorry)\b(?: thing)?\W*\Z"
    r"|抱歉|对不起|很遗憾|(?:无法|不能|没办法|没有能力)[^，。,]{0,8}(?:回答|提供|协助|帮助|满足|完成|参与|讨论)"  # noqa: RUF001
    r"|作为(?:一个|一名|一款)?\s?(?:AI|人工智能|语言模型|大模型)|有什么[^，。]{0,12}(?:帮|问题)|很高兴为[你您]|请(?:您)?(?:提供|告诉我|问我|咨询)"  # noqa: RUF001
    r"|^\W*(?:好的|当然|当然可以|没问题|您好|你好)\W*\Z",
    re.IGNORECASE,
)
