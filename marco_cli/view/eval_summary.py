"""An evaluation as one JSON object: every figure of the report, without the texts of its failures.

In: a `Report`. Out: a plain document for `summary.json` and `--json`.
"""

from dataclasses import fields

from marco_cli.evals.report import Report

SUMMARY_VERSION = 1

Document = dict[str, object]


def summary_document(report: Report) -> Document:
    """Return the figures; failures are named by item, variant and seed, and their texts stand in `rows.jsonl`."""
    figures = {
        field.name: getattr(report, field.name) for field in fields(report) if field.name not in ("failures", "rows")
    }
    failures = [
        {
            "kind": failure.kind,
            "item": failure.outcome.item.id,
            "variant": failure.outcome.variant,
            "seed": failure.outcome.seed,
        }
        for failure in report.failures
    ]
    return {"v": SUMMARY_VERSION, **figures, "failures": failures}
