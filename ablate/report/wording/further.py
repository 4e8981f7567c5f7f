"""What further metrics mean for the error a study may make, in words."""

from __future__ import annotations

from ablate.report.facts.findings import Findings
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import metric_words, threshold_words


def further_words(findings: Findings, say: Words = ENGLISH) -> str:
    """That each further metric is a family of its own with its own error, and by which sizes it is judged."""
    families = sum(len(other.families) for other in findings.further)
    metric = metric_words(findings.study.metric)
    error, most = findings.evidence.alpha, findings.evidence.alpha * families
    parts = [
        say("further.families", metric=metric, alpha=f"{error:.0%}"),
        say.form("further.error", families, n=say.in_words(families), most=f"{min(1.0, most):.0%}"),
    ]
    for other in findings.further:
        evidence, own = other.evidence, other.study.metric
        sizes = [
            say("further.size", name=name, size=threshold_words(value, own, say))
            for name, value in (("negligible", evidence.negligible), ("worthwhile", evidence.worthwhile))
            if value is not None
        ]
        known = say.listed(sizes) if sizes else say("further.no_size")
        parts.append(say("further.sizes", metric=metric_words(own), sizes=known))
    return say("join.sentence").join(parts)
