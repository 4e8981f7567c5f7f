"""The findings as the one JSON object that `run --json` and `report --json` print."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

from ablate.report.facts.effect import NoWorseClaim, Repeat, SameImages
from ablate.report.facts.findings import Findings
from ablate.report.page.learning import learning_json
from ablate.report.tables.derived import derived_json
from ablate.report.tables.other_sets import set_json
from ablate.stats.method import METHOD


def summary_json(findings: Findings, report: Path | str | None = None) -> dict[str, Any]:
    """Plain data as in schemas/run.schema.json: rates in percent, differences in points, null for not finite.

    report: where the report was written, None where it was not.
    """
    metric = findings.study.metric
    return {
        "study": findings.study.name,
        "method": METHOD,
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
                "name": effect.compared.name,
                "variant": effect.compared.variant,
                "reference": effect.compared.reference,
                "family": effect.compared.family,
                "difference": _finite(effect.measured.difference),
                "lo": _finite(effect.measured.lo),
                "hi": _finite(effect.measured.hi),
                "p": _finite(effect.decision.p),
                "p_adjusted": _finite(effect.decision.p_adjusted),
                "n": effect.measured.n,
                "images": effect.measured.images,
                "verdict": effect.decision.verdict,
                "verdict_text": effect.decision.verdict_text,
                "look": effect.course.look,
                "share": effect.course.share,
                "stopped": effect.course.stopped,
                "no_worse": _no_worse(effect.no_worse),
                "repeat": None if effect.repeat is None else _repeat(effect.repeat),
                "next_look": None if effect.course.next_look is None else effect.course.next_look._asdict(),
                "same_images": None if effect.same_images is None else _same_images(effect.same_images),
            }
            for effect in findings.effects
        ],
        "failed": [
            {
                "variant": run.variant,
                "replicate": run.replicate,
                "reason": f"{run.reason}: {run.message}" if run.message else run.reason,
            }
            for run in findings.runs.failed
        ],
        "cautions": list(findings.notices.cautions),
        "remarks": list(findings.notices.remarks),
        "derived": derived_json(findings.exploratory.derived),
        "look": findings.evidence.look,
        "groups": _groups_json(findings),
        "closed": _closed_json(findings),
        **_further_json(findings),
        **_other_sets_json(findings),
        **_unit_json(findings),
        **learning_json(findings),
        "robustness": _robustness(findings),
        "report": None if report is None else str(report),
    }


def _unit_json(findings: Findings) -> dict[str, Any]:
    """What is scored where it is not the image; no key otherwise."""
    unit = findings.evidence.unit
    return {} if unit is None else {"unit": {"group": unit.name, "by": unit.by}}


def _further_json(findings: Findings) -> dict[str, Any]:
    """The comparisons by each further metric; no key where the study asks for none."""
    if not findings.further:
        return {}
    kept = ("metric", "variants", "effects")
    told = map(summary_json, findings.further)
    return {"further": [{name: one[name] for name in kept} for one in told]}


def _other_sets_json(findings: Findings) -> dict[str, Any]:
    """The runs on each other test set; no key where the study names none."""
    if not findings.other_sets:
        return {}
    told = [(one, None if one.findings is None else summary_json(one.findings)) for one in findings.other_sets]
    return {"also_test": [set_json(*pair) for pair in told]}


def _same_images(found: SameImages) -> dict[str, dict[str, float]]:
    return {"p": found.p._asdict(), "no_gain": found.no_gain._asdict()}


def _no_worse(claim: NoWorseClaim | None) -> dict[str, Any] | None:
    if claim is None:
        return None
    return {
        "word": claim.word,
        "asked": claim.asked,
        "tolerable": claim.tolerable,
        "p": claim.p,
        "p_inferior": claim.p_inferior,
        "costs": {change.cost: change.share for change in claim.costs},
        "reason": claim.reason,
    }


def _repeat(found: Repeat) -> dict[str, list[float] | None]:
    def rounded(ends: tuple[float, float] | None) -> list[float] | None:
        return None if ends is None else [round(end, 3) for end in ends]

    return {"same": rounded(found.same), "opposite": rounded(found.opposite)}


def _robustness(findings: Findings) -> dict[str, Any] | None:
    """How far the words carry; None before there is one."""
    found = findings.robustness
    if found is None:
        return None
    return {
        "kinds": found.kinds,
        "families": found.families,
        "bound": min(1.0, findings.evidence.alpha * found.bound),
        "thresholds": [
            {
                "negligible": other.negligible,
                "worthwhile": other.worthwhile,
                "flips": [flip._asdict() for flip in other.flips],
            }
            for other in found.thresholds
        ],
        "earlier": [use._asdict() for use in found.earlier],
        "number": found.number,
    }


def _groups_json(findings: Findings) -> dict[str, Any] | None:
    """The groups of test images, and the differences with each of the same weight; None where there are none."""
    found = findings.evidence.groups
    if found is None:
        return None
    numbers = {name: getattr(found, name) for name in ("kind", "n", "effective", "largest", "design_effect")}
    return numbers | {"alike": [row._asdict() for row in found.alike]}


def _closed_json(findings: Findings) -> dict[str, Any] | None:
    """When a study was closed for time, on how many replicates; None where it was not."""
    evidence = findings.evidence
    if evidence.closed is None:
        return None
    return {"end": evidence.closed.end, "replicates": evidence.replicates, "planned": list(evidence.closed.looks)}


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
