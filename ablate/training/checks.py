"""What can be refused before anybody has looked at the data: parts that cannot fit together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ablate.errors import SettingError
from ablate.metrics import measured_goal
from ablate.splits.rules import FirstFold, Folds, Official, Protocol, Share
from ablate.training.config import Augment, ByName, Config, Plateau
from ablate.training.config.model import FOR_CLIPS, encoder_of

KNOWN_DEVICES = "Use auto, cpu, cuda, cuda:0 or mps."
SINGLE_IMAGES = "Set it to 2 or more, or model.norm to null."


def refuse_impossible(config: Config, protocol: Protocol) -> None:
    """Raise SettingError where no data could be split as asked.

    A number of images beside a share can only be judged once the images are counted.
    """
    _refuse_other_frames(config)
    _refuse_unseeded_device(config)
    _refuse_small_images(config)
    _refuse_single_images(config)
    _refuse_unpublished_weights(config)
    _refuse_words_of_others(config)
    train = None if config.data.train == "all" else config.data.train
    val = protocol.val
    match protocol.test:
        case Folds(count=folds) | FirstFold(count=folds):
            test, asked = 1 / folds, f"{{folds: {folds}}}"
        case Share(share=float(share)):
            test, asked = share, f"{{share: {share}}}"
        case Share() | Official():
            test, asked = 0.0, ""
    # Folds and shares are rounded to whole images: what adds up to one means everything.
    if isinstance(train, float) and train + test > 1 + 1e-9:
        raise SettingError(
            "data.train",
            f"data.train ({train}) and evidence.test ({asked}) together exceed all images",
            hint=f"data.train can be {1 - test:.4g} at most, or test on fewer images.",
        )
    if val is not None and train is not None and type(val) is type(train) and val >= train:
        raise SettingError(
            "data.train",
            f"data.train ({train}) includes evidence.val ({val}), which leaves nothing to fit",
            hint="Raise data.train or lower evidence.val.",
        )
    _refuse_without_validation(config, protocol)
    _refuse_unmeasured(config, protocol)


def _refuse_other_frames(config: Config) -> None:
    """A network for images on clips of several frames, or one for clips on images."""
    name, frames = config.model.name, config.data.frames
    if frames > 1 and name not in FOR_CLIPS and not isinstance(config.model, ByName):
        raise SettingError(
            "model.name",
            f"model.name ({name}) is a network for images, and data.clip.frames is {frames}",
            hint=f"Use {' or '.join(FOR_CLIPS)}, or clip.frames: 1, which takes the frame in the middle.",
        )
    if config.data.clip is not None and config.quantization_aware is not None:
        raise SettingError(
            "quantization_aware",
            "quantization_aware rounds layers for a file in INT8, and networks of clips are not exported",
            hint="Set it to null.",
        )
    if config.data.clip is None and name in FOR_CLIPS:
        raise SettingError(
            "model.name",
            f"model.name ({name}) is a network for clips, and data.clip is null",
            hint="Use source: {name: video_folder, root: ...} and clip: {frames: 16}, or a network for images.",
        )


def _refuse_unseeded_device(config: Config) -> None:
    """A kind of device whose dropout nobody seeds step by step; whether it is there is seen when a run begins."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", config.device):
        raise SettingError(
            "device",
            f"device {config.device!r}: no run on it could be repeated",
            hint=KNOWN_DEVICES,
        )


def _refuse_small_images(config: Config) -> None:
    """A network whose pooling leaves less than one pixel; of networks by name `describe` finds it out."""
    if isinstance(config.model, ByName):
        return
    stride, side = config.model.stride, config.data.image_size
    if side < stride:
        raise SettingError(
            "data.image_size",
            f"data.image_size ({side}) is smaller than the stride of {config.model.name} ({stride})",
            hint=f"Set data.image_size to {stride} or more, or choose a network with fewer poolings.",
        )


def _refuse_single_images(config: Config) -> None:
    """Batch norm compares the images of a batch; frozen ones and networks by name are looked at by `describe`."""
    has_norm = not isinstance(config.model, ByName) and config.model.norm is not None
    if not has_norm or config.freeze is not None:
        return
    for key, size in (("numerics.micro_batch", config.numerics.micro_batch), ("batch_size", config.batch_size)):
        if size == 1:
            raise SettingError(
                key, f"{key} (1) is too small for batch norm, which compares the images of a batch", hint=SINGLE_IMAGES
            )


def _refuse_unpublished_weights(config: Config) -> None:
    """Weights that are named after the model, of a model that their library does not have."""
    if config.weights is None:
        return
    if config.weights.timm is not None and not config.model.name.startswith("timm:"):
        raise SettingError(
            "weights.timm",
            f"weights.timm are those of a network of timm, and the model is {config.model.name}",
            hint="Write model: {name: 'timm:NAME'}, or take weights of torchvision or of a file.",
        )
    if config.weights.torchvision == "default" and not config.model.torchvision_name:
        raise SettingError(
            "weights.torchvision",
            f"torchvision has no default weights for the model {config.model.name}",
            hint="Write model: {name: 'torchvision:NAME'}, or a published one of ours; or name the weights.",
        )


def _refuse_words_of_others(config: Config) -> None:
    """Weights behind a vocabulary are those of its words, and another run may have learnt other ones."""
    block, encoder = config.weights, encoder_of(config.model)
    if block is None or encoder is None or encoder.name != "tfidf" or "head" in (block.fresh or ()):
        return
    key = next(key for key in ("torchvision", "timm", "file", "run") if getattr(block, key) is not None)
    raise SettingError(
        f"weights.{key}",
        f"weights.{key} would give the words of model.text ({encoder.name}) the weights of other words: a vocabulary "
        "is fitted in each run",
        hint="Let the layers behind the join begin anew: weights.fresh: [head].",
    )


def _refuse_without_validation(config: Config, protocol: Protocol) -> None:
    watching = {
        "early_stopping": config.early_stopping is not None,
        "schedule.metric": isinstance(config.schedule, Plateau) and config.schedule.metric == "val/loss",
    }
    for key, watches in watching.items():
        if watches and protocol.val is None:
            raise SettingError(key, f"{key} needs validation images", hint="Set evidence.val, such as val: 0.1.")


def _refuse_unmeasured(config: Config, protocol: Protocol) -> None:
    """Raise SettingError where the study is judged by a metric that its runs would not report."""
    metric, several = protocol.metric, config.data.multi_label
    if metric == "robust_accuracy" and config.robustness is None:
        raise SettingError(
            "evidence.metric",
            "evidence.metric is robust_accuracy, and robustness is null",
            hint="Say what the images are attacked with: robustness: {eps: 0.031, steps: 10, step_size: 0.0078}.",
        )
    if metric == "robust_accuracy" and protocol.weights == "best":
        raise SettingError(
            "evidence.weights",
            "evidence.weights: best needs a metric that is measured each epoch, and robust_accuracy is not",
            hint="Use weights: last, or judge by accuracy and read robust_accuracy beside it.",
        )
    of_both = metric == "macro_f1" or measured_goal(metric) is None
    wanted = several if of_both else metric == "mean_average_precision"
    if wanted != several:
        raise SettingError(
            "evidence.metric",
            f"evidence.metric is {metric}, which is not measured where data.multi_label is {str(several).lower()}",
            hint="Use macro_f1 or accuracy.",
        )


def refuse_idle_views(config: Config, tta: Mapping[str, Any]) -> None:
    """Raise SettingError for views of a test image that would show nothing new."""
    if tta.get("draws") and config.augment == Augment():
        raise SettingError(
            "augment",
            f"tta.draws ({tta['draws']}) asks for draws of the training augmentation, and there is none",
            hint="Derive from a variant with augment, or write {flip: true}.",
        )
    if tta.get("crops") and 2 * tta["crops"] > config.data.image_size:
        raise SettingError(
            "data.image_size",
            f"tta.crops ({tta['crops']}) pads by more than half of the {config.data.image_size} pixels of an image",
            hint="Lower tta.crops.",
        )
