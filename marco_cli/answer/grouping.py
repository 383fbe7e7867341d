"""Digits grouped and pointed as a language does it, written as English does it, character for character.

In: plain text and its language. Out: text of the same length in which 70.000,5 is 70,000.5 and 70 000 is grouped by thin
spaces, so that numbers are read in one way and every character still knows where it came from.
"""

import re
from typing import Final

from marco_cli.answer.language import Language
from marco_cli.answer.plaintext import THIN_SPACE

_BEGIN: Final = r"(?<![\w.,(\[])"
_APOSTROPHES: Final = re.compile(r"(?<![\w.,])[0-9]{1,3}(?:['\u2019][0-9]{3})+(?![0-9])")
_NUMBER: Final = re.compile(
    r"(?P<points>(?<![\w.,])[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?(?![0-9]|[.,][0-9]))"
    rf"|(?P<spaces>{_BEGIN}[0-9]{{1,3}}(?:[ {THIN_SPACE}][0-9]{{3}})+(?:,[0-9]+)?(?![0-9]))"
    rf"|(?P<comma>{_BEGIN}[0-9]+,[0-9]+(?![0-9]|,[0-9]))"
)
_EUROS: Final = re.compile(r"(?<=€)\s?[0-9]+,[0-9]{2}(?![0-9]|[.,][0-9])|(?<![\w.,])[0-9]+,[0-9]{2}(?=\s?€)")
_THOUSANDS: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_SWAPPED: Final = str.maketrans(".,' \u2019", f",.{THIN_SPACE}{THIN_SPACE}{THIN_SPACE}")


def in_english(text: str, language: Language) -> str:
    """Return the text with English numbers.

    A comma before three digits of which the last is 0 groups them in every language: nothing else is written so.
    """
    text = _APOSTROPHES.sub(lambda found: found.group().translate(_SWAPPED), text)
    if language.has_comma:
        return _NUMBER.sub(lambda found: _written(found, language), text)
    return _EUROS.sub(lambda found: found.group().replace(",", "."), text) if "€" in text else text


def _written(found: re.Match[str], language: Language) -> str:
    written = found.group()
    if found.lastgroup != "comma":
        return written.translate(_SWAPPED)
    is_grouped = _THOUSANDS.fullmatch(written) and (language.groups_by_comma or written.endswith("0"))
    return written if is_grouped else written.replace(",", ".")
