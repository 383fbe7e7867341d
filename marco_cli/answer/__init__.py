"""Output -> typed answer, and when two answers are one, in eleven languages: the only extractor there is.

Callers use `extract(output, question=..., lang=...)` to read, `equal(a, b)` or `a.key` (hashable) to compare, and
`matches(answer, target)` against a reference answer. `Answer.canonical` is for people and rows, never for comparing.
"""

from marco_cli.answer.base import Answer, AnswerKey, Kind, Rule, equal
from marco_cli.answer.extract import extract, matches, read

__all__ = ["Answer", "AnswerKey", "Kind", "Rule", "equal", "extract", "matches", "read"]
