"""Byte-level BPE with Qwen2's pre-tokenizer, whose merges leave unknown words spelt.

A merge whose right piece holds Latin letters is learnt only if its left piece begins the word (a space, a capital or
`<` stands in front), so a word is one known beginning followed by single letters. That is what makes counting letters
learnable. Digits are never merged (the pre-tokenizer splits them), and neither are apostrophes with letters.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import regex

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SPLIT = regex.compile(PATTERN)
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def byte_characters() -> tuple[str, ...]:
    """Return GPT-2's printable character for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {byte: chr(byte) for byte in printable}, 0
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + extra)
            extra += 1
    return tuple(table[byte] for byte in range(256))


BYTES = byte_characters()
SPACE = BYTES[32]
Pair = tuple[str, str]


def may_merge(left: str, right: str) -> bool:
    """Tell whether the two pieces may become one (see the module's contract)."""
    if "'" in left + right:
        return False
    if LETTERS.isdisjoint(right):
        return LETTERS.isdisjoint(left)
    return left[0] == SPACE or left[0] == "<" or (left[0].isascii() and left[0].isupper() and not right.isupper())


def spelt(text: str) -> str:
    """Map a text to the characters of its bytes."""
    return "".join(BYTES[byte] for byte in text.encode())


def learn_merges(texts: Iterable[str], count: int) -> list[Pair]:
    """Learn up to `count` merges from texts, most frequent pair first, ties by the pair itself."""
    counts = Counter(piece for text in texts for piece in SPLIT.findall(text))
    words = [(list(spelt(piece)), number) for piece, number in counts.items()]
    pairs: Counter[Pair] = Counter()
    where: dict[Pair, set[int]] = {}
    for index, (pieces, number) in enumerate(words):
        for pair in pairwise(pieces):
            pairs[pair] += number
            where.setdefault(pair, set()).add(index)
    merges: list[Pair] = []
    while len(merges) < count:
        allowed = [(number, pair) for pair, number in pairs.items() if number > 0 and may_merge(*pair)]
        if not allowed:
            break
        _, best = max(allowed)
        merges.append(best)
        for index in where.pop(best):
            pieces, number = words[index]
            for pair in pairwise(pieces):
                pairs[pair] -= number
            words[index] = (merged(pieces, best), number)
            for pair in pairwise(words[index][0]):
                pairs[pair] += number
                where.setdefault(pair, set()).add(index)
        del pairs[best]
    return merges


def with_whole_words(merges: Sequence[Pair], words: Iterable[str]) -> list[Pair]:
    """Add, after all others, the merges that make each word (with its space) one piece, letter by letter from its start."""
    result = list(merges)
    known = set(result)
    for word in words:
        pieces = list(Tokenizer(result).encode_word(word))
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair in known or not may_merge(*pair):
                break
            known.add(pair)
            result.append(pair)
            pieces = list(Tokenizer(result).encode_word(word))
    return result


def merged(pieces: Sequence[str], pair: Pair) -> list[str]:
    """Join every occurrence of `pair`, from the left."""
    result: list[str] = []
    index = 0
    while index < len(pieces):
        if index + 1 < len(pieces) and (pieces[index], pieces[index + 1]) == pair:
            result.append(pieces[index] + pieces[index + 1])
            index += 2
        else:
            result.append(pieces[index])
            index += 1
    return result


class Tokenizer:
    """Text to ids and back; specials come last in the vocabulary."""

    def __init__(self, merges: Sequence[Pair]) -> None:
        self.merges = tuple(merges)
        self.pieces = (*BYTES, *(left + right for left, right in merges), *SPECIALS)
        self.ids = {piece: index for index, piece in enumerate(self.pieces)}
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.end_of_text, self.im_start, self.im_end = (self.ids[special] for special in SPECIALS)
        self._word = lru_cache(maxsize=1 << 18)(self._encode_word)

    def encode_word(self, word: str) -> tuple[str, ...]:
        """Return the pieces of one pre-token."""
        pieces = list(spelt(word))
        while len(pieces) > 1:
            ranked = [(self.ranks.get(pair, len(self.ranks)), pair) for pair in pairwise(pieces)]
            rank, pair = min(ranked)
            if rank == len(self.ranks):
                break
            pieces = merged(pieces, pair)
        return tuple(pieces)

    def _encode_word(self, word: str) -> tuple[int, ...]:
        return tuple(self.ids[piece] for piece in self.encode_word(word))

    def encode(self, text: str) -> list[int]:
        """Encode plain text; specials in it are text like any other."""
        return [token for word in SPLIT.findall(text) for token in self._word(word)]

    def decode(self, ids: Iterable[int]) -> str:
        """Decode ids; broken UTF-8 becomes U+FFFD, specials keep their spelling."""
        values = {character: byte for byte, character in enumerate(BYTES)}
        data = b"".join(
            self.pieces[i].encode() if i >= self.end_of_text else bytes(values[c] for c in self.pieces[i]) for i in ids
        )
        return data.decode("utf-8", errors="replace")

    def openings(self) -> tuple[str, ...]:
        """Return the beginnings of lower-case words that are one piece; their spelling must be learnt by heart."""
        found = (piece[1:] for piece in self.pieces if piece[0] == SPACE and len(piece) > 2)
        return tuple(word for word in found if word.isascii() and word.isalpha() and word.islower())

    def save(self, path: Path) -> None:
        """Write the merges as JSON."""
        path.write_text(json.dumps(self.merges, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read what `save` wrote."""
        return cls([(left, right) for left, right in json.loads(path.read_text(encoding="utf-8"))])
