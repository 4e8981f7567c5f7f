"""Seconds and memory of judging a large study: 1,000 runs of 2,000 test images each.

    python -m benchmarks.analysis [variants] [replicates] [images]

Writes the runs to a temporary folder first, which is not counted.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ablate.records import Cell, Finished
from ablate.report.gather.assemble import make_findings
from ablate.splits.rules import Replicate
from ablate.study.load import load_study
from ablate.study.plan import make_plan


def main(variants: int = 50, replicates: int = 20, images: int = 2000) -> None:
    """Print the seconds of the analysis and the peak of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        path = work / "big.yaml"
        path.write_text(json.dumps(study_file(variants, replicates)), encoding="utf-8")
        study = load_study(path)
        plan = make_plan(study)
        cells = cells_of([variant.name for variant in plan.variants], replicates, images, work)
        started, busy = time.perf_counter(), time.process_time()
        findings = make_findings(study, plan, cells, look=len(plan.looks), prepared={}, work=work, origin=None)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what = f"{len(cells)} runs, {images} images, {len(findings.effects)} effects"
    sys.stdout.write(f"{what}: {seconds:.1f} s ({busy:.1f} s busy), {peak:.0f} MB\n")


def study_file(variants: int, replicates: int) -> dict[str, object]:
    """A chain of the toy."""
    chain = {f"step {i}": {"gain": i / 10} for i in range(1, variants)}
    evidence = {"test": {"folds": 5}, "replicates": sorted({5, 10, replicates})}
    return {
        "study": "big",
        "trainer": "ablate.toy:train",
        "base": {"skill": 60.0},
        "chain": chain,
        "evidence": evidence,
    }


def cells_of(variants: Sequence[str], replicates: int, images: int, work: Path) -> list[Cell]:
    """Every run with its scores, targets and probabilities of 17 classes, as the built-in trainer leaves them."""
    rng = np.random.default_rng(0)
    cells = []
    for r in range(replicates):
        ids = np.array([f"class {i % 17:02d}/photograph {r % 5}-{i:05d}.jpg" for i in range(images)])
        for name in variants:
            folder = work / f"{name} {r}"
            folder.mkdir()
            score = (rng.random(images) < 0.6).astype(np.float32)
            prob = rng.random((images, 17)).astype(np.float16)
            np.savez_compressed(folder / "outcomes.npz", id=ids, target=np.arange(images) % 17, score=score, prob=prob)
            metrics = {"accuracy": float(score.mean()), "loss": 1.0}
            run = Finished(
                folder=folder, metrics=metrics, images="outcomes.npz", test_digest=f"fold {r % 5}", seconds=1.0
            )
            cells.append(Cell(variant=name, replicate=Replicate(index=r), result=run))
    return cells


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
