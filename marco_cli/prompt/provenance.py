"""Who wrote which character of a rendered prompt: the template, or the messages that it was given.

A template sees the real messages, so it can do anything with them, and what it made of them does not say who wrote what. So
it is run again with stand-ins: characters of the messages are replaced one to one by characters for private use, each
message by its own, which come out wherever the originals do. Put back, the text must be the one that the real
messages gave; then every stand-in marks a character that came from a message.

First all characters are replaced. Where the template looks into the messages (`content.split('</think>')`) that gives another
text. Then only symbols are replaced, without which no control token can be spelt, and none in the texts that the template
looks for; where those come out, marks around them tell. What cannot be told apart even so is an error, never a guess. Only
in earlier replies of the model a tag that the template reads counts as the template's own.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from marco_cli.errors import ConfigError

Contents = tuple[str, ...]
Render = Callable[[Contents], str | None]
"""Contents of all messages → what the template makes of them; None where it fails."""

_PRIVATE_USE = (*range(0xF0000, 0xFFFFE), *range(0x100000, 0x10FFFE))
_ESCAPED = frozenset('"\\')  # what JSON changes: a template that writes JSON must see them


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A rendered text and its origin."""

    text: str
    from_messages: bytes
    """For each character 1 if it came from a message, else 0."""
    is_neutral: bool
    """Whether the template did with the messages what it does with unknown text."""
    landed: tuple[bool, ...]
    """For each message, whether unknown text in its place comes out whole."""


def trace(
    stand_ins: "StandIns", text: str, neutral: str | None, render: Render, constants: Callable[[], Sequence[str]]
) -> Written:
    """Say where the characters of a rendered text came from.

    `neutral` is what the template made of `stand_ins.neutral`, `render` runs it on other contents of the same messages,
    `constants` asks for the texts that it can compare with.

    Raises:
        ConfigError: the template does more to the messages than can be followed.
    """
    contents = stand_ins.contents
    landed = tuple(neutral is None or other.strip() in neutral for other in stand_ins.neutral)
    if neutral is not None and stand_ins.back(neutral) == text:
        return Written(text=text, from_messages=stand_ins.mask(neutral), is_neutral=True, landed=landed)
    mask = _mask_by_symbols(stand_ins, text, render, constants)
    return Written(text=text, from_messages=_filled(mask, text, contents), is_neutral=False, landed=landed)


def _filled(mask: bytes, text: str, contents: Contents) -> bytes:
    """Add the letters around marked symbols where a whole message stands there."""
    filled = bytearray(mask)
    for core in {content.strip() for content in contents} - {""}:
        for found in re.finditer(re.escape(core), text):
            if any(mask[found.start() : found.end()]):
                filled[found.start() : found.end()] = b"\1" * len(core)
    return bytes(filled)


def _mask_by_symbols(stand_ins: "StandIns", text: str, render: Render, constants: Callable[[], Sequence[str]]) -> bytes:
    def rendered(spared: Sequence[str], marked: str = "", sides: str = "") -> str | None:
        """Return the text with stand-ins for symbols, if it is the same text."""
        found = render(stand_ins.of_symbols(spared, marked, sides))
        return found if found is not None and stand_ins.back(found) == text else None

    spared: list[str] = []
    found = rendered(spared)
    if found is None:
        spared = _occurring(constants(), stand_ins.contents)
        found = rendered(spared)
        for literal in tuple(spared) if found is not None else ():
            fewer = [other for other in spared if other != literal]
            if (with_fewer := rendered(fewer)) is not None:
                spared, found = fewer, with_fewer
    if found is None:
        raise _too_far()
    mask = stand_ins.mask(found)
    for literal in spared:
        if literal not in stand_ins.without(found):
            continue
        renderings = (rendered(spared, literal, sides) for sides in ("both", "before", "after"))
        marked = next((each for each in renderings if each is not None), None)
        if marked is not None:
            mask = bytes(map(max, mask, stand_ins.mask(marked, literal)))
        elif stand_ins.is_asked(literal):
            raise _too_far()
    return mask


def _too_far() -> ConfigError:
    return ConfigError(
        "the chat template takes messages apart, so that they cannot be told from its own text",
        hint="try --chat-template chatml",
    )


def _occurring(constants: Sequence[str], contents: Contents) -> list[str]:
    """Return the constants with symbols that occur in a message, longest first."""
    texts = {constant.strip() for constant in constants}
    with_symbols = (text for text in texts if any(map(_is_symbol, text)))
    return sorted(
        (text for text in with_symbols if any(text in content for content in contents)), key=len, reverse=True
    )


def _is_symbol(character: str) -> bool:
    return not (character.isalnum() or character.isspace() or character in _ESCAPED)


@dataclass(slots=True)
class StandIns:
    """Stand-ins for the characters of some messages, drawn from those that no message has.

    Raises:
        ConfigError: the messages have more different characters than there are for private use.
    """

    contents: Contents
    """What the messages say."""
    is_reply: tuple[bool, ...]
    """Which of them are earlier replies of the model."""
    neutral: Contents = field(init=False)
    """The messages with stand-ins for all characters but the white space around them, which templates trim."""
    originals: dict[str, str] = field(init=False)
    """Stand-in → character; the two marks stand for nothing."""
    _alphabets: list[dict[str, str]] = field(init=False)
    _before: str = field(init=False)
    _after: str = field(init=False)

    def __post_init__(self) -> None:
        used = set().union(*self.contents)
        num_free = len(_PRIVATE_USE) - len(used) - 2
        if num_free < len(used):
            raise ConfigError(f"the messages have {len(used)} different characters, more than can be followed")
        free = (character for character in map(chr, _PRIVATE_USE) if character not in used)
        self._before, self._after = next(free), next(free)
        shared = dict(zip(sorted(used), free, strict=False))
        num_free -= len(shared)
        self._alphabets = []
        for content in self.contents:
            own = sorted(set(content))
            num_free -= len(own)
            self._alphabets.append(dict(zip(own, free, strict=False)) if num_free >= 0 else shared)
        self.originals = {self._before: "", self._after: ""}
        for alphabet in (shared, *self._alphabets):
            self.originals.update({stand_in: character for character, stand_in in alphabet.items()})
        self.neutral = tuple(map(self._neutral, self._alphabets, self.contents))

    @staticmethod
    def _neutral(alphabet: dict[str, str], content: str) -> str:
        core = content.strip()
        head = content[: len(content) - len(content.lstrip())]
        return head + "".join(map(alphabet.__getitem__, core)) + content[len(head) + len(core) :]

    def of_symbols(self, spared: Sequence[str], marked: str = "", sides: str = "") -> Contents:
        """Replace symbols outside of the spared texts; one of these may get marks `before` it, `after` it, or on `both` sides."""
        before = self._before if sides in ("both", "before") else ""
        after = self._after if sides in ("both", "after") else ""
        pattern = "(" + "|".join(map(re.escape, spared)) + ")" if spared else r"(\Z)"

        def replaced(alphabet: dict[str, str], content: str) -> str:
            table = {ord(known): other for known, other in alphabet.items() if _is_symbol(known)}
            parts = re.split(pattern, content)
            for place, part in enumerate(parts):
                if place % 2 == 0:
                    parts[place] = part.translate(table)
                elif part == marked:
                    parts[place] = before + part + after
            return "".join(parts)

        return tuple(map(replaced, self._alphabets, self.contents))

    def is_asked(self, literal: str) -> bool:
        """Say whether a text stands in a message that is not an earlier reply."""
        return any(literal in text for text, is_reply in zip(self.contents, self.is_reply, strict=True) if not is_reply)

    def back(self, text: str) -> str:
        """Put the characters back."""
        return text.translate({ord(stand_in): character for stand_in, character in self.originals.items()})

    def without(self, text: str) -> str:
        """Return what is left of a text without stand-ins."""
        return "".join(character for character in text if character not in self.originals)

    def mask(self, text: str, marked: str = "") -> bytes:
        """Say of each character, once it is put back, whether it came from a message: those of a text beside a mark did."""
        origins = bytearray(map(self.originals.__contains__, text))
        for found in re.finditer(re.escape(marked), text) if marked else ():
            start, end = found.span()
            if text[start - 1 : start] == self._before or text[end : end + 1] == self._after:
                origins[start:end] = b"\1" * (end - start)
        if not marked:
            return bytes(origins)
        marks = (self._before, self._after)
        return bytes(origin for origin, character in zip(origins, text, strict=True) if character not in marks)
