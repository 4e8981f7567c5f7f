"""Studies, plans, runs and cells with sane defaults; a test overrides the one thing it is about.

Studies use the torch-free toy trainer. Runs are written as a trainer leaves them: a journal and the
scores of every test image.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ablate.records import Cell, Cost, Failed, FailureReason, Finished, RunResult, Stamp
from ablate.report.gather.assemble import Findings, make_findings
from ablate.results.survey import CurrentProvenance
from ablate.splits.rules import Folds, Replicate
from ablate.store.journal import NAME
from ablate.study.load import load_study
from ablate.study.plan import Plan, make_plan
from ablate.study.study import Study

START = 1_750_000_000.0
"""When every built run began: seconds since 1970."""
FACTORS: Mapping[str, Any] = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}}
STAMP = Stamp(
    source_digest="c0de" * 16,
    data_digest="da7a" * 16,
    versions={"python": "3.11.7", "numpy": "2.4.6"},
    device="cpu: toy",
    git_commit="f00d" * 10,
    platform="Linux",
)


def a_study(
    *,
    design: str | None = "chain",
    factors: Mapping[str, Any] = FACTORS,
    evidence: Mapping[str, Any] | None = None,
    sets: Sequence[str] = (),
    other_design: str | None = None,
    **more: Any,
) -> Study:
    """A study of the toy, read from a file called studies/toy.yaml: three folds, one look at three replicates.

    evidence: merged over the defaults. more: further blocks of the file, such as compare or published.
    """
    content: dict[str, Any] = {
        "study": "toy",
        "question": "Which changes help the toy?",
        "trainer": "ablate.toy:train",
        "base": {"skill": 60.0, "images": 600},
        "evidence": {"test": {"folds": 3}, "replicates": [3]} | dict(evidence or {}),
    } | more
    if design is not None:
        content[design] = dict(factors)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "toy.yaml"
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        study = load_study(path, sets=sets, design=other_design)
    return replace(study, document=replace(study.document, name="studies/toy.yaml"))


def a_plan(**changes: Any) -> Plan:
    """The plan of `a_study(**changes)`."""
    return make_plan(a_study(**changes))


def a_finished(
    folder: Path,
    *,
    scores: Mapping[str, float] | None = None,
    metrics: Mapping[str, float] | None = None,
    test_digest: str = "test",
    epochs: int = 3,
    validated: bool = True,
    **changes: Any,
) -> Finished:
    """A run that ended well, with its journal and, where there are scores, its outcomes.npz.

    scores: image id -> score. metrics: by default the mean score as accuracy, and a loss.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if metrics is None:
        accuracy = float(np.mean(list(scores.values()))) if scores else 0.8
        metrics = {"accuracy": accuracy, "loss": 2 * (1 - accuracy)}
    fields: dict[str, Any] = {
        "cost": Cost(parameters=1000, flops=2000, steps=30, images_seen=960, peak_bytes=10_000_000),
        "stamp": STAMP,
        "seconds": 2.0,
        "epoch": epochs or None,
    } | changes
    if scores is not None:
        np.savez(folder / "outcomes.npz", id=np.array(list(scores)), score=np.array(list(scores.values()), np.float32))
        fields |= {"images": "outcomes.npz", "test_digest": test_digest}
    finished = Finished(folder=folder, metrics=metrics, **fields)
    events: list[tuple[str, Any]] = [("started", {"attempt": folder.name})]
    events += [("epoch", an_epoch(number, finished, validated=validated)) for number in range(1, epochs + 1)]
    write_journal(folder, [*events, ("finished", finished.to_json())])
    return finished


def an_epoch(number: int, finished: Finished, *, validated: bool = True) -> dict[str, Any]:
    """What a run reports after an epoch: half the way to its end each time."""
    done = 1 - 0.5**number
    metrics = {"train/accuracy": min(1.0, 0.9 * done + 0.1), "train/loss": 2 * (1 - done)}
    if validated:
        metrics |= {"val/accuracy": finished.metrics.get("accuracy", 0.5) * done, "val/loss": 2.2 * (1 - done) + 0.1}
    return {"epoch": number, "metrics": metrics, "seconds": 0.5}


def a_failed(
    folder: Path, *, reason: FailureReason = "error", message: str = "ValueError: the toy was asked to fail"
) -> Failed:
    """A run that ended without a result, with its journal."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = Failed(folder=folder, reason=reason, message=message)
    write_journal(folder, [("started", {"attempt": folder.name}), ("failed", failed.to_json())])
    return failed


def write_journal(folder: Path, events: Sequence[tuple[str, Any]]) -> None:
    """A journal of (kind, data), one event a second; at once, because syncing each line takes time."""
    lines = [
        json.dumps({"sequence": i, "time": START + i, "kind": kind, "data": data})
        for i, (kind, data) in enumerate(events)
    ]
    (folder / NAME).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def cells_with(
    plan: Plan,
    work: Path,
    *,
    effect: float = 10.0,
    levels: Mapping[str, float] | None = None,
    results: Mapping[tuple[str, int], RunResult | None] | None = None,
    look: int = 1,
    images: int = 600,
    noise: float = 0.5,
    scored: bool = True,
    **run: Any,
) -> list[Cell]:
    """A cell for every run of the plan up to a look, drawn from known true levels.

    effect: points by which every variant but the first is better; levels: variant -> true accuracy in
    percent, where it shall be another. results: what became of single cells instead. noise: standard
    deviation of a run's true accuracy, in points. run: handed to `a_finished`.
    """
    cells = []
    for variant, spec in plan.runs(look):
        index = spec.replicate.index
        key = (variant.name, index)
        result: RunResult | None
        if results is not None and key in results:
            result = results[key]
        else:
            default = 60.0 + (effect if variant.name != plan.variants[0].name else 0.0)
            accuracy = (levels or {}).get(variant.name, default)
            position = [v.name for v in plan.variants].index(variant.name)
            scores = draw_scores(accuracy, index, position, images=images, noise=noise, test=plan.protocol.test)
            metrics = None
            if not scored:
                mean = float(np.mean(list(scores.values())))
                metrics = {"accuracy": mean, "loss": 2 * (1 - mean)}
            result = a_finished(
                work / ".ablate" / "runs" / f"{position:02d}-{index:02d}" / "001",
                scores=scores if scored else None,
                metrics=metrics,
                test_digest=f"test {index}",
                **run,
            )
        cells.append(Cell(variant=variant.name, replicate=Replicate(index=index), result=result))
    return cells


def draw_scores(
    accuracy: float, replicate: int, variant: int, *, images: int, noise: float, test: object
) -> dict[str, float]:
    """Right (1) or wrong (0) for each test image; half of its fate is its difficulty, half the run's luck."""
    part = range(images)
    if isinstance(test, Folds):
        part = range(replicate % test.count, images, test.count)
    luck = np.random.default_rng([7, replicate, variant])
    difficulty = np.random.default_rng(7).uniform(size=images)[list(part)]
    hardness = (difficulty + luck.uniform(size=len(part))) / 2
    right = min(1.0, max(0.0, (accuracy + noise * luck.standard_normal()) / 100))
    easiest = set(np.argsort(hardness)[: round(right * len(part))].tolist())
    return {f"image {i:05d}": float(position in easiest) for position, i in enumerate(part)}


def findings_of(
    study: Study, work: Path, *, look: int = 1, origin: CurrentProvenance | None = None, **cells: Any
) -> Findings:
    """What a report of this study says over `cells_with(**cells)`."""
    plan = make_plan(study)
    drawn = cells_with(plan, work, look=look, **cells)
    return make_findings(study, plan, drawn, look=look, prepared={}, work=work, origin=origin)
