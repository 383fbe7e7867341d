"""What a reply is divided into: pieces while it is written, sections when it is over."""

from dataclasses import dataclass, field

from marco_cli.sections.format import SectionKind, Tags


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionText:
    """A piece of one section.

    `part` counts the sections begun so far, from 0, and grows when a section begins. The pieces of one part joined give
    that section without its leading and trailing white space.
    """

    kind: SectionKind
    text: str
    part: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A whole reply: `thought` and `output` stripped ("" when missing), `raw` as it came.

    `closed` says that a thought ended, by its own mark or because an output began, and that none is open. `tags` is the
    format that the reply was read with.
    """

    thought: str
    output: str
    raw: str
    closed: bool
    tags: Tags

    @property
    def has_output(self) -> bool:
        """Say whether the output holds more than white space."""
        return bool(self.output)


@dataclass(slots=True)
class Part:
    """One section as it grows; holds white space back until something follows it."""

    kind: SectionKind
    pieces: list[str] = field(default_factory=list)
    space: list[str] = field(default_factory=list)

    def add(self, text: str) -> str:
        """Add text and return what may be shown of it now."""
        text = text if self.pieces else text.lstrip()
        body = text.rstrip()
        if not body:
            self.space.append(text)
            return ""
        shown = "".join(self.space) + body
        self.pieces.append(shown)
        self.space = [text[len(body) :]]
        return shown
