"""What the verdicts rest on, what is wrong with the runs, and how to go on: lines of plain text."""

from __future__ import annotations

from ablate.report.facts.findings import Findings
from ablate.report.facts.next_steps import OpenStep, Settling, beyond_practice
from ablate.report.wording.groups import group_lines
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import duration
from ablate.report.wording.robustness import robustness_lines
from ablate.report.wording.sentences import metric_words, size_words, threshold_words
from ablate.report.wording.verdicts import VERDICTS
from ablate.splits.rules import FirstFold, Folds, Official, Share, TestRule
from ablate.stats.looks import SO_FAR


def banners(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """What must be seen before anything else: that the study is a small version, that the images are made up."""
    small = [say("warning.small", keeps=findings.study.small)] if findings.study.small else []
    return small + [say("warning.synthetic", note=f"{note[:1].upper()}{note[1:]}") for note in findings.data.synthetic]


def warnings(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """What a reader must know before the first number: runs that are missing, stale or made unlike the others."""
    lines = []
    if findings.runs.failed:
        names = [
            say("warning.failed_run", variant=run.variant, replicate=run.replicate, reason=run.reason)
            for run in findings.runs.failed
        ]
        lines.append(say("warning.failed", runs=say.count(len(findings.runs.failed), "run"), names=say.listed(names)))
    if findings.runs.missing:
        many = len(findings.runs.missing)
        key = "warning.missing" if findings.evidence.closed is None else "warning.unfinished"
        lines.append(say.form(key, many, runs=say.count(many, "run")))
    if findings.provenance.stale:
        what = say.listed(sorted({reason for run in findings.provenance.stale for reason in run.differences}))
        variants = say.listed(list(dict.fromkeys(run.variant for run in findings.provenance.stale)))
        runs = say.count(len(findings.provenance.stale), "run")
        lines.append(say("warning.stale", runs=runs, variants=variants, what=what))
    for mixed in findings.provenance.mixed:
        values = [
            say("warning.mixed_value", value=value, runs=say.count(runs, "run")) for value, runs in mixed.values.items()
        ]
        lines.append(say("warning.mixed", what=mixed.what, values=say.listed(values)))
    return [*lines, *findings.notices.cautions]


def evidence_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """How many runs, on which images, judged when and by which thresholds, chosen on what, how noisy."""
    if findings.evidence.test is None:  # somebody else's numbers: nothing else is known of them
        lines = [
            _judged(findings, say),
            _thresholds(findings, say),
            basis_line(findings, say),
            *group_lines(findings, say),
            _families(findings, say),
        ]
    else:
        lines = [
            _runs(findings, say),
            _images(findings, say),
            _rarest(findings, say),
            _looks(findings, say),
            _thresholds(findings, say),
            _chosen(findings, say),
            _noise(findings, say),
            basis_line(findings, say),
            *group_lines(findings, say),
            _families(findings, say),
            *robustness_lines(findings, say),
        ]
    if not all(any(name in note for note in findings.data.notes) for name in findings.data.unreadable):
        images = say.count(len(findings.data.unreadable), "unreadable")
        lines.append(say("evidence.unreadable", images=images, names=say.listed(findings.data.unreadable)))
    return [line for line in [*lines, *findings.notices.remarks, *findings.data.plain_notes] if line]


def design_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """How many runs, tested on which images, by which weights; of somebody else's numbers how many there are."""
    if findings.evidence.test is None:
        return [_judged(findings, say)]
    return [line for line in (_runs(findings, say), _images(findings, say), _chosen(findings, say)) if line]


def _judged(findings: Findings, say: Words) -> str:
    runs = sum(run.status == "finished" for run in findings.runs.rows)
    return say("evidence.judged", variants=say.count(len(findings.variants), "variant"), runs=say.count(runs, "run"))


def _runs(findings: Findings, say: Words) -> str:
    finished = sum(run.status == "finished" for run in findings.runs.rows)
    key = "evidence.to_be_made" if findings.evidence.closed is None else "evidence.unfinished"
    more = say(key, n=len(findings.runs.missing)) if findings.runs.missing else ""
    if findings.runs.spared:
        more += say("evidence.spared", n=len(findings.runs.spared))
    return say(
        "evidence.runs",
        variants=say.count(len(findings.variants), "variant"),
        replicates=say.count(findings.evidence.replicates, "replicate"),
        finished=finished,
        runs=say.count(len(findings.runs.rows), "run"),
        failed=len(findings.runs.failed) or say("evidence.none_failed"),
        more=more,
    )


def _images(findings: Findings, say: Words) -> str:
    images = findings.evidence.images
    seen = say("evidence.images", images=say.count(images, "distinct_image")) if images is not None else ""
    if not findings.evidence.parts_known and findings.evidence.test is not None:
        same = say("evidence.same_images") if images is not None else ""
        if not findings.evidence.parts_told:
            return say("join.sentence").join(filter(None, [say("evidence.test_own", images=seen), same]))
        rule = _test_words(findings.evidence.test, say)
        return say("join.sentence").join(filter(None, [say("evidence.test_unsaid", rule=rule, images=seen), same]))
    match findings.evidence.test:
        case Folds(count=count):
            return say("evidence.folds", folds=say.count(count, "fold"), images=seen)
        case Share(share=share):
            size = say("evidence.share_size", share=f"{share:.0%}")
            if not isinstance(share, float):
                size = say.count(share, "image")
            return say("evidence.share", size=size, images=seen)
        case Official():
            return say("evidence.official", images=seen)
        case FirstFold(count=count):
            return say("evidence.first_fold", folds=say.count(count, "fold"), images=seen)
        case None:
            return ""


def _test_words(test: TestRule, say: Words) -> str:
    match test:
        case Folds(count=count):
            return say.count(count, "fold")
        case Share(share=share):
            return say("evidence.share_size", share=f"{share:.0%}") if share < 1 else say.count(int(share), "image")
        case _:
            return say("evidence.own_part")


def _looks(findings: Findings, say: Words) -> str:
    evidence, share = findings.evidence, f"{findings.evidence.share:.0%}"
    replicates = say.count(evidence.replicates, "replicate")
    looks = say.listed([str(look) for look in (evidence.closed or evidence).looks])
    if evidence.closed is not None:
        text = say("evidence.closed", looks=looks, replicates=replicates, share=share)
    elif len(evidence.looks) == 1:
        return say("evidence.one_look", replicates=replicates)
    else:
        text = say("evidence.looks", looks=looks, look=evidence.look, share=share)
    earlier = [effect.compared.name for effect in findings.effects if effect.course.look < evidence.look]
    if earlier:
        text += say("join.sentence") + say("evidence.earlier", names=say.listed(earlier))
    if any(effect.course.early or effect.course.stopped for effect in findings.effects):
        text += say("join.sentence") + say("evidence.early")
    return text


def _thresholds(findings: Findings, say: Words) -> str:
    evidence, metric = findings.evidence, findings.study.metric
    sizes = {
        "worthwhile": threshold_words(evidence.worthwhile, metric, say),
        "negligible": threshold_words(evidence.negligible, metric, say),
    }
    missing = [name for name in ("negligible", "worthwhile") if getattr(evidence, name) is None]
    if not missing:
        return say("evidence.thresholds_judged" if evidence.test is None else "evidence.thresholds", **sizes)
    verdicts = {shown.threshold: word for word, shown in VERDICTS.items() if shown.threshold}
    stated = "evidence.stated_judged" if evidence.test is None else "evidence.stated"
    lines = [say.by("only", name).format(size=sizes[name]) for name in sizes if name not in missing]
    return say("join.sentence").join(
        [
            *lines,
            say(
                "evidence.no_threshold",
                metric=metric_words(metric),
                verdicts=say.listed([say("heading.quoted", sentence=say.by("verdict", verdicts[n])) for n in missing]),
                names=say.listed([say(stated, name=name) for name in missing]),
            ),
        ]
    )


def _chosen(findings: Findings, say: Words) -> str:
    evidence = findings.evidence
    if evidence.weights is None or not evidence.parts_known:
        return say("join.sentence").join([_weights_told(findings, say), _val_told(findings, say)])
    if evidence.val is None:
        return say("evidence.last" if evidence.weights == "last" else "evidence.best_told")
    size = say("evidence.share_size", share=f"{evidence.val:.0%}")
    if not isinstance(evidence.val, float):
        size = say.count(evidence.val, "image")
    kept = say("evidence.kept", size=size)
    if evidence.weights == "best":
        return say("evidence.best", metric=metric_words(findings.study.metric), kept=kept)
    return say("evidence.last_kept", kept=kept)


def _weights_told(findings: Findings, say: Words) -> str:
    """Whose weights were tested, as far according to the trainer."""
    match findings.evidence.weights:
        case "last":
            return say("evidence.last_told")
        case "best":
            return say("evidence.best_told")
        case _:
            return say("evidence.weights_unsaid")


def _val_told(findings: Findings, say: Words) -> str:
    """What was kept for validation, as far as it is known."""
    evidence = findings.evidence
    if evidence.val is None:
        return say("evidence.no_val" if evidence.parts_known else "evidence.no_val_unsaid")
    size = say("evidence.share_size", share=f"{evidence.val:.0%}")
    if not isinstance(evidence.val, float):
        size = say.count(evidence.val, "image")
    return say("evidence.val_told" if evidence.parts_known else "evidence.val_unsaid", size=size)


def _noise(findings: Findings, say: Words) -> str:
    noise, metric = findings.evidence.noise, findings.study.metric
    if noise.runs is None:
        return say("evidence.noise_unknown")
    runs = size_words(noise.runs, metric, say)
    if noise.differences is None:
        return say("evidence.noise_runs", runs=runs)
    return say("evidence.noise", runs=runs, differences=size_words(noise.differences, metric, say))


def basis_line(findings: Findings, say: Words = ENGLISH) -> str:
    """What intervals are computed from, and so what they hold for; empty without an interval."""
    match findings.evidence.basis:
        case "images" | "common images" | "images, apart":
            groups = findings.evidence.groups
            by_group = findings.evidence.unit is not None or (groups is not None and groups.kind == "groups")
            key = "evidence.basis_groups" if by_group else "evidence.basis_images"
            return say(f"{key}_once" if findings.has_single_runs else key)
        case "replicates, paired":
            return say("evidence.basis_paired")
        case "replicates, unpaired":
            return say("evidence.basis_unpaired")
        case "counts":
            return say("evidence.basis_counts")
        case None:
            return ""


def _rarest(findings: Findings, say: Words) -> str:
    if findings.evidence.rarest is None:
        return ""
    name, images = findings.evidence.rarest
    return say("evidence.rarest", metric=metric_words(findings.study.metric), name=name, n=images)


def _families(findings: Findings, say: Words) -> str:
    parts = [
        say("evidence.family", n=say.in_words(effects[0].compared.family_size), family=family)
        for family, effects in findings.families.items()
    ]
    if not parts:
        return ""
    return say("evidence.families", families=say.listed(parts), alpha=f"{findings.evidence.alpha:.0%}")


def settling_lines(findings: Findings, say: Words = ENGLISH) -> list[str]:
    """What would settle what is open, and its price; the command stands beside."""
    settling = findings.next_steps.settling
    futile = [effect.compared.name for effect in findings.effects if effect.course.stopped]
    stopped = [say("settling.futile", names=say.listed(futile))] if futile else []
    if settling is None:
        return [*stopped, say("settling.nothing" if findings.evidence.closed is None else "settling.closed")]
    return [
        *stopped,
        *(
            _open_step(step, findings, settling, say)
            for step in settling.open
            if settling.kind not in ("finish", "retry")
        ),
        _price(settling, findings, say),
    ]


def how_to_go_on(findings: Findings, say: Words = ENGLISH) -> str:
    """What is open, what going on costs and the command for it, in one line; empty where nothing is open."""
    settling = findings.next_steps.settling
    if settling is None:
        return ""
    names = say.listed([step.name for step in settling.open])
    parts = [
        say("settling.open", names=names) if names else "",
        _price(settling, findings, say),
        settling.command,
    ]
    return " ".join(filter(None, parts))


def _open_step(step: OpenStep, findings: Findings, settling: Settling, say: Words) -> str:
    gain = threshold_words(findings.evidence.worthwhile, findings.study.metric, say)
    needed = step.needed
    if needed is None and step.verdict == "undecided" and findings.evidence.worthwhile is None:
        return say("settling.no_threshold", name=step.name)
    if step.reason.startswith(SO_FAR):
        return say("settling.thin", name=step.name, reason=step.reason)
    if needed is None:
        return say("settling.single", name=step.name)
    if needed.unit == "images":
        key = "settling.images" if step.images_dominate else "settling.images_larger"
        return say(key, name=step.name, gain=gain, images=say.count(needed.number, "test_image"))
    if needed.number == 0:
        return say("settling.enough", name=step.name, gain=gain)
    if settling.kind in ("declared", "images", "larger") and beyond_practice(needed, settling.replicates_before):
        key = "settling.beyond" if findings.evidence.groups is None else "settling.beyond_groups"
        key = key if step.images_dominate else "settling.beyond_larger"
        return say(key, name=step.name, gain=gain, replicates=say.count(needed.number, "further_replicate"))
    key = "settling.at_least" if needed.at_least else "settling.about"
    return say(key, name=step.name, gain=gain, replicates=say.count(needed.number, "further_replicate"))


def _price(settling: Settling, findings: Findings, say: Words) -> str:
    runs = say.count(settling.runs, "run")
    if settling.seconds is not None:
        runs = say("settling.timed", runs=runs, time=duration(settling.seconds))
    key = {"images": "more_images"}.get(settling.kind, settling.kind)
    if settling.kind == "images" and findings.evidence.groups is not None:
        key = "more_groups"
    if settling.kind == "declared" and settling.replicates_before == 1:
        key = "instead"
    return say(f"settling.{key}", runs=runs, replicates=say.count(settling.replicates, "replicate"))
