r"""The signs of mathematics by all their names: LaTeX commands, Unicode, and what people type.

Tables only. Each leads from a spelling to the one that formulas are read by.
"""

from types import MappingProxyType
from typing import Final

from marco_cli.answer.signs import SIGNS as LATEX_SIGNS

FUNCTIONS: Final = frozenset(
    "frac binom sqrt sin cos tan cot sec csc asin acos atan sinh cosh tanh log ln exp".split()  # noqa: SIM905
)
TAKE_A_DIGIT: Final = frozenset({"frac", "sqrt", "binom"})
"""Commands that LaTeX gives one digit to: \\frac12."""
ALIASES: Final = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac"), "frac"),
    **dict.fromkeys(("dbinom", "tbinom"), "binom"),
    **dict.fromkeys(("arcsin", "Arcsin"), "asin"),
    **dict.fromkeys(("arccos", "Arccos"), "acos"),
    **dict.fromkeys(("arctan", "Arctan"), "atan"),
    "lg": "log",
}
"""Other names of functions."""
RELATIONS: Final = {
    **{sign: sign for sign in "=<>≤≥≠∈≈"},
    **{rf"\{name}": sign for name, sign in LATEX_SIGNS.items() if sign in "<>≤≥≠∈≈"},
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    r"\thickapprox": "≈",
    "==": "=",
    ":=": "=",
}
SIGNS: Final = {
    **dict.fromkeys((r"\times", r"\cdot", r"\ast", "×", "·", "⋅", "∙", "*"), "*"),
    "**": "^",
    **dict.fromkeys((r"\div", "÷", "/"), "/"),
    **dict.fromkeys((r"\circ", r"\degree", "°", "º"), "deg"),
    **dict.fromkeys((r"\cup", "∪"), r"\cup"),
    **dict.fromkeys((r"\%", "%"), "%"),
    **dict.fromkeys((r"\colon",), ":"),
    **dict.fromkeys((r"\mid", r"\vert"), "|"),
    **dict.fromkeys((r"\prime",), "'"),
    "、": ",",
}
OPENING: Final = frozenset({"(", "[", r"\{", r"\langle", r"\lfloor", r"\lceil", r"\lvert", "{"})
CLOSING: Final = frozenset({")", "]", r"\}", r"\rangle", r"\rfloor", r"\rceil", r"\rvert", "}"})
NAMES: Final = {r"\infty": r"\infty", "∞": r"\infty", r"\pi": r"\pi", "π": r"\pi"} | dict.fromkeys(
    (r"\emptyset", r"\varnothing", "∅"), r"\emptyset"
)
"""Constants and sets that count as letters."""
GREEK: Final = frozenset(
    rf"\{name}" for name, sign in LATEX_SIGNS.items() if ("Γ" <= sign <= "ω" and sign != "π") or name == "ell"
)
"""Commands that are variables."""
WORDS: Final = MappingProxyType(
    {"and": "and", "or": "or", "is": "=", "equals": "=", "infinity": r"\infty", "inf": r"\infty", "pi": r"\pi"}
    | {name: name for name in ("theta", "alpha", "beta")}
)
"""Words that are signs or letters."""
_UNITS: Final = (
    "cm mm km kg mg ml ft in oz lb lbs mi yd mph hr hrs min sec feet foot inch inches meters metres units degrees "
    "dollars cents hours minutes seconds days miles square cubic sq radians rad degree unit percent"
)
UNITS: Final = frozenset(_UNITS.split())
"""Words that may follow a number in a formula."""
_SHORT: Final = (
    "no yes on at of is it an as by to he we she the one two six ten odd red all any few day not if so be do st nd "
    "rd th am pm"
)
PLAIN_WORDS: Final = UNITS | frozenset(_SHORT.split())
"""Short words that are words, not variables side by side."""
BRACKETS: Final = {"(": ")]", "[": "])", r"\{": (r"\}",), r"\langle": (r"\rangle",)}
"""What may close each bracket."""
AROUND: Final = {r"\lfloor": (r"\rfloor", "floor"), r"\lceil": (r"\rceil", "ceil"), r"\lvert": (r"\rvert", "abs")}
"""Signs around an argument, and the operation that they stand for."""
CONSTANTS: Final = {r"\pi": "pi", "e": "e", "i": "i", r"\infty": "inf", r"\emptyset": "empty"}
POSTFIX: Final = {"!": "factorial", "deg": "degrees", "%": "percent"}
INVERSE: Final = {"sin": "asin", "cos": "acos", "tan": "atan"}
"""What a function is called with -1 for an exponent."""
