"""Every number of a report as a LaTeX macro, so that a paper never copies one by hand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings, VariantRow
from ablate.report.page.latex import latex, latex_number
from ablate.report.wording.escape import plain
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import interval, number
from ablate.report.wording.sentences import metric_words, p_words, verdict_words
from ablate.results.question import Metric

DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
EFFECT_ENDS = ("gain", "interval", "n", "pvalue", "padjusted", "verdict")
LEVEL_ENDS = ("level", "range", "spread", "runs")
RESERVED = {"Upsilon"}
"""What LaTeX has already of names that a capital begins and one of these ends."""
SIGNS = {"%": "Percent", "&": "And", "+": "Plus"}


def macros_text(findings: Findings, say: Words = ENGLISH) -> str:
    """A file of `\\newcommand`s: of a comparison `\\BNgain`, interval, n, p, verdict; of a variant `\\BNlevel`."""
    metric = findings.study.metric
    effects = [*findings.effects, *([findings.total] if findings.total is not None else [])]
    about = say("share.macros", study=findings.study.name)
    lines = [f"% {plain(about)}", *_study_macros(findings)]
    taken = {f"Study{name}" for name in ("Metric", "Replicates", "Images")} | RESERVED
    for stem, effect in zip(stems(map(_name_of, effects), EFFECT_ENDS, taken), effects, strict=True):
        compared = effect.compared
        gained = (
            (compared.variant, compared.reference) if metric.goal == "max" else (compared.reference, compared.variant)
        )
        lines += ["", f"% {plain(f'{gained[0]} - {gained[1]} ({compared.family})')}"]
        told = _of_effect(effect, metric, say)
        lines += [_macro(f"{stem}{end}", text) for end, text in zip(EFFECT_ENDS, told, strict=True)]
    rows = findings.variants
    for stem, row in zip(stems([row.name for row in rows], LEVEL_ENDS, taken), rows, strict=True):
        lines += ["", f"% {plain(row.name)}"]
        lines += [_macro(f"{stem}{end}", text) for end, text in zip(LEVEL_ENDS, _of_level(row, metric), strict=True)]
    return "\n".join(lines) + "\n"


def _name_of(effect: EffectRow) -> str:
    return f"all {effect.compared.family}" if effect.compared.family == "total" else effect.compared.name


def _study_macros(findings: Findings) -> list[str]:
    evidence = findings.evidence
    told = {"Metric": latex(metric_words(findings.study.metric)), "Replicates": f"{evidence.replicates}"}
    if evidence.images is not None:
        told["Images"] = f"{evidence.images:,}".replace(",", "{,}")
    return [_macro(f"Study{name}", text) for name, text in told.items()]


def _of_effect(effect: EffectRow, metric: Metric, say: Words) -> Sequence[str]:
    """Gain and interval count what is better as positive, whichever way the metric goes."""
    found, decimals = effect.measured, metric.decimals
    gain, lo, hi = found.difference, found.lo, found.hi
    if metric.goal == "min":
        gain, lo, hi = (None if one is None else -one for one in (gain, hi, lo))
    return (
        latex_number(number(gain, decimals, sign="+")),
        latex_number(interval(lo, hi, decimals) or "-"),
        str(found.n),
        latex(p_words(effect.decision.p)),
        latex(p_words(effect.decision.p_adjusted)),
        latex(verdict_words(effect, say, with_reason=False)),
    )


def _of_level(row: VariantRow, metric: Metric) -> Sequence[str]:
    decimals = metric.decimals
    return (
        latex_number(number(row.mean, decimals)),
        latex_number(interval(row.lo, row.hi, decimals) or "-"),
        latex_number(number(row.spread, decimals)),
        str(row.n),
    )


def _macro(name: str, text: str) -> str:
    return rf"\newcommand{{\{name}}}{{{text}}}"


def stems(names: Iterable[str], ends: Sequence[str], taken: set[str]) -> list[str]:
    """A beginning of macros for each name: letters alone, a capital first; no macro of it is taken, and then all are.

    Digits become words, accents fall, what has no letters is `Step`. Where one is taken a letter is added.
    """
    found: list[str] = []
    for name in names:
        bare, tries = _stem(name), 0
        stem = bare
        while any(f"{stem}{end}" in taken for end in ends):
            tries += 1
            stem = f"{bare}{_letters(tries)}"
        taken |= {f"{stem}{end}" for end in ends}
        found.append(stem)
    return found


def _stem(name: str) -> str:
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    text = re.sub(r"\d", lambda digit: f" {DIGITS[int(digit.group())]} ", text)
    text = "".join(f" {SIGNS[sign]} " if sign in SIGNS else sign for sign in text)
    words = re.findall("[A-Za-z]+", text)
    stem = "".join(word[:1].upper() + word[1:] for word in words)
    return stem if len(stem) > 1 else f"Step{stem}"


def _letters(number: int) -> str:
    """A, B, ... Z, AA: counted from 1."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
