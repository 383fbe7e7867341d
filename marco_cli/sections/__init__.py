"""How a reply is divided into thought and output, and the parser that divides it."""

from marco_cli.sections.format import MARCO, NONE, TAG_STYLES, THINK, SectionKind, Tags
from marco_cli.sections.parser import SectionParser, parse
from marco_cli.sections.text import Sections, SectionText

__all__ = (
    "MARCO",
    "NONE",
    "TAG_STYLES",
    "THINK",
    "SectionKind",
    "SectionParser",
    "SectionText",
    "Sections",
    "Tags",
    "parse",
)
