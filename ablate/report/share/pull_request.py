"""What a pull request says of a study: a sentence and a table, in twelve lines at most and without images."""

from __future__ import annotations

from ablate.report.facts.findings import Findings
from ablate.report.tables.table import with_unit
from ablate.report.wording.escape import markdown, markdown_block
from ablate.report.wording.evidence import banners, warnings
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import with_interval
from ablate.report.wording.sentences import metric_words, unit_words, verdict_words

MOST_ROWS = 5


def pull_request_text(findings: Findings, say: Words = ENGLISH) -> str:
    """The answer, the comparisons with interval, n and verdict, what they rest on; the first warning, if any."""
    lines = [f"**{markdown(first_sentence(findings, say))}**"]
    if findings.effects:
        lines += ["", *_table(findings, say)]
    lines += ["", markdown_block(_rests_on(findings, say))]
    warned = [*banners(findings, say), *warnings(findings, say)]
    if warned:
        more = say("share.more_warnings", n=len(warned) - 1) if len(warned) > 1 else ""
        lines[-1] += f" **{markdown(warned[0])}**{markdown(more)}"
    return "\n".join(lines) + "\n"


def _table(findings: Findings, say: Words) -> list[str]:
    metric, effects = findings.study.metric, findings.effects
    shown = effects if len(effects) <= MOST_ROWS else effects[: MOST_ROWS - 1]
    heads = (
        say("column.change"),
        with_unit(say("column.difference"), unit_words(metric, say)),
        say("column.n"),
        say("column.verdict"),
    )
    lines = [f"| {' | '.join(markdown(head) for head in heads)} |", "| :-- | --: | --: | :-- |"]
    for effect in shown:
        found = effect.measured
        cells = (
            say("cell.compare", name=effect.compared.called, reference=effect.compared.reference),
            with_interval(found.difference, found.lo, found.hi, metric.decimals, sign="+"),
            str(found.n),
            verdict_words(effect, say),
        )
        lines.append(f"| {' | '.join(markdown(cell) for cell in cells)} |")
    if len(shown) < len(effects):
        more = say("share.more_rows", n=len(effects) - len(shown))
        lines.append(f"| {markdown(more)} | | | |")
    return lines


def _rests_on(findings: Findings, say: Words) -> str:
    evidence = findings.evidence
    images = [] if evidence.images is None else [say.count(evidence.images, "test_image")]
    return say(
        "share.rests_on",
        metric=metric_words(findings.study.metric),
        on=say("join.comma").join([say.count(evidence.replicates, "replicate"), *images]),
        alpha=f"{evidence.alpha:.0%}",
    )
