"""The reward that is read off a reply's own scores."""

from marco_cli.reward.population import Evidence


def mean_confidence(evidence: Evidence) -> float:
    """Return the mean c_i, as the Marco-o1 paper does (arXiv 2411.14405, the reward score v)."""
    return evidence.signals.confidence
