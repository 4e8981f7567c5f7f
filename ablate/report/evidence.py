"""What the verdicts rest on, what is wrong with the runs, and how to go on: lines of plain text."""

from __future__ import annotations

from ablate.records import Folds, Official, Share
from ablate.report.facts import Findings, OpenStep, Settling
from ablate.report.numbers import counted, duration, in_words, listed
from ablate.report.words import metric_words, size_words


def warnings(findings: Findings) -> list[str]:
    """What a reader must know before the first number: runs that are missing, stale or made unlike the others."""
    lines = []
    if findings.failed:
        names = listed([f"{run.variant} (replicate {run.replicate}, {run.reason})" for run in findings.failed])
        lines.append(
            f"{counted(len(findings.failed), 'run')} failed: {names}. "
            "A comparison uses the replicates in which all its variants finished."
        )
    if findings.missing:
        many = len(findings.missing)
        lines.append(
            f"{counted(many, 'run')} of this look {'has' if many == 1 else 'have'} not been made yet; "
            "the comparisons that wait for them are not judged."
        )
    if findings.stale:
        what = listed(sorted({reason for run in findings.stale for reason in run.differences}))
        variants = listed(list(dict.fromkeys(run.variant for run in findings.stale)))
        lines.append(f"{counted(len(findings.stale), 'run')} of {variants} were made before {what} changed.")
    for mixed in findings.mixed:
        values = listed([f"{value} ({counted(runs, 'run')})" for value, runs in mixed.values.items()])
        lines.append(f"Runs that are compared differ in {mixed.what}: {values}.")
    return [*lines, *findings.cautions]


def evidence_lines(findings: Findings) -> list[str]:
    """How many runs, on which images, judged when and by which thresholds, chosen on what, how noisy."""
    lines = [
        _runs(findings),
        _images(findings),
        _looks(findings),
        _thresholds(findings),
        _chosen(findings),
        _noise(findings),
        _basis(findings),
        _families(findings),
    ]
    if findings.unreadable:
        lines.append(
            f"{counted(len(findings.unreadable), 'unreadable picture')} left out: {listed(findings.unreadable)}."
        )
    return [line for line in [*lines, *findings.data_notes] if line]


def _runs(findings: Findings) -> str:
    finished = sum(run.status == "finished" for run in findings.runs)
    return (
        f"{counted(len(findings.variants), 'variant')}, {counted(findings.evidence.replicates, 'replicate')} of each: "
        f"{finished} of {counted(len(findings.runs), 'run')} finished, "
        f"{len(findings.failed) or 'none'} failed"
        f"{f', {len(findings.missing)} still to be made' if findings.missing else ''}"
        f"{f', {len(findings.spared)} spared, their comparisons being decided' if findings.spared else ''}."
    )


def _images(findings: Findings) -> str:
    images = findings.evidence.images
    number_of = f" ({counted(images, 'distinct test image')} so far)" if images is not None else ""
    match findings.evidence.test:
        case Folds(count=count):
            return (
                f"The images are cut into {counted(count, 'fold')}; each replicate is tested on the next one"
                f"{number_of}. In a replicate every variant is tested on the same images."
            )
        case Share(share=share):
            size = f"{share:.0%} of all images" if isinstance(share, float) else counted(share, "image")
            return f"Every run is tested on the same fixed part, {size}{number_of}."
        case Official():
            return f"Every run is tested on the data set's own test part{number_of}."


def _looks(findings: Findings) -> str:
    evidence = findings.evidence
    if len(evidence.looks) == 1:
        return f"One look at the results was planned, after {counted(evidence.replicates, 'replicate')}."
    text = (
        f"Looks at the results were planned after {listed([str(look) for look in evidence.looks])} replicates. This "
        f"is look {evidence.look}; it may spend {evidence.share:.0%} of the error allowed, so that going on is valid."
    )
    earlier = [effect.name for effect in findings.effects if effect.look < evidence.look]
    if earlier:
        text += f" Decided at an earlier look, and kept with its numbers: {listed(earlier)}."
    return text


def _thresholds(findings: Findings) -> str:
    evidence, metric = findings.evidence, findings.metric
    worthwhile, negligible = size_words(evidence.worthwhile, metric), size_words(evidence.negligible, metric)
    return (
        f"A gain below {worthwhile} is not worth having, a difference below {negligible} counts as none: "
        "fixed in the study file, where no change under test can touch them."
    )


def _chosen(findings: Findings) -> str:
    evidence = findings.evidence
    if evidence.val is None:
        return "The weights of the last epoch are tested: nothing was chosen, and no image was kept for validation."
    kept = (
        f"{evidence.val:.0%} of all images" if isinstance(evidence.val, float) else counted(evidence.val, "image")
    ) + " kept out of training for validation"
    if evidence.weights == "best":
        return (
            f"The weights of the epoch with the best {metric_words(findings.metric)} on validation are tested "
            f"({kept}); nothing was chosen on the test images."
        )
    return f"The weights of the last epoch are tested: nothing was chosen on the test images ({kept})."


def _noise(findings: Findings) -> str:
    noise, metric = findings.noise, findings.metric
    if noise.runs is None:
        return "With one run of each variant nobody knows how much two runs of the same variant differ."
    runs = size_words(noise.runs, metric)
    text = f"Luck of split and training alone makes replicates of one variant differ by {runs}"
    if noise.differences is None:
        return f"{text} (standard deviation)."
    differences = size_words(noise.differences, metric)
    return f"{text}, and differences between two variants by {differences} (standard deviations)."


def _basis(findings: Findings) -> str:
    match findings.evidence.basis:
        case "images":
            return "Intervals are computed image by image; they hold for new images of this kind and new runs."
        case "replicates, paired":
            return (
                "There are no scores of single images for this metric, so each replicate counts as one number; "
                "variants are paired by fold."
            )
        case "replicates, unpaired":
            return (
                "There are no scores of single images for this metric, so each run counts as one number; "
                "the intervals hold for this test set, not for new images."
            )
        case None:
            return ""


def _families(findings: Findings) -> str:
    parts = [f"{in_words(len(effects))} ({family})" for family, effects in findings.families.items()]
    if not parts:
        return ""
    return (
        f"Comparisons are judged in families, each adjusted as a whole: {listed(parts)}. The chance of even one "
        f"false “better” or “worse” in a family is at most {findings.evidence.alpha:.0%}."
    )


def settling_lines(findings: Findings) -> list[str]:
    """What would settle what is open, and its price; the command stands beside."""
    settling = findings.settling
    futile = [effect.name for effect in findings.effects if effect.stopped]
    given_up = (
        f"{listed(futile)}: not pursued, for futility; the predicted chance that the looks still planned show a "
        "difference is below 10%."
    )
    stopped = [given_up] if futile else []
    if settling is None:
        return [*stopped, "Nothing is open that further runs could settle."]
    return [
        *stopped,
        *(_open_step(step, findings) for step in settling.open if settling.kind not in ("finish", "retry")),
        _price(settling),
    ]


def _open_step(step: OpenStep, findings: Findings) -> str:
    gain = size_words(findings.evidence.worthwhile, findings.metric)
    if step.needed is None:
        return f"{step.name}: one run of each variant says nothing about luck; two replicates are the least."
    if step.needed.unit == "images":
        return (
            f"{step.name}: no number of replicates shows a difference of {gain} on this test set; "
            f"it takes about {counted(step.needed.number, 'test image')}."
        )
    if step.needed.number == 0:
        return (
            f"{step.name}: by the noise seen so far these replicates suffice to show a difference of {gain}; "
            "the true one is probably smaller."
        )
    about = "at least" if step.needed.at_least else "about"
    return (
        f"{step.name}: {about} {counted(step.needed.number, 'further replicate')} would show a difference of {gain} "
        "four times in five."
    )


def _price(settling: Settling) -> str:
    runs = f"{counted(settling.runs, 'run')}"
    if settling.seconds is not None:
        runs += f", about {duration(settling.seconds)} one after another"
    match settling.kind:
        case "finish":
            return f"To finish this look: {runs}."
        case "planned":
            return f"The next planned look is after {counted(settling.replicates, 'replicate')}: {runs}."
        case "retry":
            return f"Mend what made the runs fail, then run them again: {runs}."
        case "declared" if settling.replicates_before == 1:
            return f"Plan {counted(settling.replicates, 'replicate')} instead of one: {runs}."
        case "declared":
            return (
                f"No planned look is left. One more, after {counted(settling.replicates, 'replicate')}, has to be "
                f"declared beside the earlier ones: {runs}."
            )
        case "images":
            return "Only more test images can settle this."
