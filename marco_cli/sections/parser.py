"""Split a reply, as it streams in, into its thought and its output.

In: pieces of text cut anywhere, and the marks of a format. Out: `SectionText` deltas that never hold a mark or a part of one,
and in the end one `Sections`. Models bend the format, so the reading is tolerant:

- The first mark decides what the text before it was: output before the mark that closes an output, or when no mark ever
  comes, else thought. That text is held back until then, unless `starts_in` says what it is.
- Text after the thought that no mark announces is an output of its own; an announced one that follows replaces it.
- Thoughts are joined by a blank line, the last output that is not blank wins. Text after a closed output is dropped if it
  has text, else it becomes the output.
- A thought may hold thoughts. Where the outer one never ends, the last end of an inner one counts.
- In an output, marks stay text inside `code` and ``` fences. A mark that closes the output in code that is never closed
  counts after all. Outside of outputs code means nothing.
- A format that is not fixed gives way to the one whose thought the reply begins with.
- A mark that the token budget cut short (three characters or more of it) is dropped.

It knows neither tokens nor engines. Work is linear in the text for all but contrived replies, however it is cut.
"""

import re
from dataclasses import dataclass

from marco_cli.sections.format import SectionKind, Tags
from marco_cli.sections.syntax import folded, syntax_of

_CUT_MARK = 3  # "<" and "</" at the very end may be meant; "</O" is a mark that the budget cut
_CODE_EDGE = re.compile(r"`+|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionText:
    """A piece of one section, the `part`-th from 0; those of a part joined are the section without white space around it."""

    kind: SectionKind
    text: str
    part: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A whole reply: `thought` and `output` without white space around them ("" when missing), `raw` as it came."""

    thought: str
    output: str
    raw: str
    closed: bool
    """Whether a thought ended, by its own mark or because an output began, and none is open."""
    tags: Tags
    """The format that the reply was read with."""

    @property
    def has_output(self) -> bool:
        """Say whether the output holds more than white space."""
        return bool(self.output)


class SectionParser:
    """Read one reply: `feed` pieces, `finish` once, then take the `result`.

    `starts_in` names the section that the prompt has opened already, if any.
    """

    def __init__(self, tags: Tags, *, starts_in: SectionKind | None = None) -> None:
        self.tags = tags
        """The format in use; another one than at first where the reply shows it."""
        self.inside: SectionKind | None = None
        """The section that is open; None before, between and after sections."""
        self.has_output = False
        """Whether an output has text."""
        self._syntax = syntax_of(tags)
        self._ends = self._syntax.ends
        self._raw: list[str] = []
        self._unread = ""
        self._undecided: list[str] | None = [] if tags.marks else None
        """Text whose section is not known yet: before the first mark, or after the end of an inner thought."""
        self._parts: list[tuple[SectionKind, list[str]]] = []
        self._space = ""  # white space at the end of the last part, held back until something follows it
        self._settled: dict[int, list[str]] = {}
        self._is_blank = True  # nothing but white space and marks so far
        self._output_over = False  # the last mark closed an output
        self._closed = False
        self._depth = 0  # thoughts inside the open one
        self._is_waiting = False  # what is unread begins with a mark, or backticks, that may grow
        self._code = 0  # backticks that opened the code that the output stands in, 0 outside
        if starts_in is not None or (tags.is_fixed and not tags.marks):
            self._begin(starts_in or "output")

    @property
    def is_undecided(self) -> bool:
        """Whether there is text of which no mark has said yet what it is."""
        return self._undecided is not None and not self._is_blank

    @property
    def result(self) -> Sections:
        """Join what has been settled so far; complete after `finish`."""
        texts = [(kind, "".join(pieces)) for kind, pieces in self._parts if pieces]
        return Sections(
            thought="\n\n".join(text for kind, text in texts if kind == "thought"),
            output=next((text for kind, text in reversed(texts) if kind == "output"), ""),
            raw="".join(self._raw),
            closed=self._closed and self.inside != "thought",
            tags=self.tags,
        )

    def feed(self, text: str) -> tuple[SectionText, ...]:
        """Take the next piece of the reply; return what it settles, a delta a section, possibly nothing."""
        self.skim(text)
        self._read()
        return self._drain()

    def skim(self, text: str) -> None:
        """Take the next piece without telling what it settles, which the next `feed` does.

        Cheap: until a mark may end, `inside` stays what it is, and the rest can wait.
        """
        self._raw.append(text)
        self._unread += text
        if self.inside is None or self._is_waiting or not self._ends.isdisjoint(text):
            self._read()

    def finish(self) -> tuple[SectionText, ...]:
        """End the reply; return the text that was still held back."""
        self._read(is_last=True)
        if self._undecided is not None:
            self._closed = self._closed or self.inside == "thought"
            self._decide("output")
        return self._drain()

    def _drain(self) -> tuple[SectionText, ...]:
        settled, self._settled = self._settled, {}
        return tuple(
            SectionText(kind=self._parts[part][0], text="".join(pieces), part=part) for part, pieces in settled.items()
        )

    def _read(self, *, is_last: bool = False) -> None:
        text, at, self._is_waiting = self._unread, 0, False
        while (token := self._syntax.token.search(text, at)) is not None:
            self._text(text[at : token.start()])
            at, piece = token.start(), token.group()
            if not is_last and ((piece[0] == "`" and token.end() == len(text)) or self._syntax.may_grow(text[at:])):
                self._is_waiting = True
                break
            role = self._role(folded(piece))
            if self._code and role is not None:
                is_code = role != "output_close" or self._is_code_closed(text, token.end(), is_last=is_last)
                if is_code is None:
                    break
                role = None if is_code else role
            at = token.end()
            if role is None:
                self._follow_code(piece)
                self._text(piece)
            else:
                self._act_on(role)
        else:
            held = self._syntax.num_held(text[at:])
            self._text(text[at : len(text) - held])
            at = len(text) - held
            is_mark = self._is_blank or not (held < _CUT_MARK or text[at].isalpha() or self._code)
            if is_last and held and not is_mark:
                self._text(text[at:])
        self._unread = text[at:]

    def _role(self, mark: str) -> str | None:
        """Return what a mark does here; a mark of another format may put that format in place of the one in use."""
        other = self._syntax.others.get(mark) if self._is_blank else None
        if self.inside is None and self._closed and not self.has_output:
            other = other or self._syntax.siblings.get(mark)
        if other is not None:
            self.tags, self._syntax = other, syntax_of(other)
            self._ends = self._syntax.ends
            self.inside = None if self._is_blank else self.inside
        role = self._syntax.roles.get(mark)
        is_output_close = role == "thought_close" and self._syntax.is_one_close and self.inside == "output"
        return "output_close" if is_output_close else role

    def _ends_code(self, edge: str) -> bool:
        """Say whether the code that the output stands in ends at a run of backticks, or at the end of a line."""
        return self._code < 3 if edge == "\n" else len(edge) == self._code or len(edge) >= self._code >= 3

    def _is_code_closed(self, text: str, start: int, *, is_last: bool) -> bool | None:
        """Say whether that code is closed by backticks after `start`; None as long as that is open."""
        for edge in _CODE_EDGE.finditer(text, start):
            if edge[0] != "\n" and edge.end() == len(text) and not is_last:
                return None  # the run may grow
            if self._ends_code(edge[0]):
                return edge[0] != "\n"
        return False if is_last else None

    def _follow_code(self, piece: str) -> None:
        if self.inside == "output" and piece[0] in "`\n":
            opened = 0 if piece == "\n" else len(piece)
            self._code = opened if not self._code else 0 if self._ends_code(piece) else self._code

    def _act_on(self, role: str) -> None:
        """Act on a mark, named as the field of `Tags`."""
        if self._undecided is not None:
            is_output = role == "output_close" and self.inside != "thought"
            self._decide("output" if is_output else "thought")
        inside, self._code = self.inside, 0
        if role == "thought_open":
            if inside != "thought":
                self._begin("thought")
            elif self._parts[-1][1]:  # else it is the mark of the prompt, said again
                self._depth += 1
        elif role == "output_open":
            self._closed = self._closed or inside == "thought"
            self._begin("output")
        elif role == "thought_close" and inside != "output":
            if self._depth:
                self._depth, self._undecided = self._depth - 1, []
            else:
                self._closed, self.inside, self._output_over = True, None, False
        elif role == "output_close" and inside == "output":
            self.inside, self._output_over = None, True

    def _decide(self, kind: SectionKind) -> None:
        """Settle which section the text that waits belongs to."""
        text, self._undecided = "".join(self._undecided or ()), None
        if text.strip():
            if self.inside != kind:
                self._begin(kind)
            self._show(text)

    def _begin(self, kind: SectionKind) -> None:
        self._undecided, self.inside, self._output_over = None, kind, False
        self._depth, self._code, self._space = 0, 0, ""
        self._parts.append((kind, []))

    def _text(self, text: str) -> None:
        self._is_blank = self._is_blank and not text.strip()
        if self._undecided is not None:
            self._undecided.append(text)
        elif self.inside is not None:
            self._show(text)
        elif text.strip() and not (self._output_over and self.has_output):
            self._begin("output")
            self._show(text)

    def _show(self, text: str) -> None:
        kind, pieces = self._parts[-1]
        text = self._space + text if pieces else text.lstrip()
        shown = text.rstrip()
        self._space = text[len(shown) :]
        if shown:
            pieces.append(shown)
            self._settled.setdefault(len(self._parts) - 1, []).append(shown)
            self.has_output = self.has_output or kind == "output"


def parse(text: str, tags: Tags, *, starts_in: SectionKind | None = None) -> Sections:
    """Read a whole reply at once."""
    parser = SectionParser(tags, starts_in=starts_in)
    parser.feed(text)
    parser.finish()
    return parser.result
