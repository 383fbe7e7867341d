"""What to look for in a reply: the marks of its format, and those with which it may show another."""

import re
import string
from functools import cache

from marco_cli.sections.format import TAG_STYLES, Tags

_FOLDED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def folded(text: str) -> str:
    """Return a text in which the case of ASCII letters does not count; other letters have cases of several lengths."""
    return text.translate(_FOLDED)


class Syntax:
    """What to look for in a reply of a format."""

    def __init__(self, tags: Tags) -> None:
        self.roles = {folded(mark.strip()): name for name, mark in reversed(tags.named.items())}
        """Mark → what it does."""
        closes = [folded(mark.strip()) for mark in (tags.thought_close, tags.output_close) if mark]
        self.is_one_close = len(closes) > len(set(closes))
        """Whether thoughts and outputs end with the same mark."""
        others = () if tags.is_fixed else tuple(other.free for other in TAG_STYLES.values())
        self.others = {
            folded(mark): other
            for other in reversed(others)
            for mark in (other.thought_open, other.thought_close)
            if mark and not mark.strip()[0].isalpha() and folded(mark) not in self.roles
        }
        """Mark that a reply may begin with → the format that it shows."""
        self.siblings = {
            folded(other.output_open): other
            for other in others
            if other.output_open and other.thought_close == tags.thought_close and not tags.output_open
        }
        """Mark that may follow the thought → the format that has the same thought, but announces its output."""
        self.marks = tuple({*self.roles, *self.others, *self.siblings})
        self._longest = max(map(len, self.marks), default=1)
        self.starts = "".join({mark[0] for mark in self.marks})
        ends = {mark[-1] for mark in self.marks} | ({"`", "\n"} if self.marks else set())
        self.ends = frozenset(end for mark in ends for end in (mark, mark.upper()))
        pattern = "|".join(map(re.escape, sorted(self.marks, key=len, reverse=True))) + "|`+|\n"
        self.token = re.compile(pattern.removeprefix("|"), re.ASCII | re.IGNORECASE)

    def may_grow(self, text: str) -> bool:
        """Say whether a text is the beginning of a longer mark."""
        return len(text) < self._longest and any(
            len(mark) > len(text) and mark.startswith(folded(text)) for mark in self.marks
        )

    def num_held(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a mark."""
        tail = folded(text[len(text) - min(self._longest - 1, len(text)) :])
        for at, character in enumerate(tail):
            if character in self.starts and any(mark.startswith(tail[at:]) for mark in self.marks):
                return len(tail) - at
        return 0


syntax_of = cache(Syntax)
