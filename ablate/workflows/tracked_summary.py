"""What a tracker stores at the end of a study: the numbers of each variant, the verdicts, the whole report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.files import read_json, sealed
from ablate.protocols import StudySummary
from ablate.results.declared_looks import FILE as DECLARED
from ablate.store.closing import read_closing
from ablate.workflows.deploy.kept import Deployed, current_runs, read_deployments
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from ablate.report.facts.effect import EffectRow
    from ablate.report.gather.assemble import Findings


def study_summary(findings: Findings, report: Path, session: Session) -> StudySummary:
    """What a tracker stores at the end of a study."""
    from ablate.report.page.render import description_image, description_of
    from ablate.report.wording.language import chosen_language, words_of

    steps = _steps(findings)
    deployed = read_deployments(session.store.study(session.study.name), current_runs(session.plan))
    tags = {name: _variant_tags(step) for name, step in steps.items()} | {"": _tags(findings, steps)}
    return StudySummary(
        description=description_of(findings, words_of(chosen_language(session.study.lang))),
        files=report.parent,
        variants={
            name: values | _metrics_of(deployed.get(name)) for name, values in _variants(findings, steps).items()
        },
        failed=bool(findings.runs.failed),
        extra={"record": study_record(session)},
        headline=_headline(findings, steps),
        tags=tags | {name: {**tags.get(name, {}), **one.tags} for name, one in deployed.items()},
        image=description_image(findings),
        given={name: one.given for name, one in deployed.items()},
    )


def _metrics_of(deployed: Deployed | None) -> dict[str, float]:
    return {} if deployed is None else dict(deployed.metrics)


def _steps(findings: Findings) -> dict[str, EffectRow]:
    """Variant -> the comparison that is the first to be about it."""
    found: dict[str, EffectRow] = {}
    for effect in findings.effects:
        if effect.compared.is_pair:
            found.setdefault(effect.compared.variant, effect)
    return found


def _variants(findings: Findings, steps: Mapping[str, EffectRow]) -> dict[str, dict[str, float]]:
    """Numbers by variant, as the report's tables show them."""
    metric = findings.study.metric.name
    found: dict[str, dict[str, float]] = {}
    for row in findings.variants:
        numbers = {f"{metric}/mean": row.mean, f"{metric}/lo": row.lo, f"{metric}/hi": row.hi, "replicates": row.n}
        if (step := steps.get(row.name)) is not None:
            numbers |= {"difference/lo": step.measured.lo, "difference/hi": step.measured.hi}
        found[row.name] = _known(numbers)
    return found


def _known(numbers: Mapping[str, float | None]) -> dict[str, float]:
    return {key: float(value) for key, value in numbers.items() if value is not None}


def _variant_tags(effect: EffectRow) -> dict[str, str]:
    """What a table of the variants says in words: metrics are columns of long numbers there."""
    lo, hi = effect.measured.lo, effect.measured.hi
    interval = {"ablate.interval": f"{lo:+.1f} to {hi:+.1f}"} if lo is not None and hi is not None else {}
    return {"ablate.verdict": effect.decision.verdict.replace("_", " ")} | interval


def _tags(findings: Findings, steps: Mapping[str, EffectRow]) -> dict[str, str]:
    """What the study's own run says of itself in a table of runs. No parameters: those cannot be written again."""
    evidence = findings.evidence
    counted = Counter(step.decision.verdict for step in steps.values())
    known = {
        "ablate.design": findings.study.design or "",
        "ablate.replicates": f"{evidence.replicates} of {evidence.looks[-1]}",
        "ablate.verdicts": ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in counted.items()),
    }
    return {name: value for name, value in known.items() if value}


def _headline(findings: Findings, steps: Mapping[str, EffectRow]) -> dict[str, dict[str, float]]:
    """By its plain name what a table of runs shows first: the judged metric, in the unit of the runs, and the step."""
    name, means = findings.study.metric.name, {row.name: row.mean for row in findings.variants}
    known = {variant: mean / findings.study.metric.scale for variant, mean in means.items() if mean is not None}
    headline: dict[str, dict[str, float]] = {}
    for row in findings.variants:
        numbers: dict[str, float | None] = {"parameters": row.parameters, "seconds": row.seconds, "replicates": row.n}
        if (step := steps.get(row.name)) is not None:
            numbers |= {"difference": step.measured.difference, "p": step.decision.p_adjusted}
        headline[row.name] = _known({name: known.get(row.name)} | numbers)
    if known:
        best = (max if findings.study.metric.goal == "max" else min)(known.values())
        headline[""] = {f"{name} best variant": best}
        if findings.variants[0].name in known:
            headline[""][f"{name} baseline"] = known[findings.variants[0].name]
    return headline


def study_record(session: Session) -> dict[str, Any]:
    """What a study's run in the tracking store carries for `ablate pull`, beside the records of its runs."""
    prepared = {
        name: {
            "classes": list(found.classes),
            "counts": dict(found.counts),
            "digest": found.digest,
            "notes": list(found.notes),
            "unreadable": list(found.unreadable),
            "weights_digest": found.weights_digest,
        }
        for name, found in session.known.prepared.items()
        if found.digest
    }
    folder = session.store.study(session.study.name)
    closing = read_closing(folder)
    ends = {} if closing is None else {"closing": asdict(closing)}
    return sealed({"declared": read_json(folder / DECLARED), "prepared": prepared} | ends)
