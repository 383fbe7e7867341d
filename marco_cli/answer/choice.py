"""Choices, A to J, and yes or no.

In: plain text, and where to look. Out: the match, whose group says the letter or the verdict. English and Chinese.
"""

import re
from types import MappingProxyType
from typing import Final

LETTERS: Final = "A-J"
_EITHER: Final = "A-Ja-j"

_WORD: Final = (
    r"(?i:(?:(?:the|la|el|le|die|der)\s|l['’])?(?:option|choice|letter|opción|alternativa|letra|réponse|lettre|lösung)\b"
    r"|вариант|буква|chaguo\b|herufi\b)|选项?|選択肢|ข้อ|ตัวเลือก|বিকল্প|ఎంపిక"
)
"""What a choice is called in the eleven languages."""

AFTER_MARKER: Final = re.compile(
    rf"[\s$]*(?:(?:{_WORD}|la|el|le)\s?)?(?P<bracket>\()?(?P<letter>(?(bracket)[{_EITHER}]\)|[{LETTERS}]))"
    r"(?![A-Za-z0-9'_^(\[])(?!\s?[=+*/<>≤≥≠\\^-])(?!\s?(?:,|&|、|and\b|or\b|和|或|及)\s?\(?(?:[A-J]|[ivxIVX]+)(?![A-Za-z]))"
)
"""A letter that an announcement leads up to."""
LETTER: Final = re.compile(f"[{LETTERS}]")
SEVERAL: Final = re.compile(rf"\(?[{LETTERS}]\)?(?:\s?(?:,|&|、|;|和|and|or|, and)\s?\(?[{LETTERS}]\)?)+")
"""Nothing but several letters."""
ARTICLE: Final = re.compile(r"\s*[AI]\s+(?!because\b|since\b|as\b|is\b)[A-Za-z]")
"""An A or I that begins a sentence."""
LONE: Final = re.compile(
    rf"(?:(?P<word>{_WORD})|(?P<open>[(\[]))?[\s$(\[*]*"
    rf"(?P<letter>(?(word)[{_EITHER}]|(?(open)[{_EITHER}]|[{LETTERS}a-d])))[\s$)\]*.:,。、]*\Z"
)
"""Nothing but a letter; without a bracket or a word for it, e to j are letters of mathematics."""
LABELLED: Final = re.compile(
    rf"[\s$(*]*(?P<letter>[{LETTERS}]|(?<=\()[a-j](?=\)\s))(?:\)|[.:、](?=\s))(?!\s*(?:and|or|和|或|,))[^\n]*\s*\Z"
)
"""A letter and what it stands for: "B. 17"."""
ANY: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?:\((?P<bracket>[{_EITHER}])\)|(?!A\s[a-z])(?P<bare>[A-HJ]))(?![A-Za-z0-9'])"
)
"""A letter anywhere; I is the writer."""
CORRECT: Final = re.compile(
    rf"(?:(?i:option|choice|answer)\s|选项\s?)?\(?(?P<letter>[{LETTERS}])\)?(?:\s?(?:是|为)?(?:正确|对)的?|\s(?i:is|would\sbe)\s(?i:(?:the\s)?(?:correct|right|best)|the\s(?:final\s)?answer)\b)"
)
"""A letter that is called correct."""
CONCLUDED: Final = re.compile(
    r"(?i:\b(?:thus|hence|so|therefore),?\s(?:(?:it['’]s|it\sis|(?:the\s)?(?:correct|right|best)\s(?:one|answer)\sis)\s)?)"
    r"(?:(?i:option|choice)\s)?\(?(?P<letter>[A-HJ])\)?[\s.*]*\Z"
)
"""A letter that a text comes to at its end."""

VERDICTS: Final = MappingProxyType(
    dict.fromkeys(("yes", "true", "correct", "是", "是的", "对", "对的", "正确", "正确的", "没错"), "yes")
    | dict.fromkeys(
        ("no", "false", "incorrect", "否", "不", "不是", "不对", "错", "错的", "错误", "错误的", "不正确"), "no"
    )
)
"""What a word says: yes or no."""
_VERDICT: Final = "|".join(sorted(VERDICTS, key=len, reverse=True))
OPENING_VERDICT: Final = re.compile(
    rf"[\s\"'*($]*(?P<word>{_VERDICT})(?!\.\s?[0-9])(?=\s*(?:\Z|[.,;:?。、)\"'*$\n-]|because\b|since\b|因为))",
    re.IGNORECASE,
)
ANY_VERDICT: Final = re.compile(
    r"\b(?P<word>yes|no|true|false)\b|(?P<hanzi>是的|没错|不正确|不是|不对|正确|错误)", re.IGNORECASE
)
