"""One chain of thought as it is written: the thought dimmed on stderr, the output on stdout.

In: token pieces, cut anywhere. The view decides only what is shown while it grows; the final text is the command's. On a
terminal the thought is broken between words.
"""

import codecs
from collections.abc import Callable

from marco_cli.sections import NONE, SectionParser, SectionText, Tags
from marco_cli.view.output import Output, Write
from marco_cli.view.printable import printable
from marco_cli.view.wrapping import Wrapped

DIM, PLAIN = "\x1b[2m", "\x1b[22m"


class ChainView:
    """Streams a reply; None keeps the thought, or the output, hidden."""

    def __init__(
        self,
        *,
        show_thought: Write | None,
        output: Output | None,
        is_coloured: bool,
        thought_width: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Take the streams; the thought is broken at `thought_width` columns unless that is None."""
        self.begin(NONE, "")
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._show_thought = show_thought
        self._thought = Wrapped(thought_width)
        self._output = output
        self._style = (DIM, PLAIN) if is_coloured else ("", "")
        self._section: tuple[str, int] | None = None
        self.has_shown_output = False

    def begin(self, tags: Tags, prefill: str) -> None:
        """Read the reply that is to come by this format, after the beginning that the prompt ends with."""
        self._parser = SectionParser(tags)
        self._parser.feed(prefill)

    def on_token(self, _token: int, piece: bytes) -> None:
        """Show what a token settles."""
        self._show(self._parser.feed(self._decode(piece)))

    def finish(self) -> None:
        """Show what was held back, and end the last line."""
        self._show(self._parser.feed(self._decode(b"", True)))
        self._show(self._parser.finish())
        self._end_section()

    def say(self, text: str) -> None:
        """Write a line of our own between what the model writes."""
        if self._show_thought is not None:
            self._show_thought(f"\n{text}\n")

    def _show(self, deltas: tuple[SectionText, ...]) -> None:
        for delta in deltas:
            if self._section != (delta.kind, delta.part):
                self._end_section()
                self._section = (delta.kind, delta.part)
            if delta.kind == "thought":
                self._write_thought(self._thought.add(printable(delta.text)))
            elif self._output is not None and delta.text:
                self._output.write(delta.text)
                self.has_shown_output = True

    def _write_thought(self, text: str) -> None:
        if self._show_thought is not None and text:
            before, after = self._style
            self._show_thought(f"{before}{text}{after}")

    def _end_section(self) -> None:
        if self._section is None:
            return
        if self._section[0] == "thought":
            self._write_thought(self._thought.end())
            if self._show_thought is not None:
                self._show_thought("\n\n")
        elif self._output is not None:
            self._output.end()
        self._section = None
