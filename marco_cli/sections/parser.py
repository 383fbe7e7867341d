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
from itertools import groupby
from operator import attrgetter

from marco_cli.sections.format import SectionKind, Tags
from marco_cli.sections.syntax import Syntax, syntax_of
from marco_cli.sections.text import Part, Sections, SectionText

_CUT_MARK = 3  # "<" and "</" at the very end may be meant; "</O" is a mark that the budget cut


class SectionParser:
    """Read one reply: `feed` pieces, `finish` once, then take the `result`.

    `starts_in` names the section that the prompt has opened already, if any.
    """

    def __init__(self, tags: Tags, *, starts_in: SectionKind | None = None) -> None:
        self.tags = tags
        """The format in use; another one than at first where the reply shows it."""
        self._syntax: Syntax = syntax_of(tags)
        self._ends = self._syntax.ends
        self._raw: list[str] = []
        self._unread = ""
        self._undecided: list[str] | None = [] if tags.marks else None
        """Text whose section is not known yet: before the first mark, or after the end of an inner thought."""
        self._parts: list[Part] = []
        self._deltas: list[SectionText] = []
        self._inside: SectionKind | None = None
        self._is_blank = True  # nothing but white space and marks so far
        self._output_over = False  # the last mark closed an output
        self._has_output = False
        self._closed = False
        self._depth = 0  # thoughts inside the open one
        self._code = 0  # backticks that opened the code that the output stands in, 0 outside
        if starts_in is not None or (tags.is_fixed and not tags.marks):
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
    def is_undecided(self) -> bool:
        """Whether there is text of which no mark has said yet what it is."""
        return self._undecided is not None and not self._is_blank

    @property
    def result(self) -> Sections:
        """Join what has been settled so far; complete after `finish`."""
        texts = [(part.kind, "".join(part.pieces)) for part in self._parts if part.pieces]
        outputs = [text for kind, text in texts if kind == "output"]
        return Sections(
            thought="\n\n".join(text for kind, text in texts if kind == "thought"),
            output=outputs[-1] if outputs else "",
            raw="".join(self._raw),
            closed=self._closed and self._inside != "thought",
            tags=self.tags,
        )

    def feed(self, text: str) -> tuple[SectionText, ...]:
        """Take the next piece of the reply; return what it settles, in order, possibly nothing."""
        self.skim(text)
        self._read()
        return self._drain()

    def skim(self, text: str) -> None:
        """Take the next piece without telling what it settles, which the next `feed` does.

        Cheap: until a mark may end, `inside` stays what it is, and the rest can wait.
        """
        self._raw.append(text)
        self._unread += text
        if self._inside is None or not self._ends.isdisjoint(text):
            self._read()

    def finish(self) -> tuple[SectionText, ...]:
        """End the reply; return the text that was still held back."""
        self._read(is_last=True)
        if self._undecided is not None:
            self._closed = self._closed or self._inside == "thought"
            self._decide("output")
        return self._drain()

    def _drain(self) -> tuple[SectionText, ...]:
        deltas, self._deltas = self._deltas, []
        return tuple(
            SectionText(kind=same[0].kind, text="".join(delta.text for delta in same), part=part)
            for part, group in groupby(deltas, key=attrgetter("part"))
            if (same := list(group))
        )

    def _read(self, *, is_last: bool = False) -> None:
        text, at = self._unread, 0
        while (token := self._syntax.token.search(text, at)) is not None:
            self._text(text[at : token.start()])
            at, piece = token.start(), token.group()
            if piece[0] == "`" and token.end() == len(text) and not is_last:
                break  # the run may grow
            role = self._role(piece.lower())
            if self._code and role == "output_close":
                is_code = self._is_closed_code(text, token.end(), is_last=is_last)
                if is_code is None:
                    break
                role = None if is_code else role
            at = token.end()
            if role is not None and (role == "output_close" or not self._code):
                self._code = 0
                self._take(role)
            else:
                self._follow_code(piece)
                self._text(piece)
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
        if self._inside is None and self._closed and not self._has_output:
            other = other or self._syntax.siblings.get(mark)
        if other is not None:
            self.tags, self._syntax = other, syntax_of(other)
            self._ends = self._syntax.ends
            self._inside = None if self._is_blank else self._inside
        return self._syntax.roles.get(mark)

    def _is_closed_code(self, text: str, start: int, *, is_last: bool) -> bool | None:
        """Say whether the code that the output stands in is closed after `start`; None as long as that is open."""
        for run in re.finditer(r"`+|\n", text[start:]):
            if run.group() == "\n":
                if self._code < 3:
                    return False
            elif run.end() == len(text) - start and not is_last:
                return None
            elif len(run.group()) == self._code or len(run.group()) >= self._code >= 3:
                return True
        return False if is_last else None

    def _follow_code(self, piece: str) -> None:
        """Keep track of code in an output: a run of backticks opens it, and one as long, or the end of a line, closes it."""
        if self._inside != "output" or piece[0] not in "`\n":
            return
        if piece == "\n":
            self._code = self._code if self._code >= 3 else 0
        elif not self._code:
            self._code = len(piece)
        elif len(piece) == self._code or len(piece) >= self._code >= 3:
            self._code = 0

    def _take(self, role: str) -> None:
        """Act on a mark, named as the field of `Tags`."""
        is_inner_over = self._inside == "thought" and self._undecided is not None
        if self._undecided is not None:
            self._decide("output" if role == "output_close" and not is_inner_over else "thought")
        inside = self._inside
        if role == "thought_open":
            if inside != "thought":
                self._begin("thought")
            elif self._parts and self._parts[-1].pieces:  # else it is the mark of the prompt, said again
                self._depth += 1
        elif role == "output_open":
            self._closed = self._closed or inside == "thought"
            self._begin("output")
        elif role == "thought_close" and inside != "output":
            if self._depth:
                self._depth, self._undecided = self._depth - 1, []
            else:
                self._closed, self._inside, self._output_over = True, None, False
        elif role == "output_close" and inside == "output":
            self._inside, self._output_over = None, True

    def _decide(self, kind: SectionKind) -> None:
        """Settle which section the text that waits belongs to."""
        text, self._undecided = "".join(self._undecided or ()), None
        if text.strip():
            if self._inside != kind:
                self._begin(kind)
            self._show(text)

    def _begin(self, kind: SectionKind) -> None:
        self._undecided, self._inside, self._output_over = None, kind, False
        self._depth = self._code = 0
        self._parts.append(Part(kind=kind))

    def _text(self, text: str) -> None:
        self._is_blank = self._is_blank and not text.strip()
        if self._undecided is not None:
            self._undecided.append(text)
            return
        if self._inside is None:
            if not text.strip() or (self._output_over and self._has_output):
                return
            self._begin("output")
        self._show(text)

    def _show(self, text: str) -> None:
        part = self._parts[-1]
        shown = part.add(text)
        if shown:
            self._has_output = self._has_output or part.kind == "output"
            self._deltas.append(SectionText(kind=part.kind, text=shown, part=len(self._parts) - 1))


def parse(text: str, tags: Tags, *, starts_in: SectionKind | None = None) -> Sections:
    """Read a whole reply at once."""
    parser = SectionParser(tags, starts_in=starts_in)
    parser.feed(text)
    parser.finish()
    return parser.result
