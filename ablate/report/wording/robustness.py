"""How far the words of a report carry, in words."""

from __future__ import annotations

from ablate.report.facts.effect import Repeat
from ablate.report.facts.findings import Findings
from ablate.report.facts.robustness import OtherThresholds
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import threshold_words


def again_words(found: Repeat | None, say: Words = ENGLISH) -> str:
    """`60 to 80`: the chance that a word comes out again, in percent; nothing where there is none."""
    return "" if found is None else _chances(found.same, say)


def opposite_words(found: Repeat | None, say: Words = ENGLISH) -> str:
    """The same of what contradicts the word."""
    return "" if found is None or found.opposite is None else _chances(found.opposite, say)


STEP = 5
"""Percent: chances are known no better, whatever the number of studies drawn."""


def _chances(ends: tuple[float, float], say: Words) -> str:
    least, most = (_chance(end, say) for end in ends)
    return least if least == most else say("cell.range", first=least, last=most)


def _chance(value: float, say: Words) -> str:
    rounded = STEP * round(100 * value / STEP)
    if rounded == 0:
        return say("cell.below", n=STEP)
    return say("cell.above", n=100 - STEP) if rounded == 100 else str(rounded)


def robustness_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """What the families together may err by, which words hang on the thresholds, what was judged here before."""
    found = findings.robustness
    if found is None:
        return []
    alpha = findings.evidence.alpha
    families = say.in_words(found.families)
    bound = f"{min(1.0, alpha * found.bound):.0%}"
    claims = say.form(
        "robustness.claims", found.families, kinds=say.in_words(found.kinds), families=families, alpha=f"{alpha:.0%}",
        bound=bound,
    )  # fmt: skip
    factors = ("half", "double")
    thresholds = [_thresholds(findings, one, name, say) for one, name in zip(found.thresholds, factors, strict=False)]
    return [claims, *thresholds, *uses_lines(findings, say)]


def _thresholds(findings: Findings, other: OtherThresholds, factor: str, say: Words) -> str:
    metric = findings.study.metric
    sizes = [threshold_words(size, metric, say) for size in (other.negligible, other.worthwhile) if size is not None]
    flips = [
        say(
            f"robustness.flip_{flip.claim}",
            name=flip.name,
            now=_word(flip.now, flip.claim, say),
            then=_word(flip.then, flip.claim, say),
        )
        for flip in other.flips
    ]
    what = say("join.clause").join(flips) if flips else say("robustness.no_flip")
    return say(f"robustness.{factor}", sizes=say("join.and").join(sizes), what=what)


def _word(word: str, claim: str, say: Words) -> str:
    if claim == "no_worse":
        return say.by("no_worse", word)
    if word == "negligible":
        return say("verdict.negligible", word=say("verdict.better"))
    return say.by("verdict", word)


def uses_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """That other families were judged on these test images before; nothing where this study's are the first."""
    found = findings.robustness
    if found is None or not found.earlier:
        return []
    studies = say.listed([use.study for use in found.earlier])
    last = found.number + found.families - 1
    numbers = str(found.number) if found.families == 1 else say("cell.range", first=found.number, last=last)
    return [say.form("robustness.uses", found.families, studies=studies, numbers=numbers)]
