"""What the records of a study answer of the checklists that journals and conferences ask for, and what they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ablate.report.facts.findings import Findings
from ablate.report.share.methods import plan_was_changed
from ablate.report.wording.escape import markdown
from ablate.report.wording.evidence import basis_line, design_lines
from ablate.report.wording.groups import group_lines
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import duration
from ablate.report.wording.sentences import metric_words

CLAIM: Mapping[str, str] = {
    "4": "aims", "12": "missing", "19": "parts", "20": "level", "21": "size", "22": "model", "23": "software",
    "26": "chosen", "28": "metric", "29": "statistics", "30": "robust", "32": "internal", "33": "external",
    "35": "numbers", "37": "results", "39": "failures", "43": "available",
}  # fmt: skip
"""Item of CLAIM 2024 -> what of the records answers it."""
TRIPOD: Mapping[str, str] = {
    "4": "aims", "10": "size", "11": "missing", "12a": "parts", "12c": "chosen", "12e": "measures", "16": "evaluated",
    "18f": "available", "21": "numbers", "23a": "results",
}  # fmt: skip
"""Item of TRIPOD+AI -> the same."""
CLAIM_ITEMS = tuple(str(item) for item in range(1, 45))
TRIPOD_ITEMS = (
    "1", "2", "3a", "3b", "3c", "4", "5a", "5b", "6a", "6b", "6c", "7", "8a", "8b", "8c", "9a", "9b", "9c", "10", "11",
    "12a", "12b", "12c", "12d", "12e", "12f", "12g", "13", "14", "15", "16", "17", "18a", "18b", "18c", "18d", "18e",
    "18f", "19", "20a", "20b", "20c", "21", "22", "23a", "23b", "24", "25", "26", "27a", "27b", "27c",
)  # fmt: skip


def checklists_text(findings: Findings, say: Words = ENGLISH) -> str:
    """The answers, ready to be copied, in Markdown; then the items that the records do not answer."""
    told = _answers(findings, say)
    parts = [
        "# " + markdown(say("checklist.title", study=findings.study.name)),
        markdown(say("checklist.about")),
        "## NeurIPS",
        "**" + markdown(say("checklist.error_bars")) + "** " + markdown(_error_bars(findings, say)),
        "**" + markdown(say("checklist.compute")) + "** " + markdown(_compute(findings, say)),
    ]
    for name, items, answered in (("CLAIM 2024", CLAIM_ITEMS, CLAIM), ("TRIPOD+AI", TRIPOD_ITEMS, TRIPOD)):
        known = {item: told[what] for item, what in answered.items() if told.get(what)}
        parts += [f"## {name}", "\n".join(_lines(known, answered, say))]
        left = [item for item in items if item not in known]
        parts.append(markdown(say("checklist.open", items=say("join.comma").join(left))))
    return "\n\n".join(parts) + "\n"


def _lines(known: Mapping[str, str], answered: Mapping[str, str], say: Words) -> Iterator[str]:
    for item, text in known.items():
        topic = say(f"topic.{answered[item]}")
        yield "- **" + markdown(say("checklist.item", item=item, topic=topic)) + "** " + markdown(text)


def _answers(findings: Findings, say: Words) -> dict[str, str]:
    """What the records say on each topic; empty where they say nothing."""
    evidence, join = findings.evidence, say("join.sentence").join
    design = design_lines(findings, say)
    is_known = evidence.test is not None and evidence.parts_known
    unreadable = len(findings.data.unreadable)
    metric = say("checklist.metric", metric=metric_words(findings.study.metric))
    statistics = say("checklist.see_methods")
    by_image = say("checklist.by_image")
    robust = findings.robustness is not None and bool(findings.robustness.thresholds)
    size = "checklist.size_changed" if plan_was_changed(findings) else "checklist.size"
    internal, external = say("checklist.internal") if is_known else "", _external(findings, say)
    return {
        "aims": findings.study.question,
        "missing": say("checklist.unreadable", images=say.count(unreadable, "image")) if unreadable else "",
        "parts": join(design[1:2]),
        "level": join(group_lines(findings, say)[:1]) or (by_image if evidence.images and is_known else ""),
        "size": say(size, replicates=say.count(evidence.replicates, "replicate")) if evidence.test else "",
        "model": _models(findings, say),
        "software": _software(findings, say),
        "chosen": join(design[2:3]),
        "metric": metric,
        "measures": join([metric, statistics]),
        "statistics": statistics,
        "robust": say("checklist.robust") if robust else "",
        "internal": internal,
        "external": external,
        "evaluated": join(filter(None, [internal, external])),
        "numbers": _numbers(findings, say),
        "results": first_sentence(findings, say) if findings.effects else "",
        "failures": say("checklist.failures") if findings.exploratory.images is not None else "",
        "available": _available(findings, say),
    }


def _error_bars(findings: Findings, say: Words) -> str:
    """What the intervals are, what varies in them, and what the number behind ± is."""
    if not any(effect.measured.lo is not None for effect in findings.effects):
        return say("checklist.no_bars")
    return say("join.sentence").join([say("checklist.bars"), basis_line(findings, say), say("checklist.spread")])


def _compute(findings: Findings, say: Words) -> str:
    runs = [run for run in findings.runs.rows if run.seconds is not None]
    devices = dict.fromkeys(one.stamp.device for one in findings.provenance.groups if one.stamp.device)
    if not runs or not devices:
        return say("checklist.no_compute")
    total = sum(run.seconds or 0.0 for run in runs)
    peaks = [row.peak_bytes for row in findings.variants if row.peak_bytes]
    memory = say("checklist.memory", size=f"{max(peaks) / 1e9:.2g} GB") if peaks else ""
    told = say(
        "checklist.runs",
        runs=say.count(len(runs), "run"),
        devices=say.listed(list(devices)),
        each=duration(total / len(runs)),
        total=duration(total),
    )
    return say("join.sentence").join(filter(None, [told, memory, say("checklist.beyond")]))


def _models(findings: Findings, say: Words) -> str:
    sizes = [f"{row.name}: {row.parameters:,}" for row in findings.variants if row.parameters is not None]
    return say("checklist.models", sizes=say("join.comma").join(sizes)) if sizes else ""


def _software(findings: Findings, say: Words) -> str:
    versions: dict[str, dict[str, None]] = {}
    for group in findings.provenance.groups:
        for name, version in group.stamp.versions.items():
            versions.setdefault(name, {})[version] = None
    return say("join.comma").join(f"{name} {' / '.join(found)}" for name, found in versions.items())


def _external(findings: Findings, say: Words) -> str:
    """On which images from elsewhere the same networks were judged."""
    names = [one.facts.name for one in findings.other_sets if one.is_judged and not one.facts.copies]
    return say("checklist.external", names=say.listed(names)) if names else ""


def _numbers(findings: Findings, say: Words) -> str:
    counts = next((row.counts for row in findings.variants if row.counts), {})
    names = {"train": "column.train", "val": "column.val", "test": "column.test", "unused": "column.unused"}
    told = [f"{say(names[part])}: {number:,}" for part, number in counts.items() if part in names]
    return say("checklist.numbers", parts=say("join.comma").join(told)) if told else ""


def _available(findings: Findings, say: Words) -> str:
    stamps = [one.stamp for one in findings.provenance.groups]
    found = {
        "checklist.commit": dict.fromkeys(stamp.git_commit for stamp in stamps if stamp.git_commit),
        "checklist.code": dict.fromkeys(stamp.source_digest[:12] for stamp in stamps if stamp.source_digest),
        "checklist.data": dict.fromkeys(stamp.data_digest[:12] for stamp in stamps if stamp.data_digest),
    }
    told = [say(key, digests=say.listed(list(digests))) for key, digests in found.items() if digests]
    return say("join.sentence").join(told)
