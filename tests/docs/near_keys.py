"""Keys of a study file that serve one purpose: what somebody who looks one up may have meant, or may try in its place.

Kept by hand: a key by its path, those of the built-in trainer as they stand below `base`. tests/docs/test_near_keys.py
holds every path against the schema. A new key may be added to a line, or begin one; one that stands in none has no near
keys on the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PURPOSES = (
    # what is compared
    "chain one_at_a_time leave_one_out factorial compare",
    "compare control published derive",
    "extends from base",
    "trainer base",
    "about_data question",
    "derive.tta derive.ensemble averaging",
    # what it is judged by
    "evidence.metric evidence.also evidence.unit",
    "evidence.replicates evidence.until evidence.shares timeout",
    "evidence.worthwhile evidence.negligible evidence.tolerable",
    "evidence.families evidence.also compare",
    "evidence.pool evidence.also_test evidence.test",
    "evidence.test.folds evidence.test.share data.source",
    "evidence.val data.train evidence.test",
    "evidence.weights early_stopping averaging",
    "evidence.unit data.groups",
    "compare.ask evidence.tolerable",
    # searches
    "search tune evidence.val",
    "search.space search.factors tune.space",
    "search.trials search.stop_when tune.trials timeout",
    "search.sampler search.pruner search.enqueue",
    "search.objective evidence.metric",
    "search.replicates search.confirm evidence.replicates",
    "search.val search.split evidence.val tune.val",
    "tune.sampler tune.pruner tune.split",
    # around it
    "keep tracking lang timeout",
    "stand_in data.source",
    # data
    "data.source data.classes data.multi_label",
    "data.groups evidence.unit data.source",
    "data.image_size data.resize augment.crop augment.resized_crop",
    "data.channels data.normalize data.depth data.reader",
    "data.train data.seed evidence.val evidence.test",
    "data.exif data.on_bad_image data.reader",
    # the step that is taken
    "optimizer.lr schedule warmup optimizer.parts batch_size",
    "optimizer.parts freeze weights.fresh",
    "optimizer.betas optimizer.momentum optimizer.alpha optimizer.nesterov",
    "optimizer schedule warmup",
    "schedule warmup epochs early_stopping",
    "batch_size numerics.micro_batch optimizer.lr",
    "epochs early_stopping schedule evidence.weights",
    "clipping warmup optimizer.lr",
    "averaging evidence.weights derive.ensemble",
    # against overfitting
    "optimizer.weight_decay penalties model.dropout smoothing augment mixing early_stopping",
    "model.dropout optimizer.weight_decay augment.cutout",
    "penalties.l2 penalties.l1 optimizer.weight_decay",
    "mixing augment.cutout smoothing",
    "augment.crop augment.resized_crop augment.affine augment.flip",
    "augment.rotation augment.affine augment.flip augment.randaugment",
    "augment.color augment.randaugment data.normalize",
    "augment.noise augment.salt_and_pepper robustness adversarial",
    "augment.cutout augment.erasing mixing",
    "adversarial robustness augment.noise",
    # unequal classes, and what is minimised
    "class_weights sampling loss evidence.metric",
    "loss smoothing class_weights",
    # networks and weights
    "model weights freeze",
    "model.width model.blocks model.head",
    "model.norm model.dropout model.activation model.init",
    "model.head model.hidden model.width",
    "weights.torchvision weights.timm weights.file weights.run",
    "freeze.modules freeze.first freeze.all_but optimizer.parts",
    # how it is computed
    "numerics device",
    "numerics.precision numerics.channels_last numerics.threads numerics.micro_batch",
    "numerics.deterministic numerics.precision device",
    # a program in place of the built-in trainer
    "trainer.command trainer.cwd trainer.resources",
    "trainer.results trainer.metrics trainer.answers trainer.curves",
    "trainer.sources trainer.inputs trainer.images",
    "trainer.resume timeout",
)


def near(path: str) -> list[str]:
    """The keys that share a purpose with this one, in the order of the table; of a list's blocks by the list's path."""
    rows = [row.split() for row in PURPOSES]
    return list(dict.fromkeys(other for row in rows if path in row for other in row if other != path))


def block_paths(schema: Mapping[str, Any]) -> dict[str, str]:
    """Where each block of the schema stands in a study file: its name -> the path of the first key that takes it."""
    found = {"trainer": ""}
    queue = [("", schema), ("", schema["$defs"]["trainer"])]
    while queue:
        path, block = queue.pop(0)
        for key, field in block.get("properties", {}).items():
            place = f"{path}.{key}".strip(".")
            for name in _references(field):
                if name not in found:
                    found[name] = place
                    queue.append((place, schema["$defs"][name]))
    return found


def paths(schema: Mapping[str, Any]) -> set[str]:
    """Every key of a study file, by its path."""
    blocks = {"": [schema]}
    for name, path in block_paths(schema).items():
        blocks.setdefault(path, []).append(schema["$defs"][name])
    return {f"{path}.{key}".strip(".") for path, some in blocks.items() for one in some for key in one["properties"]}


def _references(field: Any) -> Iterator[str]:
    if isinstance(field, Mapping):
        if isinstance(field.get("$ref"), str):
            yield field["$ref"].removeprefix("#/$defs/")
        for value in field.values():
            yield from _references(value)
    elif isinstance(field, list):
        for value in field:
            yield from _references(value)
