"""The reward that a process model gives."""

from marco_cli.reward.population import Evidence


def process(evidence: Evidence) -> float:
    """Return what the process model says of the reply's steps; half for a reply that it was not asked about."""
    worth = evidence.signals.process
    return 0.5 if worth is None else worth
