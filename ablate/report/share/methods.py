"""The paragraph on methods: what was really done in this study, each method with its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ablate.report.facts.findings import Findings
from ablate.report.share.sources import SOURCES, Source
from ablate.report.wording.evidence import design_lines
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import metric_words, size_words, threshold_words
from ablate.results.declared_looks import CHANGED
from ablate.stats.alpha_shares import ADDED
from ablate.stats.method import METHOD


class Scoring(NamedTuple):
    """How images were scored. is_binary: right or wrong; is_weighed: by influence values; is_own: as the study says."""

    is_binary: bool
    is_weighed: bool
    is_own: bool


class Said(NamedTuple):
    """A sentence, and what it cites."""

    text: str
    sources: tuple[Source, ...] = ()


def plan_was_changed(findings: Findings) -> bool:
    """Whether looks or replicates are others than those under which verdicts were first shown."""
    return any(effect.decision.reason in (ADDED, CHANGED) for effect in findings.effects)


def methods_text(findings: Findings, scoring: Scoring | None, say: Words = ENGLISH) -> str:
    """The paragraph, then the sources it names. scoring: None where no scores of single images were compared."""
    said = list(_sentences(findings, scoring, say))
    cited = dict.fromkeys(source for one in said for source in one.sources)
    known = [name for name in SOURCES if name in cited]
    paragraph = say("join.sentence").join(_with_sources(one, say) for one in said if one.text)
    return "\n".join([paragraph, "", say("methods.sources"), *(f"- {SOURCES[name].full}" for name in known), ""])


def _with_sources(said: Said, say: Words) -> str:
    if not said.sources:
        return said.text
    cited = say("methods.cited", sources="; ".join(SOURCES[name].short for name in said.sources))
    end = say("share.stop")
    return f"{said.text.removesuffix(end)}{cited}{end}"


def _sentences(findings: Findings, scoring: Scoring | None, say: Words) -> Iterator[Said]:
    evidence, metric = findings.evidence, findings.study.metric
    for line in design_lines(findings, say):
        yield Said(line)
    yield from _estimates(findings, scoring, say)
    alpha = f"{evidence.alpha:.0%}"
    if findings.effects:
        yield Said(say("methods.holm", alpha=alpha), ("holm",))
    if evidence.negligible is not None:
        size = threshold_words(evidence.negligible, metric, say)
        yield Said(say("methods.same", size=size, word=say("verdict.same")), ("schuirmann",))
    if evidence.worthwhile is not None:
        size = threshold_words(evidence.worthwhile, metric, say)
        yield Said(say("methods.gain", size=size, word=say("verdict.no_worthwhile_gain")))
    tolerable = [one.no_worse.tolerable for one in findings.claims if one.no_worse is not None]
    if known := [size for size in tolerable if size is not None]:
        yield Said(say("methods.no_worse", size=size_words(max(known), metric, say), alpha=alpha), ("wellek",))
    if plan_was_changed(findings):
        yield Said(say("methods.changed"))
    elif len(evidence.looks) > 1 and evidence.test is not None:
        yield Said(say("methods.looks", looks=say.listed([str(look) for look in evidence.looks])))
        yield Said(say("methods.futility"), ("spiegelhalter",))
    if scoring is not None and scoring.is_binary:
        yield Said(say("methods.levels"), ("wilson", "kish"))
    yield Said(say("methods.program", n=METHOD))


def _estimates(findings: Findings, scoring: Scoring | None, say: Words) -> Iterator[Said]:
    """How differences and their intervals were computed, by the unit of chance."""
    evidence, metric = findings.evidence, findings.study.metric
    match evidence.basis:
        case None:
            return
        case "replicates, paired":
            yield Said(say("methods.paired"), ("student",))
        case "replicates, unpaired":
            yield Said(say("methods.unpaired"), ("welch",))
        case "counts":
            yield Said(say("methods.counts"), ("newcombe", "miettinen"))
        case _:
            yield (
                Said(say("methods.images_once")) if findings.has_single_runs else Said(say("methods.images"), ("owen",))
            )
            if evidence.groups is not None:
                n = say.count(evidence.groups.n, "group")
                yield Said(say("methods.groups", groups=n), ("bell", "carter"))
            yield Said(say("methods.freedom"), ("satterthwaite",))
            if scoring is not None and scoring.is_own:
                yield Said(say("methods.own", metric=metric_words(metric)))
            elif scoring is not None and scoring.is_weighed:
                area = ("delong",) if "auroc" in metric.name else ()
                sources: tuple[Source, ...] = ("hampel", *area)
                yield Said(say("methods.influence", metric=metric_words(metric)), sources)
            if scoring is not None and scoring.is_binary:
                yield Said(say("methods.few"), ("agresti", "bonett"))
