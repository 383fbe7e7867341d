r"""The output of a reply as it is written to stdout: as the model wrote it, or read as Markdown and LaTeX for a terminal.

In: pieces of text, cut anywhere. Out: printable text through `write`. Rendered, words come as soon as what stands around them
says how they look, code line by line, a table or a displayed formula when it is finished; nothing is ever drawn over.
"""

import io
import os
import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from rich.console import Console, RenderableType
from rich.text import Text

from marco_cli.view.formula import open_dollar, plain_formula
from marco_cli.view.printable import printable
from marco_cli.view.richtext import HEADING_STYLE, code, inline, table
from marco_cli.view.wrapping import breaks

Write = Callable[[str], None]

_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})\s*([\w+#.-]*)")
_HEADING: Final = re.compile(r"\s{0,3}#{1,6}\s+")
_ITEM: Final = re.compile(r"(\s*)([-*+•]|\d{1,4}[.)])\s+")
_QUOTE: Final = re.compile(r"\s{0,3}>\s?")
_RULE: Final = re.compile(r"\s{0,3}([-*_])(?:\s*\1){2,}\s*$")
_DASHES: Final = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_DISPLAY: Final = re.compile(r"\\\[|\$\$")
_CLOSE: Final = {"\\[": "\\]", "$$": "$$"}
_MAYBE_BLOCK: Final = re.compile(r"\s*(?:\||```|~~~)|[\s#>`~*_+=-]*(?:\d{1,4}[.)]?\s*)?\Z")
"""Beginnings of lines that may become anything yet, or a block."""
_MOST_HELD: Final = 600
"""Characters that wait for what is open to be closed."""
_MOST_OPEN: Final = 8
_MOST_CONTEXT: Final = 30
"""Lines of code that decide how the next one is coloured."""
_DEEPEST: Final = 20
_LEAST_WIDTH: Final = 8


class Output(Protocol):
    """A place that outputs are written to."""

    def write(self, text: str) -> None:
        """Take a piece."""

    def end(self) -> None:
        """Write what was held back, and end the last line."""


class RawOutput:
    """Passes on what comes, without control characters."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, text: str) -> None:
        """Pass a piece on."""
        self._write(printable(text))

    def end(self) -> None:
        """End the line."""
        self._write("\n")


def rendered(text: str, *, width: int | None, is_coloured: bool) -> str:
    """Return a whole output as a terminal of so many columns shows it; as it is, made printable, without one."""
    if width is None:
        return printable(text)
    parts: list[str] = []
    output = RenderedOutput(parts.append, width=lambda: width, is_coloured=is_coloured)
    output.write(text)
    output.end()
    return "".join(parts)


class RenderedOutput:
    """Reads Markdown and LaTeX line by line."""

    def __init__(
        self, write: Write, *, width: Callable[[], int], is_coloured: bool, environ: Mapping[str, str] = os.environ
    ) -> None:
        """Take a terminal; `width` is asked anew for each line, and the number of colours is looked up in `environ`."""
        self._write = write
        self._width = width
        self._console = Console(
            file=io.StringIO(), force_terminal=is_coloured, no_color=not is_coloured, highlight=False, _environ=environ
        )
        self._line = ""
        """What came of the line and is not settled."""
        self._is_begun = False
        """Whether it is settled what kind of line it is."""
        self._prefix, self._style, self._has_prefix = Text(), "", False
        self._row, self._written = Text(), 0
        """The row that grows, and how many of its characters are written."""
        self._block: list[str] = []
        self._inside: str | None = None
        """What ends the block: a fence, a bracket of LaTeX; "|" for a table."""
        self._language = ""
        self._is_blank = True

    def write(self, text: str) -> None:
        """Take a piece."""
        text = printable(text)
        *lines, rest = (self._line + text).split("\n")
        for line in lines:
            self._line = ""
            self._read(line.expandtabs(4))
        self._line = rest
        is_word = text[-1:].isspace() or " " in text or not text.isascii()
        if self._inside is None and is_word and not (_MAYBE_BLOCK.match(rest) and not self._is_begun):
            self._flow()

    def end(self) -> None:
        """Write what was held back, and end the last line."""
        line, self._line = self._line, ""
        if line or self._is_begun:
            self._read(line.expandtabs(4))
        self._close_block()
        self._is_blank = True

    def _read(self, line: str) -> None:
        """Read the rest of a line."""
        if self._inside == "|":
            if "|" in line and (len(self._block) > 1 or _DASHES.match(line)):
                self._block.append(line)
                return
            self._close_block()
        if self._inside is not None:
            self._go_on(line)
        elif not self._is_begun and (fence := _FENCE.match(line)):
            self._inside, self._language = fence[1], fence[2]
        elif not self._is_begun and line.lstrip().startswith("|"):
            self._inside, self._block = "|", [line]
        elif (opened := _open_display(line, is_begun=self._is_begun)) is not None:
            before, mark, rest = opened
            if before.strip() or self._is_begun:
                self._finish_line(before)
            self._inside = _CLOSE[mark]
            self._go_on(rest)
        else:
            self._finish_line(line)

    def _go_on(self, line: str) -> None:
        """Take a line of the block that is open."""
        end = self._inside or ""
        if end[0] in "`~":
            if line.strip().startswith(end) and not line.strip().strip(end[0]):
                self._close_block()
                return
            self._block.append(line)
            self._show_code_line()
            return
        body, mark, rest = line.partition(end)
        self._block.append(body)
        if mark:
            self._close_block()
            if rest.strip(" .,"):
                self._finish_line(rest.strip())

    def _close_block(self) -> None:
        """Show a block that is finished, or broke off."""
        kind, block = self._inside, tuple(self._block)
        self._inside, self._block, self._language = None, [], ""
        if kind == "|" and len(block) == 1:
            self._finish_line(block[0])
        elif kind == "|":
            self._print(table(block))
        elif kind is not None and kind[0] not in "`~":
            for row in plain_formula("\n".join(block)).splitlines():
                self._finish_text(Text(row), Text("    "))

    def _show_code_line(self) -> None:
        shown = code("\n".join(self._block[-_MOST_CONTEXT:]), self._language)
        lines = shown.split("\n", allow_blank=True)
        is_last = len(lines) == len(self._block[-_MOST_CONTEXT:])
        self._put(lines[-1] if is_last else Text(self._block[-1]))
        self._write("\n")
        self._is_blank = False

    def _finish_line(self, line: str) -> None:
        """Write what is left of a line of text."""
        if not line.strip() and not self._is_begun:
            if not self._is_blank:
                self._write("\n")
            self._is_blank = True
            return
        self._finish_text(self._shown(self._begin(line)))

    def _finish_text(self, text: Text, prefix: Text | None = None) -> None:
        if prefix is not None:
            self._prefix = prefix
        self._grow(text, is_whole=True)
        self._write("\n")
        self._row, self._written = Text(), 0
        self._prefix, self._style, self._has_prefix = Text(), "", False
        self._is_begun = self._is_blank = False

    def _flow(self) -> None:
        """Write the words of a growing line that nothing can change any more."""
        cut = _settled(self._line)
        if not cut:
            return
        source, self._line = self._line[:cut].expandtabs(4), self._line[cut:]
        self._grow(self._shown(self._begin(source)), is_whole=False)

    def _begin(self, source: str) -> str:
        """Settle what kind of line begins, unless that is done; return what is left of its source."""
        if self._is_begun:
            return source
        self._is_begun = True
        if found := _HEADING.match(source):
            self._style = HEADING_STYLE
        elif _RULE.match(source):
            self._style, found = "dim", None
            return "─" * min(40, max(1, self._width()))
        elif found := _ITEM.match(source):
            sign = "•" if found[2] in "-*+•" else found[2]
            self._prefix = Text(f"{found[1][:_DEEPEST]}{sign} ")
        elif found := _QUOTE.match(source):
            self._prefix = Text("│ ", "dim")
        else:
            stripped = source.lstrip(" ")
            self._prefix = Text(" " * min(_DEEPEST, len(source) - len(stripped)))
            return stripped
        return source[found.end() :]

    def _shown(self, source: str) -> Text:
        shown = inline(source)
        shown.stylize(self._style)
        return shown

    def _grow(self, text: Text, *, is_whole: bool) -> None:
        """Add to the row; write the rows that are full, and of the last one what is settled."""
        room = max(_LEAST_WIDTH, self._width() - self._prefix.cell_len)
        row = self._row.append_text(text)
        if not self._has_prefix:
            self._put(self._prefix)
            self._has_prefix = True
        found = breaks(row.plain, room)
        start = 0
        for end in found.ends:
            full = row[max(start, self._written) : end]
            full.rstrip()
            self._put(full)
            self._write("\n")
            self._put(Text(" " * self._prefix.cell_len))
            start = self._written = end
        last = len(row.plain.rstrip())
        stop = max(self._written, last if is_whole or row.plain.endswith(" ") else found.settled)
        self._put(row[self._written : stop])
        self._row, self._written = row[start:], stop - start

    def _put(self, text: Text) -> None:
        with self._console.capture() as capture:
            self._console.print(text, end="", soft_wrap=True)
        self._write(capture.get())

    def _print(self, renderable: RenderableType) -> None:
        self._console.width = max(_LEAST_WIDTH, self._width())
        with self._console.capture() as capture:
            self._console.print(renderable)
        self._write("\n".join(line.rstrip() for line in capture.get().split("\n")))
        self._is_blank = False


def _open_display(line: str, *, is_begun: bool) -> tuple[str, str, str] | None:
    """Return what stands before a displayed formula, its mark and what follows; None when the line has none on its own.

    One that is closed in the middle of a sentence is read as a part of it.
    """
    found = _DISPLAY.search(line)
    if found is None:
        return None
    before, mark, rest = line[: found.start()], found[0], line[found.end() :]
    _, close, after = rest.partition(_CLOSE[mark])
    return None if close and (after.strip(" .,") or before.strip() or is_begun) else (before, mark, rest)


def _settled(line: str) -> int:
    """Return how much of a growing line stands fast: up to the last space before which nothing is open."""
    if len(line) > _MOST_HELD:
        return line.rfind(" ") + 1 or len(line)
    for _ in range(_MOST_OPEN):
        cut = _opening(line)
        if cut == len(line) and (line.endswith(" ") or not line[-1:].isascii()):
            return cut
        line = line[: line.rfind(" ", 0, cut) + 1]
        if not line:
            break
    return 0


def _opening(line: str) -> int:
    """Return where something begins that is not closed yet and may change the looks of what it holds; else the end."""
    cuts = [len(line), open_dollar(line)]
    cuts += [line.rfind(mark) for mark in ("`", "**", "~~") if line.count(mark) % 2]
    singles = [found.start() for found in re.finditer(r"(?<![*\\])[*](?![*\s])|(?<![\s*])[*](?![*])", line)]
    cuts += singles[-1:] if len(singles) % 2 else []
    lows = [found.start() for found in re.finditer(r"(?<!\w)_(?=\S)", line)][-1:]
    cuts += [place for place in lows if not re.search(r"\S_(?!\w)", line[place + 1 :])]
    for opened, closed in (("\\(", "\\)"), ("\\[", "\\]"), ("[", "]")):
        if line.rfind(opened) > line.rfind(closed):
            cuts.append(line.rfind(opened))
    if line.rfind("](") > line.rfind(")"):
        cuts.append(line.rfind("[", 0, line.rfind("](")))
    if line.count("{") > line.count("}"):
        cuts.append(line.find("\\"))
    return min(cut for cut in cuts if cut >= 0)
