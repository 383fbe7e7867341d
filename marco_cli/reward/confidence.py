"""Rewards that are read off a reply's own scores."""

import math

from marco_cli.reward.population import Evidence


def mean_confidence(evidence: Evidence) -> float:
    """Return the mean c_i, as the Marco-o1 paper does (arXiv 2411.14405, the reward score v)."""
    return evidence.signals.confidence


def tail_confidence(evidence: Evidence) -> float:
    """Return the mean c_i of the last tokens (DeepConf); misleading where replies end in set phrases."""
    return evidence.signals.tail_confidence


def lowest_group_confidence(evidence: Evidence) -> float:
    """Return the mean c_i of the weakest stretch (DeepConf): one doubtful step is not hidden by many sure ones."""
    return evidence.signals.lowest_group_confidence


def mean_probability(evidence: Evidence) -> float:
    """Return the geometric mean of the tokens' probabilities, the inverse of the perplexity."""
    signals = evidence.signals
    return math.exp(min(0.0, signals.mean_logprob)) if signals.num_tokens else 0.0


def answer_margin(evidence: Evidence) -> float:
    """Return the mean p1 - p2 over the answer's tokens (CoT-decoding, arXiv 2402.10200); 0 without an answer."""
    return evidence.signals.answer_margin or 0.0
