"""An evaluation as one page."""

from marco_cli.evals.report import Report


def page(report: Report) -> str:
    """Return the page."""
    return report.model
