"""A diagnosis as text, one line a finding and its fix below, and as rows for machines."""

from marco_cli.diagnosis.finding import Finding
from marco_cli.view.printable import printable

_STATUS_WIDTH = 8
_NAME_WIDTH = 15


def finding_text(finding: Finding) -> str:
    """Return the lines of a finding: status, name and what was found, then the fix if there is one."""
    line = f"{finding.status:<{_STATUS_WIDTH}}{finding.name:<{_NAME_WIDTH}}{finding.what}"
    fix = f"\n{'':<{_STATUS_WIDTH}}{'':<{_NAME_WIDTH}}fix: {finding.fix}" if finding.fix else ""
    return printable(" ".join(line.splitlines()) + fix)


def finding_row(finding: Finding) -> dict[str, object]:
    """Return a finding for `--json`: every key is always there."""
    return {
        "name": finding.name,
        "status": finding.status,
        "what": finding.what,
        "fix": finding.fix,
        "figures": dict(finding.figures),
    }
