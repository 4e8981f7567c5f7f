"""Small trainings with sane defaults: digits at 8x8, a VGG of two convolutions, two epochs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ablate.execute.live import LiveRun, Task
from ablate.protocols import Executor
from ablate.records import Finished, RunResult, RunSpec
from ablate.settings import identity_of
from ablate.splits.rules import Protocol, Replicate, Share
from ablate.store.journal import Journal
from ablate.store.work_folder import Store
from ablate.trainer import load_trainer
from ablate.training.config import Config

BUILT_IN = "ablate.training:train"

TINY: Mapping[str, Any] = {
    "data": {
        "source": {"name": "digits"},
        "classes": 10,
        "image_size": 8,
        "channels": 1,
        "normalize": {"mean": [0.5], "std": [0.5]},
        "train": 70,
    },
    "model": {"name": "vgg", "blocks": [1, 1], "width": 4, "head": {"name": "gap"}},
    "optimizer": {"name": "adam", "lr": 1e-2},
    "batch_size": 16,
    "epochs": 2,
    "device": "cpu",
}

PROTOCOL = Protocol(test=Share(share=60), val=20)

LOADED: Mapping[str, Any] = {
    "model": {
        "name": "vgg",
        "blocks": [1, 1],
        "width": 4,
        "norm": {"name": "batch"},
        "dropout": {"features": 0.3, "classifier": 0.3},
        "head": {"name": "fc", "hidden": [16], "pool": 2},
    },
    "optimizer": {"name": "adam", "lr": 1e-2, "weight_decay": 1e-3},
    "warmup": {"epochs": 1},
    "schedule": {"name": "cosine"},
    "augment": {"crop": {"padding": 1}, "flip": {}},
    "smoothing": {"alpha": 0.1},
    "clipping": {"norm": 1.0},
}
"""Everything switched on that has a state or draws at random."""


ALL_AUGMENT: Mapping[str, Any] = {
    "crop": {"padding": 1},
    "flip": {},
    "resized_crop": {"scale": [0.8, 1.0]},
    "rotation": {"degrees": 15.0, "interpolation": "bilinear"},
    "affine": {"translate": 0.1, "shear": 20.0, "scale": [0.9, 1.1], "interpolation": "bilinear"},
    "randaugment": {},
    "color": {"brightness": 0.2, "contrast": 0.2},
    "noise": {"std": 0.1},
    "salt_and_pepper": {"share": 0.01},
    "cutout": {"side": 2},
    "erasing": {"fill": "mean"},
}
"""Every random change to grey images."""

TRICKS: Mapping[str, Mapping[str, Any]] = {
    "averaged": {
        "averaging": {"decay": 0.9},
        "adversarial": {"eps": 0.02, "steps": 2, "step_size": 0.02},
        "schedule": {"name": "plateau", "metric": "val/loss", "patience": 0, "threshold": 0.02},
        "warmup": {"epochs": 1, "start": {"lr": 1e-3}},
        "penalties": {"l1": 1e-4, "l2": 1e-3},
        "numerics": {"micro_batch": 6},
        "clipping": {"norm": 1.0},
    },
    "mixed": {
        "mixing": {"name": "cutmix"},
        "smoothing": {"alpha": 0.1, "among": "wrong"},
        "class_weights": "balanced",
        "schedule": {"name": "cyclical", "rise": 0.75},
        "optimizer": {"name": "rmsprop", "lr": 3e-3, "alpha": 0.9, "momentum": 0.5},
    },
    "balanced": {
        "sampling": "balanced",
        "loss": {"name": "focal"},
        "mixing": {"name": "mixup"},
        "warmup": None,
        "schedule": {"name": "one_cycle"},
        "optimizer": {"name": "adagrad", "lr": 0.1, "parts": {"head": {"lr": 0.05}}},
    },
    "rounded": {"quantization_aware": {"bits": 7}},
}
"""Trainings that between them use every technique beside augmentation."""


def a_config(changes: Mapping[str, Any] | None = None, **more: Any) -> Config:
    """The tiny training; blocks given replace whole blocks, `data` is merged."""
    changes = {**(changes or {}), **more}
    data = {**TINY["data"], **changes.pop("data", {})}
    return Config.model_validate({**TINY, **changes, "data": data})


def a_spec(
    config: Mapping[str, Any] | Config | None = None,
    *,
    trainer: str = BUILT_IN,
    protocol: Protocol = PROTOCOL,
    replicate: int = 0,
) -> RunSpec:
    """A run of the tiny training, or of another trainer with a config of its own."""
    settings = config
    if not isinstance(settings, Config):
        settings = load_trainer(trainer).config.model_validate(dict(config or {}))
    return RunSpec(
        trainer=trainer,
        config=settings.model_dump(mode="json"),
        identity=identity_of(settings),
        protocol=protocol,
        replicate=Replicate(index=replicate),
    )


def a_task(work: Path, spec: RunSpec, **fields: Any) -> Task:
    """What stands in the spec.json of an attempt at `spec` in this work folder."""
    return Task(spec=spec, work=work, **({"source_digest": "code", "data_digest": "data"} | fields))


def an_attempt(task: Task) -> Path:
    """A fresh attempt's folder, as the coordinator makes it."""
    return Store(task.work).new_attempt(task.spec, task.envelope())


def a_live_run(work: Path, spec: RunSpec, **fields: Any) -> LiveRun:
    """A run as a worker hands it to a trainer, in a fresh attempt."""
    task = a_task(work, spec, **fields)
    folder = an_attempt(task)
    return LiveRun(task=task, folder=folder, journal=Journal(folder))


def carried_out(executor: Executor, task: Task, *, while_running: Callable[[Path], None] | None = None) -> Path:
    """One attempt at the task by the executor, to its end; its folder."""
    attempt = an_attempt(task)
    executor.start(attempt)
    while not executor.finished(0.02):
        if while_running is not None:
            while_running(attempt)
    return attempt


def finished(result: RunResult | None) -> Finished:
    """The result, which must not be a failure."""
    assert isinstance(result, Finished), result
    return result


def share_cache(source: Path, work: Path) -> Path:
    """Give a work folder the decoded images of another; the folder."""
    if Store(source).cache.exists():
        shutil.copytree(Store(source).cache, Store(work).cache)
    return work
