"""What to look for in a reply: the marks of its format, and those with which it may show another."""

import re
from functools import cache

from marco_cli.sections.format import TAG_STYLES, Tags


class Syntax:
    """What to look for in a reply of a format."""

    def __init__(self, tags: Tags) -> None:
        self.roles = {mark.strip().lower(): name for name, mark in reversed(tags.named.items())}
        """Mark → what it does."""
        others = () if tags.is_fixed else tuple(other.free for other in TAG_STYLES.values())
        self.others = {
            mark.lower(): other
            for other in reversed(others)
            for mark in (other.thought_open, other.thought_close)
            if mark and not mark.strip()[0].isalpha() and mark.lower() not in self.roles
        }
        """Mark that a reply may begin with → the format that it shows."""
        self.siblings = {
            other.output_open.lower(): other
            for other in others
            if other.output_open and other.thought_close == tags.thought_close and not tags.output_open
        }
        """Mark that may follow the thought → the format that has the same thought, but announces its output."""
        self.marks = tuple({*self.roles, *self.others, *self.siblings})
        self.starts = "".join({mark[0] for mark in self.marks})
        ends = {mark[-1] for mark in self.marks} | ({"`", "\n"} if self.marks else set())
        self.ends = frozenset(end for mark in ends for end in (mark, mark.upper()))
        pattern = "|".join(map(re.escape, sorted(self.marks, key=len, reverse=True))) + "|`+|\n"
        self.token = re.compile(pattern.removeprefix("|"), re.ASCII | re.IGNORECASE)

    def num_held(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a mark."""
        longest = max(map(len, self.marks), default=1) - 1
        tail = text[len(text) - min(longest, len(text)) :].lower()
        for at, character in enumerate(tail):
            if character in self.starts and any(mark.startswith(tail[at:]) for mark in self.marks):
                return len(tail) - at
        return 0


syntax_of = cache(Syntax)
