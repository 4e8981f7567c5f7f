"""How long `ablate report` takes over many runs, and how much memory: synthetic journals and outcomes.

    python benchmarks/report_speed.py --runs 1000 --images 2000

Writes the records of that many finished runs (50 variants, one at a time) into a temporary folder, then times the
whole command in a process of its own. Nothing is trained. The promise: 1,000 runs of 2,000 test images in under
20 seconds and 1.5 GB on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ablate.records import Cost, Finished, Stamp
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.trainer import source_digest

VARIANTS, CLASSES, EPOCHS, FOLDS = 50, 10, 40, 10
TRAINER = "ablate.toy:train"
SECONDS, GIGABYTES = 20.0, 1.5


def study_text(replicates: int) -> str:
    """A study of the toy with that many runs."""
    factors = {f"change {i:02d}": {"gain": round(0.1 * i, 1)} for i in range(1, VARIANTS)}
    content = {
        "study": "many",
        "trainer": TRAINER,
        "base": {},
        "one_at_a_time": factors,
        "evidence": {"test": {"folds": FOLDS}, "replicates": [max(2, replicates // 4), replicates]},
    }
    return json.dumps(content)


def write_runs(work: Path, images: int, replicates: int) -> int:
    """Journals and outcomes of every run; the number of them."""
    path = work / "many.yaml"
    path.write_text(study_text(replicates), encoding="utf-8")
    plan = make_plan(load_study(path))
    store, source = Store(work), source_digest(TRAINER)
    rng = np.random.default_rng(7)
    difficulty = rng.random(images * FOLDS)
    targets = rng.integers(0, CLASSES, images * FOLDS).astype(np.int32)
    written = 0
    for variant, spec in plan.runs(len(plan.looks)):
        folder = store.root / "runs" / spec.fingerprint / "001"
        folder.mkdir(parents=True)
        fold = spec.replicate.index % FOLDS
        part = np.arange(fold * images, (fold + 1) * images)
        level = 0.75 + 0.002 * float(variant.config.get("gain", 0.0))
        score = (difficulty[part] / 2 + rng.random(images) / 2 < level).astype(np.float32)
        prob = rng.dirichlet(np.full(CLASSES, 0.2), images).astype(np.float16)
        np.savez_compressed(
            folder / "outcomes.npz",
            id=np.array([f"part/{i:06d}.png" for i in part]),
            target=targets[part],
            score=score,
            prob=prob,
        )
        _write_journal(folder, float(score.mean()), source, fold, rng)
        written += 1
    return written


def _write_journal(folder: Path, accuracy: float, source: str, fold: int, rng: np.random.Generator) -> None:
    finished = Finished(
        folder=folder,
        metrics={"accuracy": accuracy, "loss": 1 - accuracy},
        epoch=EPOCHS,
        images="outcomes.npz",
        test_digest=f"fold {fold}",
        cost=Cost(parameters=1000, flops=2000, steps=400, images_seen=9600, train_seconds=2.0),
        stamp=Stamp(source_digest=source, data_digest="data", versions={"python": "3.11"}, device="cpu"),
        seconds=2.0,
    )
    noise = rng.normal(0, 0.01, (EPOCHS, 2))
    events: list[tuple[str, object]] = [("started", {"attempt": "001"})]
    for number in range(1, EPOCHS + 1):
        done = 1 - 0.9**number
        train, val = (
            float(level * done + wobble) for level, wobble in zip((0.95, accuracy), noise[number - 1], strict=True)
        )
        metrics = {"train/accuracy": train, "val/accuracy": val, "train/loss": 2 - 2 * train, "val/loss": 2 - 2 * val}
        events.append(("epoch", {"epoch": number, "metrics": metrics, "seconds": 0.05}))
    events.append(("finished", finished.to_json()))
    lines = (
        json.dumps({"sequence": i, "time": 1.75e9 + i, "kind": kind, "data": data})
        for i, (kind, data) in enumerate(events)
    )
    (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def timed_report(work: Path, *, profile: Path | None = None) -> tuple[float, float, float]:
    """Seconds, seconds of one core, and gigabytes of `ablate report` in a process of its own."""
    code = "from ablate.cli import main; main()"
    start = [sys.executable, "-m", "cProfile", "-o", str(profile), "-m", "ablate"] if profile else None
    command = start or [sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    began = time.perf_counter()
    subprocess.run(
        [*command, "report", "many.yaml", "--look", "2"],
        cwd=work,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e9


def main() -> None:
    """Build, time, print; exit 1 where the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--profile", type=Path, help="Write a profile of the command there.")
    parser.add_argument("--work", type=Path, help="Build the records there, or use those that are there.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        runs = options.runs
        if not (work / ".ablate").exists():
            runs = write_runs(work, options.images, max(2, options.runs // VARIANTS))
            print(f"{runs} runs of {options.images} test images written.")
        seconds, cpu, gigabytes = timed_report(work, profile=options.profile)
        size = (work / "reports" / "many" / "report.html").stat().st_size / 1e6
        print(f"report: {seconds:.1f} s ({cpu:.1f} s of one core), {gigabytes:.2f} GB, report.html {size:.2f} MB")
    sys.exit(int(seconds > SECONDS or gigabytes > GIGABYTES))


if __name__ == "__main__":
    main()
