"""What a frozen part makes of each image, computed once and shared by all runs that begin with it."""

from __future__ import annotations

import hashlib
import logging
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, fx, nn

from ablate.files import read_sealed, sha256_json, write_sealed
from ablate.protocols import Run
from ablate.settings import identity_of
from ablate.store.checked_copy import crc32_of, verified_copy
from ablate.training.checkpoint import TrainingState
from ablate.training.config import Config
from ablate.training.cutting import Cut, NoCut, cut_network
from ablate.training.data.augment import is_random
from ablate.training.data.parts import Subset, Subsets, resident
from ablate.training.evaluate import Alive, evaluation_batch
from ablate.training.numerics import Mode, device_name
from ablate.training.techniques.averaging import first_average

LAYOUT = 2
"""Version of the files in a folder of features."""

MOST_BYTES = 8 * 2**30
"""Larger than this, features are recomputed each time."""

LARGE_KILOBYTES = 100
"""Of one image; from here on the plan says how many images may be stored."""

STEADY = {
    "data", "model", "weights", "freeze", "optimizer", "warmup", "schedule", "batch_size", "epochs", "sampling", "loss",
    "class_weights", "smoothing", "penalties", "clipping", "averaging", "quantization_aware", "early_stopping",
    "numerics", "device",
}  # fmt: skip
"""Blocks that leave the images that enter the network as they are; any other that is on forbids the cache."""

log = logging.getLogger(__name__)


class Shortcut(NamedTuple):
    """A training that goes on from stored features: the parts give them, the network takes them."""

    parts: Subsets
    trained: TrainingState


@dataclass(frozen=True, slots=True)
class FeaturePart(Subset):
    """A part whose images are stored features: `stored` holds those of all images, batch first.

    channels_last: the memory layout in which the network would be given them.
    """

    channels_last: bool = False

    def images_of(self, chosen: Tensor) -> Tensor:
        """(n, ...) features, on the device, in the memory layout they were computed in."""
        features = self.mode.send(self.stored.index_select(0, self.rows.index_select(0, chosen)))
        # Dropout draws along the memory: in another layout it would drop other values.
        return features.contiguous(memory_format=torch.channels_last) if self.channels_last else features


def why_not(config: Config) -> str:
    """Why features of the frozen part are not stored, as far as the settings tell; empty where they can be."""
    if config.freeze is None:
        return "nothing is frozen"
    if not config.freeze.cache:
        return "freeze.cache is false"
    if config.data.clip is not None:
        return "features of clips are not stored"
    if is_random(config.augment):
        return "augment changes the images anew in each epoch"
    moving = [name for name, value in config if name not in {*STEADY, "augment"} and value]
    return f"{moving[0]} changes what the network is shown" if moving else ""


def note_on_features(config: Config, network: nn.Module, cut: Cut | NoCut | None, images: Tensor) -> str:
    """A sentence for the plan: whether the frozen part is computed once, up to where, or why not.

    images: one, where the network lies.
    """
    reason = why_not(config)
    if reason or cut is None:
        return f"frozen features are recomputed in each epoch: {reason}"
    if isinstance(cut, NoCut):
        return f"frozen features are recomputed in each epoch: {cut.reason}"
    with torch.inference_mode():
        given = cut.before.eval()(images)
    size = given[0].numel() * given.element_size() / 1000
    shown = f"{size:,.0f}" if size >= 1 else f"{size:.2g}"
    if size > LARGE_KILOBYTES:
        shown = f"{shown} kB per image, for at most {MOST_BYTES / size / 1000:,.0f} images; of more, anew each time"
        return f"frozen features are computed once, up to {cut.last} ({shown}); then comes {cut.then}"
    return f"frozen features are computed once, up to {cut.last} ({shown} kB per image); then comes {cut.then}"


def with_stored_features(config: Config, run: Run, parts: Subsets, mode: Mode, trained: TrainingState) -> Shortcut:
    """The training on features of the frozen part, which are computed now or were before.

    The same parts and network where that would change a result, or cannot be done.
    """
    plain = Shortcut(parts, trained)
    if why_not(config):
        return plain
    cut = cut_network(trained.network, trained.frozen)
    if isinstance(cut, NoCut):
        return plain
    rows = _rows(parts)
    whole = replace(parts.test, rows=rows.to(parts.test.rows.device), ready=None, text=None)
    batch = evaluation_batch(config)
    one = _computed(cut.before, parts.fit, parts.fit.places()[:1], mode)
    is_last = one.dim() == 4 and not one.is_contiguous()
    size = one[0].numel() * one.element_size() * len(rows)
    if size > min(MOST_BYTES, shutil.disk_usage(run.folder).free // 2):
        log.warning("frozen features would take %.1f GB; they are recomputed in each epoch", size / 1e9)
        return plain
    if not _is_steady(cut, trained.network, parts.fit, mode):
        log.warning("the frozen part does not give the same values twice; it is recomputed in each epoch")
        return plain
    key = _key(config, cut, parts, rows, mode)
    stored = verified_copy(
        run.cached,
        f"features/{key}",
        lambda path: _build(path, cut.before, whole, mode, batch=batch, alive=run.alive),
        lambda folder: _opened(folder, mode),
    )
    places = {int(row): place for place, row in enumerate(rows)}

    def part(old: Subset, indices: Sequence[int]) -> Subset:
        new = torch.tensor([places[index] for index in indices], dtype=torch.int64, device=stored.device)
        text = None if old.text is None else old.text.to(stored.device)
        targets = old.targets.to(stored.device)
        return FeaturePart(stored, new, targets, None, None, mode, None, text=text, channels_last=is_last)

    split = parts.split
    short = parts._replace(
        fit=part(parts.fit, split.fit), val=part(parts.val, split.val), test=part(parts.test, split.test)
    )
    average = None if trained.average is None else first_average(cut.after)
    return Shortcut(short, replace(trained, network=cut.after, average=average, whole=trained.network))


def _rows(parts: Subsets) -> Tensor:
    """The images whose features are stored: all, which runs share; its own where a run uses less than half."""
    split, total = parts.split, len(parts.images.ids)
    used = sorted((*split.fit, *split.val, *split.test))
    return torch.arange(total) if 2 * len(used) >= total else torch.tensor(used, dtype=torch.int64)


@torch.inference_mode()
def _computed(before: fx.GraphModule, part: Subset, chosen: Tensor, mode: Mode) -> Tensor:
    before.eval()
    with mode.autocast():
        features: Tensor = before(part.images_of(chosen))
    return features


def _is_steady(cut: Cut, network: nn.Module, part: Subset, mode: Mode) -> bool:
    """Whether, on a few images, the parts put together do what the network does, and each image stands alone."""
    few = part.places()[:4]
    alone = _computed(cut.before, part, few[:1], mode)
    together = _computed(cut.before, part, few, mode)
    if together.shape[0] != len(few) or not torch.allclose(alone[0], together[0], rtol=1e-3, atol=1e-4):
        return False
    was_training = network.training
    network.eval()
    cut.after.eval()
    with torch.inference_mode(), mode.autocast():
        expected = network(part.images_of(few), *part.text_of(few))
        found = cut.after(together.clone(), *part.text_of(few))
    network.train(was_training)
    return torch.allclose(found.float(), expected.float(), rtol=1e-3, atol=1e-4)


def _key(config: Config, cut: Cut, parts: Subsets, rows: Tensor, mode: Mode) -> str:
    """Everything the features depend on: images, how they enter, the part's code and weights, the arithmetic."""
    decoding = {name: value for name, value in identity_of(config.data).items() if name not in ("train", "seed")}
    weights = hashlib.sha256()
    for name, tensor in sorted(cut.before.state_dict().items()):
        weights.update(f"{name}\0{tuple(tensor.shape)}\0{tensor.dtype}\0".encode())
        weights.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    modules = [repr(cut.before.get_submodule(str(n.target))) for n in cut.before.graph.nodes if n.op == "call_module"]
    chosen = [len(rows), hashlib.sha256(rows.numpy().tobytes()).hexdigest()]
    numerics = [identity_of(config.numerics), device_name(mode.device), torch.__version__]
    code = [cut.before.code, modules]
    return sha256_json([LAYOUT, parts.images.digest, decoding, chosen, weights.hexdigest(), code, numerics])


def _build(folder: Path, before: fx.GraphModule, whole: Subset, mode: Mode, *, batch: int, alive: Alive) -> None:
    """Fill a new folder with the features of every image of the part, in its order."""
    folder.mkdir()
    check = 0
    with (folder / "features.bin").open("wb") as stream:
        done = 0
        for chosen in whole.places().split(batch):
            features = _computed(before, whole, chosen, mode).cpu().contiguous()
            content = features.view(-1).view(torch.uint8).numpy().data
            check = zlib.crc32(content, check)
            stream.write(content)
            done += len(chosen)
            alive(done, len(whole))
    about = {"shape": [len(whole), *features.shape[1:]], "dtype": str(features.dtype).removeprefix("torch.")}
    write_sealed(folder / "features.json", about | {"check": check})


def _opened(folder: Path, mode: Mode) -> Tensor | None:
    """The stored features: mapped from the file, or on the GPU where they are small enough; None where damaged."""
    about = read_sealed(folder / "features.json")
    if about is None or not (folder / "features.bin").is_file() or crc32_of(folder / "features.bin") != about["check"]:
        return None
    # Copy-on-write: torch warns of arrays it may not write to, and nobody writes.
    stored = torch.from_numpy(np.memmap(folder / "features.bin", np.uint8, mode="c"))
    stored = stored.view(getattr(torch, about["dtype"])).view(about["shape"])
    return resident(stored, mode)
