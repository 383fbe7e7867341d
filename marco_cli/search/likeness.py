"""How much texts have in common, by their words alone.

In: texts. Out: shares in [0, 1]. What most replies to a question say is more often right than what one of them says
(minimum Bayes risk decoding, arXiv cmp-lg/9812003 and, for language models, 2310.01387).
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final


def words_of(text: str) -> list[str]:
    """Return the words and numbers of a text in their order, letter case aside; a Chinese character is a word."""
    return _WORD.findall(text.casefold())


def overlap(one: str, other: str) -> float:
    """Return the F1 of the words of two texts, order aside: 1 when they have the same words as often, 0 without a common one."""
    left, right = _words(one), _words(other)
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 0.0


def typicality(texts: Sequence[str]) -> list[float]:
    """Return for each text how much it has in common with the others: the F1 of its words and the mean of theirs.

    Takes time in proportion to the length of all texts together. 0 for a text alone.
    """
    bags = [_words(text) for text in texts]
    together: Counter[str] = Counter()
    for bag in bags:
        together.update(bag)
    num_others = max(1, len(texts) - 1)
    likes = []
    for bag in bags:
        # Against the mean of the others instead of each of them: linear in all texts, not quadratic.
        shared = sum(min(count, (together[word] - count) / num_others) for word, count in bag.items())
        size = bag.total() + (together.total() - bag.total()) / num_others
        likes.append(2 * shared / size if size else 0.0)
    return likes


@lru_cache(maxsize=256)
def _words(text: str) -> Counter[str]:
    return Counter(words_of(text))


_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
