"""The eleven languages of MGSM, as data: how each announces an answer, writes numbers, and says yes and no.

In: a text, and what is known of its question. Out: a `Language`. Which language a text is in is told by its script, for the
Latin one by its commonest words; a text that does not say is in the language of its question, else in English.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final
from unicodedata import normalize


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How a language writes what an answer is read by; patterns are regular expressions."""

    marker: str
    """What stands right before an announced answer."""
    has_comma: bool = False
    """Whether 2,5 is two and a half, and 70.000 seventy thousand."""
    groups_by_comma: bool = False
    """Whether 2,125 is two thousand all the same, as in Spanish of the Americas."""
    scales: tuple[tuple[str, int], ...] = ()
    """Words after a number that multiply it by a power of ten."""
    percent: str = ""
    minus: str = ""
    common: str = ""
    """Words that tell it from other languages in the same script."""
    script: str = ""
    """Characters that no other of the languages uses."""


_IS: Final = r"[\s:*_\"'=\uff1a\u2014]"

LANGUAGES: Final = MappingProxyType(
    {
        "en": Language(
            marker=r"\b(?:answer|ans)\b(?:\s(?:to|for|of)\s[^\n.:=]{0,80}?|\s\([^()\n]{0,40}\))?[\"'*_)\]}]{0,4}\s{0,3}"
            r"(?:(?:is|are|equals|(?:would|should|will|must)\sbe|comes\s(?:out\s)?to)\b(?:\s(?:simply|just|therefore|thus|then)\b)?|[:=\n\uff1a])"
            r"|\b(?:correct|right|best)\s(?:option|choice)\sis\b|####"
            r"|\bi(?:\swould|'d|'ll)?\s(?:choose|pick|select|go\swith)\s(?=(?:option\s)?\(?(?-i:[A-J])(?![A-Za-z]))",
            scales=(("hundred", 2), ("thousand", 3), ("million", 6), ("billion", 9), ("trillion", 12)),
            percent=r"per\s?cent\b|pct\b",
            minus=r"negative|minus",
            common="the is are of and answer there so we with that this have total",
        ),
        "de": Language(
            marker=r"\b(?:end)?(?:antwort|ergebnis|lösung)\b(?:\s(?:auf|von|für)\s[^\n.:=]{0,80}?)?[*_)\"]{0,4}\s?"
            r"(?:(?:ist|lautet|beträgt|wäre|sind)\b(?:\s(?:daher|also|somit)\b)?|[:=\n])",
            has_comma=True,
            scales=(
                ("tausend", 3), ("millionen", 6), ("million", 6), ("mio", 6), ("milliarden", 9), ("milliarde", 9),
                ("mrd", 9),
            ),
            percent="prozent",
            minus="minus",
            common="der die das ist und ein eine nicht von mit für insgesamt antwort lautet also hat sie er zu den",
        ),
        "es": Language(
            marker=r"\b(?:respuesta|resultado|solución)\b(?:\s(?:final|correcta))?(?:\s(?:a|de|para)\s[^\n.:=]{0,80}?)?"
            r"[*_)\"]{0,4}\s?(?:(?:es|son|sería|será)\b(?:\sde\b)?|[:=\n])",
            has_comma=True,
            groups_by_comma=True,
            scales=(("mil", 3), ("millones", 6), ("millón", 6)),
            percent=r"por\sciento",
            minus="menos",
            common="el la los las es de que en un una por con respuesta total para se del tiene entonces son",
        ),
        "fr": Language(
            marker=r"\b(?:réponse|résultat|solution)\b(?:\s(?:finale|correcte))?(?:\s(?:à|de|pour)\s[^\n.:=]{0,80}?)?"
            r"[*_)\"]{0,4}\s?(?:(?:est|sont|serait|sera)\b(?:\s(?:donc|de)\b)?|[:=\n])",
            has_comma=True,
            scales=(("mille", 3), ("millions", 6), ("million", 6), ("milliards", 9), ("milliard", 9)),
            percent=r"pour\s?cent",
            minus="moins",
            common="le la les est de des un une et que dans pour avec réponse donc il elle au total ce sont à",
        ),
        "sw": Language(
            marker=r"\b(?:jibu|majibu)\b(?:\s(?:la|ya|lake|letu))?(?:\s(?:mwisho|sahihi|swali))?[*_)\"]{0,4}\s?(?:(?:ni|litakuwa|lake\sni)\b|[:=\n])",
            scales=(("elfu", 3), ("laki", 5), ("milioni", 6)),
            percent="asilimia",
            minus="hasi",
            common="ni na ya wa kwa jibu hivyo la kila jumla za katika atakuwa kwamba",
        ),
        "ru": Language(
            marker=rf"\bответ(?:ом)?\b(?:\sна\s[^\n.:=]{{0,80}}?)?{_IS}{{0,4}}(?:(?:равен|равняется|является|будет|это|составляет)\b|[:=\n\u2014\u2013]|-(?=\s))"
            r"|\bитого\s?[:=]",
            has_comma=True,
            scales=(
                ("тысячи", 3), ("тысяча", 3), ("тысяч", 3), ("тыс", 3), ("миллионов", 6), ("миллиона", 6),
                ("миллион", 6), ("млн", 6), ("миллиардов", 9), ("миллиарда", 9), ("миллиард", 9), ("млрд", 9),
            ),
            percent=r"процент(?:а|ов)?\b",
            minus="минус",
            script="а-яё",
        ),
        "ja": Language(
            marker=rf"(?:答え?|回答|解答|正解|答案)(?:は|が|:){_IS}{{0,4}}|(?:したがって|よって)、?答え?{_IS}{{0,3}}",
            percent=r"パーセント|\u30d1\u30fc\u30bb\u30f3\u30c8",
            minus="マイナス",
            script="ぁ-ゖァ-ヺ",
        ),
        "zh": Language(
            marker=r"答案(?:不是[^\n。]{0,60}?而是|[^\n,。.:不]{0,12}?(?:是|为|等于|[:=\n]))|答:|[【\[]答案[】\]]"
            r"|(?:选项(?:是|为|:)|选择?(?:是|为|:)?)(?=\s?\(?[A-J](?![A-Za-z]))",
            minus="负|零下",
            percent="个?百分点",
            script="\u4e00-\u9fff",
        ),
        "bn": Language(
            marker=rf"উত্তর(?:টি|টা)?{_IS}{{0,3}}(?:হবে|হলো|হল|হচ্ছে|[:=\n।\u2014\u2013]|-(?=\s))?{_IS}{{0,3}}",
            scales=(("হাজার", 3), ("লাখ", 5), ("লক্ষ", 5), ("কোটি", 7), ("মিলিয়ন", 6)),
            percent="শতাংশ|শতকরা",
            minus="মাইনাস|ঋণাত্মক|বিয়োগ",
            script="\u0980-\u09ff",
        ),
        "te": Language(
            marker=rf"(?:సమాధానం|జవాబు)(?:{_IS}{{0,3}}(?:అంటే|ఏమిటంటే|[:=\n\u2013]|-(?=\s)))?{_IS}{{0,3}}",
            scales=(("వేలు", 3), ("వేల", 3), ("లక్షలు", 5), ("లక్షల", 5), ("లక్ష", 5), ("కోట్లు", 7), ("కోట్ల", 7), ("కోటి", 7)),
            percent="శాతం",
            minus="మైనస్|రుణాత్మక",
            script="\u0c00-\u0c7f",
        ),
        "th": Language(
            marker=rf"คำตอบ(?:สุดท้าย|ที่ถูกต้อง|ของคำถาม|ของโจทย์)?{_IS}{{0,3}}(?:คือ|เป็น|เท่ากับ|[:=\n])?{_IS}{{0,3}}|(?<!คำ)ตอบ{_IS}{{0,3}}(?=[0-9$])",
            scales=(("พัน", 3), ("หมื่น", 4), ("แสน", 5), ("ล้าน", 6)),
            percent="เปอร์เซ็นต์|ร้อยละ",
            minus="ลบ|ติดลบ",
            script="\u0e00-\u0e7f",
        ),
    }
)  # fmt: skip
"""By the code that `eval mgsm` uses."""

SCALES: Final = MappingProxyType({word: power for each in LANGUAGES.values() for word, power in each.scales})
"""The power of ten of a word, in any of the languages."""


def alternatives(words: Iterable[str]) -> str:
    """Return a pattern of any of the words, longest first."""
    return "|".join(sorted(words, key=len, reverse=True))


def all_of(name: str) -> str:
    """Return a pattern of what any of the languages has under a name, for text in the form NFKC."""
    return normalize("NFKC", "|".join(value for each in LANGUAGES.values() if (value := str(getattr(each, name)))))


def language_of(*texts: str) -> Language:
    """Return the language of the first text that says which it is in; English if none does."""
    return next((LANGUAGES[code] for text in texts if (code := told(text))), LANGUAGES["en"])


def told(text: str) -> str:
    """Return the code of the language of a text, or "" where it does not say; a code stands for itself."""
    if text in LANGUAGES:
        return text
    window = text[-4000:].casefold()
    for code, pattern in _scripts().items():
        if pattern.search(window):
            return code
    words = set(re.findall(r"[^\W\d_]+", window))
    shares = {code: len(words & common) for code, common in _common().items()}
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] else ""


@cache
def _scripts() -> dict[str, re.Pattern[str]]:
    """Return how each script is told; Japanese, which also writes Chinese characters, before Chinese."""
    return {code: re.compile(f"[{each.script}]") for code, each in LANGUAGES.items() if each.script}


@cache
def _common() -> dict[str, frozenset[str]]:
    return {code: frozenset(each.common.split()) for code, each in LANGUAGES.items() if each.common}


def is_chinese(text: str) -> bool:
    """Say whether a text has Chinese characters, so that what is said about it is Chinese, too."""
    return any("\u4e00" <= character <= "\u9fff" for character in text)
