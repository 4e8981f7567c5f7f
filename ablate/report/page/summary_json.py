"""The findings as the one JSON object that `run --json` and `report --json` print."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

from ablate.report.facts.findings import Findings
from ablate.report.tables.derived import derived_json


def summary_json(findings: Findings, report: Path | str | None = None) -> dict[str, Any]:
    """Plain data as in schemas/run.schema.json: rates in percent, differences in points, null for not finite.

    report: where the report was written, None where it was not.
    """
    metric = findings.metric
    return {
        "study": findings.study,
        "metric": {"name": metric.name, "goal": metric.goal, "unit": metric.unit},
        "variants": [
            {
                "name": row.name,
                "reference": row.reference,
                "n": row.n,
                "mean": _finite(row.mean),
                "lo": _finite(row.lo),
                "hi": _finite(row.hi),
                "parameters": row.parameters,
                "seconds": _finite(row.seconds),
            }
            for row in findings.variants
        ],
        "effects": [
            {
                "name": effect.name,
                "variant": effect.variant,
                "reference": effect.reference,
                "family": effect.family,
                "difference": _finite(effect.difference),
                "lo": _finite(effect.lo),
                "hi": _finite(effect.hi),
                "p": _finite(effect.p),
                "p_adjusted": _finite(effect.p_adjusted),
                "n": effect.n,
                "images": effect.images,
                "verdict": effect.verdict,
                "verdict_text": effect.verdict_text,
                "look": effect.look,
                "share": effect.share,
                "stopped": effect.stopped,
                "next_look": None if effect.next_look is None else effect.next_look._asdict(),
            }
            for effect in findings.effects
        ],
        "failed": [
            {
                "variant": run.variant,
                "replicate": run.replicate,
                "reason": f"{run.reason}: {run.message}" if run.message else run.reason,
            }
            for run in findings.failed
        ],
        "cautions": list(findings.cautions),
        "derived": derived_json(findings.derived),
        "look": findings.evidence.look,
        "report": None if report is None else str(report),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
