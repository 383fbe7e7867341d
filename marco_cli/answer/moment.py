"""Dates and times of day, as they are written in English and Chinese: what is made of digits and is not a number.

In: the text that one of `FORMS` matched. Out: its canonical form. The same day is one however it is written; no time is
converted into another, so 3:30 PM is not 15:30, and 7 AM is not 7 PM.
"""

import re
from types import MappingProxyType
from typing import Final

from marco_cli.answer.number_words import HANZI, hanzi_value

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = MappingProxyType(
    dict(
        zip(
            "一二三四五六日天",
            ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "sunday"],
            strict=True,
        )
    )
)
_MONTH: Final = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)(?![A-Za-z])\.?"
)
_DAY: Final = r"[0-9]{1,2}(?:st|nd|rd|th)?(?![,.]?[0-9])"
_YEAR: Final = r"(?:,?\s[0-9]{4}(?![0-9]))?"
_HALF_OF_DAY: Final = r"\s?[AaPp]\.?[Mm]\b\.?"
_CHINESE_HALF: Final = MappingProxyType(
    dict.fromkeys(("上午", "早上", "凌晨", "清晨"), "am") | dict.fromkeys(("下午", "晚上", "傍晚"), "pm")
)
_PART: Final = f"(?:{'|'.join(_CHINESE_HALF)})?"
_HANZI_PART: Final = f"[{HANZI}]{{1,3}}"

FORMS: Final = MappingProxyType(
    {
        "date": r"START(?:[0-9]{4}(?:-[0-9]{1,2}-|/[0-9]{1,2}/)[0-9]{1,2}(?![0-9])"
        rf"|(?:[0-9]{{4}}\s?年\s?)?[0-9]{{1,2}}\s?月\s?[0-9]{{1,2}}\s?[日号]|{_MONTH}\s{_DAY}{_YEAR}"
        rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}{_YEAR})",
        "spoken_date": rf"[{HANZI}]{{1,2}}月[{HANZI}]{{1,3}}[日号]",
        "weekday": r"(?<![个0-9])(?:星期|礼拜)[一二三四五六日天]|(?<![一二两三几每个0-9])周[一二三四五六日](?![次个天])",
        "clock": rf"{_PART}START(?:[0-9]++(?::[0-9]++)++(?:{_HALF_OF_DAY})?|[0-9]++[ ]:[ ][0-9]++"
        rf"|[0-9]{{1,2}}{_HALF_OF_DAY}|[0-9]{{1,2}}[点时](?:[0-9]{{1,2}}分|半(?![径价]))"
        r"|[0-9]{1,2}\so'clock\b)",
        "spoken_clock": rf"{_PART}{_HANZI_PART}点(?:{_HANZI_PART}分|半(?![径价]))",
    }
)
"""Patterns by name, to be tried before those of numbers; `START` is where a numeral may begin."""


def canonical(form: str, written: str) -> str:
    """Return what all spellings of a day or a time share."""
    if form == "weekday":
        return _DAYS[written[-1]]
    if form == "spoken_date":
        month, day = re.split("[月日号]", written)[:2]
        return "-".join(str(hanzi_value(part) or part).zfill(2) for part in (month, day))
    return _date(written) if form == "date" else _clock(form, written)


def _date(written: str) -> str:
    """Return year-month-day, or month-day without a year; names of months count."""
    numbers = re.findall("[0-9]+", written)
    name = re.search("[A-Z][a-z]{2}", written)
    if name:
        day, *year = numbers
        numbers = [*year, str(_MONTHS.index(name.group().lower()) + 1), day]
    return "-".join(number.zfill(2) for number in numbers)


def _clock(form: str, written: str) -> str:
    """Return hours:minutes, with am or pm where they are said."""
    half = next((half for word, half in _CHINESE_HALF.items() if written.startswith(word)), "")
    text = written.lower().lstrip("".join(_CHINESE_HALF)).replace("o'clock", ":00")
    text = re.sub(r"[\s,.]", "", text)
    if form == "spoken_clock":
        parts = [hanzi_value(part) for part in text.replace("半", "三十").rstrip("分").split("点")]
        return (
            text + half
            if None in parts
            else ":".join(f"{part!s:0>2}" if at else str(part) for at, part in enumerate(parts)) + half
        )
    text = re.sub("[点时]", ":", text.replace("半", "30")).rstrip("分")
    if text[-1] == "m" and ":" not in text:
        text = f"{text[:-2]}:00{text[-2:]}"
    return text.removeprefix("0") + half
