"""One chain of thought as it is written: the thought dimmed on stderr, the output on stdout.

In: token pieces, cut anywhere. The view decides only what is shown while it grows; the final text is the command's.
"""

import codecs
from collections.abc import Callable

from marco_cli.sections import SectionParser, SectionText, Tags
from marco_cli.view.printable import printable

Write = Callable[[str], None]

DIM, PLAIN = "\x1b[2m", "\x1b[22m"


class ChainView:
    """Streams a reply; `show_thought` and `show_output` take text as it comes, None keeps that section hidden."""

    def __init__(
        self, tags: Tags, prefill: str, *, show_thought: Write | None, show_output: Write | None, is_coloured: bool
    ) -> None:
        self.begin(tags, prefill)
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._writers = {"thought": show_thought, "output": show_output}
        self._styles = {"thought": (DIM, PLAIN) if is_coloured else ("", ""), "output": ("", "")}
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
        writer = self._writers["thought"]
        if writer is not None:
            writer(f"\n{text}\n")

    def _show(self, deltas: tuple[SectionText, ...]) -> None:
        for delta in deltas:
            if self._section != (delta.kind, delta.part):
                self._end_section()
                self._section = (delta.kind, delta.part)
            writer = self._writers[delta.kind]
            if writer is not None and delta.text:
                before, after = self._styles[delta.kind]
                writer(f"{before}{printable(delta.text)}{after}")
                self.has_shown_output = self.has_shown_output or delta.kind == "output"

    def _end_section(self) -> None:
        if self._section is None:
            return
        writer = self._writers[self._section[0]]
        if writer is not None:
            writer("\n\n" if self._section[0] == "thought" else "\n")
        self._section = None
