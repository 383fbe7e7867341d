"""Output -> canonical answer, and when two answers are equal, in English and Chinese: the only extractor there is."""

from marco_cli.answer.extract import Answer, Kind, Rule, equal, extract, matches

__all__ = ["Answer", "Kind", "Rule", "equal", "extract", "matches"]
