"""Split a reply, as it streams in, into its thought and its output.

In: pieces of text cut anywhere, and the tags of the model's preset. Out: `SectionText` deltas that never hold a tag or
a part of one, and in the end one `Sections`. Models bend the format, so the reading is tolerant:

- The first tag decides what the text before it was: thought before `<Thought>`, `</Thought>` or `<Output>`; output
  before `</Output>` or when no tag ever comes. That text is held back until then, unless `starts_in` says what it is.
- `<Output>` inside a thought ends the thought. A tag that changes nothing (a stray close tag) is dropped.
- Text after the thought that no `<Output>` announces is an output of its own; an announced one that follows replaces it.
- Repeated sections: thoughts are joined by a blank line, the last output that is not blank wins.
- Text after `</Output>` is dropped if there is an output, else it becomes the output.
- Tags match in any letter case, and stay text inside ``` fences and `inline code`.
- A fence that never closes cannot hide the output: with no output at the end, tags in that fence count after all.
- A tag that the token budget cut short (three characters or more of it) is dropped.

It knows neither tokens nor engines. Work is linear in the text however it is cut.
"""

import re
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Final, Literal

SectionKind = Literal["thought", "output"]

_CUT_TAG = 3  # "<" and "</" at the very end may be meant; "</O" is a tag that the budget cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags of a reply format; None where the format has no such tag.

    Without `output_open`, whatever follows the thought is the output. Without any tag everything is output.
    """

    thought_open: str | None = None
    thought_close: str | None = None
    output_open: str | None = None
    output_close: str | None = None


MARCO: Final = Tags(
    thought_open="<Thought>", thought_close="</Thought>", output_open="<Output>", output_close="</Output>"
)
THINK: Final = Tags(thought_open="<think>", thought_close="</think>")
NONE: Final = Tags()
TAG_STYLES: Final = MappingProxyType({"marco": MARCO, "think": THINK, "none": NONE})


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

    `closed` says that a thought ended, by its own tag or because an output began.
    """

    thought: str
    output: str
    raw: str
    closed: bool

    @property
    def has_output(self) -> bool:
        """Say whether there is an output; one of white space alone is none."""
        return bool(self.output)


@dataclass(slots=True)
class _Code:
    """Whether the text stands inside Markdown code: in a fence (over lines) or in a code span (within one line)."""

    fence: int = 0  # backticks that opened the fence, 0 outside
    span: int = 0  # backticks that opened the code span, 0 outside
    run: int = 0  # backticks of the run that is still growing
    line_start: bool = True
    opening_line: bool = False

    @property
    def inside(self) -> bool:
        return bool(self.fence or self.span)

    def settle(self) -> None:
        """Decide what the run of backticks meant, now that it has ended."""
        run, self.run = self.run, 0
        if not run:
            return
        if self.fence:
            if run >= self.fence and (self.line_start or self.opening_line):
                self.fence = 0
        elif self.span:
            self.span = 0 if run == self.span else self.span
        elif run >= 3 and self.line_start:
            self.fence, self.opening_line = run, True
        else:
            self.span = run
        self.line_start = False

    def newline(self) -> None:
        self.span, self.opening_line, self.line_start = 0, False, True


@dataclass(slots=True)
class _Part:
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

    def cut(self, count: int) -> None:
        """Take back the last `count` characters that were added; the part had begun before them."""
        text = "".join(self.pieces + self.space)
        text = text[: len(text) - count]
        body = text.rstrip()
        self.pieces, self.space = [body], [text[len(body) :]]

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@cache
def _syntax(tags: Tags) -> tuple[tuple[str, ...], frozenset[str], re.Pattern[str]]:
    """Return the tags in lower case, the characters that they end with in either case, and what text is made of."""
    named = {name: tag for name, tag in asdict(tags).items() if tag}
    lower = tuple(tag.lower() for tag in named.values())
    groups = [f"(?P<{name}>{re.escape(tag)})" for name, tag in named.items()]
    pattern = re.compile("|".join([*groups, "`+", "\n", "<", "[^`\n<]+"]), re.ASCII | re.IGNORECASE)
    return lower, frozenset(end for tag in lower for end in (tag[-1], tag[-1].upper())), pattern


class SectionParser:
    """Read one reply: `feed` pieces, `finish` once, then take the `result`.

    `starts_in` names the section that the prompt has opened already (a prefilled `<Thought>`), if any.
    """

    def __init__(self, tags: Tags, *, starts_in: SectionKind | None = None) -> None:
        self._tags, self._ends, self._token = _syntax(tags)
        self._raw: list[str] = []
        self._unread = ""  # what was skimmed
        self._held = ""  # the start of what may become a tag
        self._undecided: list[str] | None = []  # text before the first tag; None once that is settled
        self._parts: list[_Part] = []
        self._deltas: list[SectionText] = []
        self._inside: SectionKind | None = None
        self._output_over = False  # the last tag closed an output
        self._has_output = False
        self._closed = False
        self._code: _Code | None = _Code()
        self._fenced: list[str] = []  # the text of the open fence, to be read again should it never close
        self._hidden_tag = False  # that text has a tag in it
        if starts_in is not None or not self._tags:
            self._begin(starts_in or "output")

    @property
    def inside(self) -> SectionKind | None:
        """Name the section that is open now; None before, between and after sections."""
        return self._inside

    @property
    def has_output(self) -> bool:
        """Whether an output has text."""
        return self._has_output

    @property
    def result(self) -> Sections:
        """Join what has been settled so far; complete after `finish`."""
        outputs = [part.text for part in self._parts if part.kind == "output" and part.pieces]
        return Sections(
            thought="\n\n".join(part.text for part in self._parts if part.kind == "thought" and part.pieces),
            output=outputs[-1] if outputs else "",
            raw="".join(self._raw),
            closed=self._closed,
        )

    def feed(self, text: str) -> tuple[SectionText, ...]:
        """Take the next piece of the reply; return what it settles, in order, possibly nothing."""
        self.skim(text)
        self._read()
        return self._drain()

    def skim(self, text: str) -> None:
        """Take the next piece without telling what it settles, which the next `feed` does.

        Cheap: until a tag may end, `inside` stays what it is, and the rest can wait.
        """
        self._raw.append(text)
        self._unread += text
        if (self._inside is None and self._undecided is None) or not self._ends.isdisjoint(text):
            self._read()

    def _read(self) -> None:
        text, self._unread = self._unread, ""
        self._scan(text)

    def finish(self) -> tuple[SectionText, ...]:
        """End the reply; return the text that was still held back."""
        self._read()
        held, self._held = self._held, ""
        self._settle_code("")
        if held and (self._in_code or len(held) < _CUT_TAG):
            self._text(held)
        if self._hidden_tag and not self._has_output:
            self._reread_fence()
        if self._undecided is not None:
            self._decide("output")
        return self._drain()

    @property
    def _in_code(self) -> bool:
        return self._code is not None and self._code.inside

    def _drain(self) -> tuple[SectionText, ...]:
        deltas, self._deltas = self._deltas, []
        return tuple(
            SectionText(kind=same[0].kind, text="".join(delta.text for delta in same), part=part)
            for part, group in groupby(deltas, key=attrgetter("part"))
            if (same := list(group))
        )

    def _scan(self, text: str) -> None:
        text, self._held = self._held + text, ""
        longest = max(map(len, self._tags), default=0)
        for token in self._token.finditer(text):
            piece = token.group()
            self._settle_code(piece)
            if token.lastgroup is not None and not self._in_code:
                self._take(token.lastgroup)
                continue
            if piece == "<" and len(text) - token.start() < longest:
                rest = text[token.start() :]
                if any(tag.startswith(rest.lower()) for tag in self._tags):
                    self._held = rest
                    return
            if token.lastgroup is not None and self._code is not None and self._code.fence:
                self._hidden_tag = True
            self._text(piece)

    def _settle_code(self, piece: str) -> None:
        """Keep track of Markdown code; `piece` is the token about to be read, "" at the end."""
        code = self._code
        if code is None:
            return
        if piece.startswith("`"):
            code.run += len(piece)
            return
        fence = code.fence
        code.settle()
        if fence != code.fence:
            self._fenced, self._hidden_tag = [], False
        if piece == "\n":
            code.newline()
        elif not piece.isspace():
            code.line_start = False

    def _take(self, tag: str) -> None:
        """Act on a tag, named as the field of `Tags`."""
        if self._undecided is not None:
            self._decide("output" if tag == "output_close" else "thought")
        inside = self._inside
        if self._code is not None:
            self._code.line_start = True
        if tag == "thought_open" and inside != "thought":
            self._begin("thought")
        elif tag == "output_open":
            self._closed = self._closed or inside == "thought"
            self._begin("output")
        elif tag == "thought_close" and inside != "output":
            self._closed, self._inside, self._output_over = True, None, False
        elif tag == "output_close" and inside == "output":
            self._inside, self._output_over = None, True

    def _decide(self, kind: SectionKind) -> None:
        """Settle which section the text before the first tag belongs to."""
        text, self._undecided = "".join(self._undecided or ()), None
        if text.strip():
            self._begin(kind)
            self._show(text)

    def _begin(self, kind: SectionKind) -> None:
        self._undecided, self._inside, self._output_over = None, kind, False
        self._parts.append(_Part(kind=kind))

    def _text(self, text: str) -> None:
        if self._code is not None and self._code.fence:
            self._fenced.append(text)
        if self._undecided is not None:
            self._undecided.append(text)
            return
        if self._inside is None:
            if text.isspace() or (self._output_over and self._has_output):
                return
            self._begin("output")
        self._show(text)

    def _show(self, text: str) -> None:
        part = self._parts[-1]
        shown = part.add(text)
        if shown:
            self._has_output = self._has_output or part.kind == "output"
            self._deltas.append(SectionText(kind=part.kind, text=shown, part=len(self._parts) - 1))

    def _reread_fence(self) -> None:
        """Read the fence that never closed again, its tags counting; what was shown of it is not shown twice."""
        text, self._fenced = "".join(self._fenced), []
        self._code, self._hidden_tag = None, False
        shown = len(self._parts) - 1
        if self._undecided is not None:
            before = "".join(self._undecided)
            self._undecided = [before[: len(before) - len(text)]]
            shown = -1
        else:
            self._parts[-1].cut(len(text))
        self._scan(text)
        held, self._held = self._held, ""
        if len(held) < _CUT_TAG:
            self._text(held)
        self._deltas = [delta for delta in self._deltas if delta.part != shown]


def parse(text: str, tags: Tags, *, starts_in: SectionKind | None = None) -> Sections:
    """Read a whole reply at once."""
    parser = SectionParser(tags, starts_in=starts_in)
    parser.feed(text)
    parser.finish()
    return parser.result
