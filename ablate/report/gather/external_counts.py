"""Single runs of which only the number of right answers is known: what follows from two counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ablate.readers.tested import TestedRun
from ablate.records import Contrast
from ablate.report.facts.effect import Between, Compared, Course, Decision, EffectRow, ExtraCost, Measured, SameImages
from ablate.report.wording.language import Words
from ablate.results.question import Metric
from ablate.stats.accuracy import newcombe
from ablate.stats.agreement import Count, agreements
from ablate.stats.verdict import holm

SINGLE = "single run"
ALPHA = 0.05


def judge_counts(
    runs: Sequence[TestedRun], contrasts: Sequence[Contrast], sizes: Mapping[str, int], metric: Metric
) -> tuple[EffectRow, ...]:
    """Newcombe's interval, the score test's p, Holm over the family; and p were the images the same ones.

    sizes: of families larger than what is there.
    """
    by_name = {run.variant: run for run in runs}
    found: dict[int, EffectRow] = {}
    for family in dict.fromkeys(contrast.family for contrast in contrasts):
        members = [i for i, contrast in enumerate(contrasts) if contrast.family == family]
        size = max(sizes.get(family, 0), len(members))
        effects = [_row(contrasts[i], by_name, metric, size) for i in members]
        adjusted = _adjusted([e.decision.p for e in effects], size)
        for i, effect, p in zip(members, effects, adjusted, strict=True):
            known = effect.decision.p is not None
            found[i] = replace(effect, decision=replace(effect.decision, p_adjusted=p)) if known else effect
    return tuple(found[i] for i in range(len(contrasts)))


def _adjusted(raw: Sequence[float | None], size: int) -> list[float]:
    """Holm's adjustment over a family of `size`, of which what is unknown shows nothing."""
    adjusted = holm([1.0 if p is None else p for p in raw] + [1.0] * (size - len(raw)))
    return list(adjusted[: len(raw)])


def _row(contrast: Contrast, runs: Mapping[str, TestedRun], metric: Metric, size: int) -> EffectRow:
    variant, reference = runs[contrast.variant], runs[contrast.reference]
    scale, p, same = metric.scale, None, None
    plain: tuple[float | None, float | None] = (None, None)
    whole: tuple[float | None, float | None] = (None, None)
    if None not in (variant.n, variant.correct, reference.n, reference.correct):
        counts = ((variant.correct or 0, variant.n or 1), (reference.correct or 0, reference.n or 1))
        found = newcombe(*counts)
        wide = newcombe(*counts, level=1 - ALPHA / size)
        plain, whole, p = (found.lo * scale, found.hi * scale), (wide.lo * scale, wide.hi * scale), found.p
        same = _same_images(*counts, goal=metric.goal)
    return EffectRow(
        compared=Compared(
            name=contrast.name,
            variant=contrast.variant,
            reference=contrast.reference,
            family=contrast.family,
            family_size=size,
            is_pair=True,
        ),
        measured=Measured(
            difference=(variant.value - reference.value) * scale,
            lo=plain[0],
            hi=plain[1],
            lo_all=whole[0],
            hi_all=whole[1],
            n=1,
        ),
        decision=Decision(verdict="not_assessable", verdict_text=f"not assessable ({SINGLE})", reason=SINGLE, p=p),
        course=Course(look=1),
        extra=ExtraCost(),
        same_images=same,
    )


def _same_images(variant: Count, reference: Count, *, goal: str) -> SameImages:
    found = agreements(variant, reference)
    # Of an error rate, less is a gain.
    no_gain = [one.no_gain if goal == "max" else 1 - one.no_gain for one in found]
    return SameImages(
        p=Between(found.closest.p, found.independent.p, found.farthest.p),
        no_gain=Between(min(no_gain), no_gain[1], max(no_gain)),
    )


def over_agreements(effects: Sequence[EffectRow], say: Words) -> Iterator[str]:
    """One sentence: what holds however often two networks are right on the same images.

    Holm's adjustment grows with every p: adjusted from the largest of each it bounds all agreements from above, from
    the smallest from below.
    """
    counted = [effect for effect in effects if effect.same_images is not None]
    sorts: dict[str, list[str]] = {"always": [], "never": [], "either": []}
    for family in dict.fromkeys(effect.compared.family for effect in counted):
        rows = [effect for effect in counted if effect.compared.family == family]
        ends, size = [row.same_images.p for row in rows if row.same_images is not None], rows[0].compared.family_size
        most, least = _adjusted([p.most for p in ends], size), _adjusted([p.least for p in ends], size)
        for row, low, high in zip(rows, least, most, strict=True):
            sort = "always" if high <= ALPHA else "never" if low > ALPHA else "either"
            sorts[sort].append(row.compared.name)
    told = [say(f"judge.agreement_{sort}", names=say.listed(names)) for sort, names in sorts.items() if names]
    if told:
        yield say("judge.agreement", found=say("join.clause").join(told))
