"""How a reply is divided into thought and output, and the parser that divides it."""

from marco_cli.sections.format import MARCO, NONE, TAG_STYLES, THINK, SectionKind, Tags
from marco_cli.sections.parser import SectionParser, Sections, SectionText, parse

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
