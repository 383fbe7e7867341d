"""Rewards that compare a reply with the other finished ones."""

from marco_cli.reward.population import Evidence


def agreement(evidence: Evidence) -> float:
    """Return the share of finished replies with the same answer (self-consistency as a reward, as in rStar)."""
    return evidence.population.share(evidence.answer)


def confidence_and_agreement(evidence: Evidence) -> float:
    """Return half the standing of the mean confidence plus half the agreement.

    The two err differently: confidence knows nothing of other replies, agreement nothing of how sure each was. Free text
    has no agreement, and its confidence then ranks alone.
    """
    standing = evidence.population.standing(evidence.signals.confidence)
    return 0.5 * standing + 0.5 * evidence.population.share(evidence.answer)


def checked(evidence: Evidence) -> float:
    """Return `confidence_and_agreement`, and next to nothing for a reply with a false equation."""
    return confidence_and_agreement(evidence) * evidence.signals.soundness
