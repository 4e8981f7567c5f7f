"""Networks for clips: a VGG in three dimensions, and an LSTM over what a VGG makes of each frame.

Sources: Tran et al. 2015, "Learning Spatiotemporal Features with 3D Convolutional Networks", for 3x3x3 kernels and a
first pooling that leaves time alone; Donahue et al. 2015, "Long-term Recurrent Convolutional Networks".
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import torch
from torch import Tensor, nn

from ablate.training.config.model import FramesLstm, FullyConnected, GlobalAveragePool, Vgg3d
from ablate.training.models.parts import Classifier, initialise
from ablate.training.models.vgg import Blocks, Kit, fc_head, gap_head, stacked_blocks


def with_time(images: Tensor, frames: int) -> Tensor:
    """(N, C, T * H, W), frames below each other, as (N, C, T, H, W)."""
    clips: Tensor = images.unflatten(2, (frames, images.shape[2] // frames))
    return clips


class ClipClassifier(Classifier):
    """A network in two parts whose convolutions run over time as well.

    Input (N, channels, frames * S, S); output (N, classes).
    """

    def __init__(self, features: nn.Sequential, head: nn.Sequential, frames: int) -> None:
        super().__init__(features, head)
        self.frames = frames

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.features(with_time(images, self.frames)))
        return logits


def make_vgg3d(config: Vgg3d, *, channels: int, classes: int, frames: int) -> ClipClassifier:
    """Build the network; its parameters do not depend on the number of frames."""
    blocks = Blocks(config.blocks, config.width, config.norm, config.activation)
    kit = Kit(nn.Conv3d, nn.BatchNorm3d, partial(_pool, frames))
    features = stacked_blocks(blocks, channels, kit)
    if config.dropout is not None and config.dropout.features is not None:
        features["dropout"] = nn.Dropout(config.dropout.features)
    network = ClipClassifier(nn.Sequential(features), _head(config, blocks.widths[-1], classes), frames)
    initialise(network, config.init)
    return network


def _pool(frames: int, block: int) -> nn.Module:
    """Of space, and of time but in the first block, for as long as two frames are left."""
    left = frames // 2 ** max(0, block - 2)
    return nn.MaxPool3d((2 if block > 1 and left > 1 else 1, 2, 2))


def _head(config: Vgg3d, width: int, classes: int) -> nn.Sequential:
    match config.head:
        case GlobalAveragePool():
            return gap_head(nn.AdaptiveAvgPool3d(1), width, classes)
        case FullyConnected(pool=side) as head:
            dropout = None if config.dropout is None else config.dropout.classifier
            pool = nn.AdaptiveAvgPool3d((1, side, side))
            return fc_head(pool, width * side * side, head, config.activation, dropout, classes)


class FrameReader(nn.Module):
    """An LSTM over what `features` gives of each frame.

    Input (N, channels, frames * S, S); output (N, classes).
    """

    def __init__(self, features: nn.Sequential, lstm: nn.LSTM, head: nn.Sequential, frames: int) -> None:
        super().__init__()
        self.features = features
        self.lstm = lstm
        self.head = head
        self.frames = frames

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        clips = with_time(images, self.frames).transpose(1, 2)
        seen = self.features(clips.flatten(0, 1)).unflatten(0, (-1, self.frames))
        states, _ = self.lstm(seen)
        logits: Tensor = self.head(states[:, -1])
        return logits


def make_frames_lstm(config: FramesLstm, *, channels: int, classes: int, frames: int) -> FrameReader:
    """Build the network. `init` is of convolutions and the last layer; the LSTM has torch's own first weights."""
    blocks = Blocks(config.blocks, config.width, config.norm, config.activation)
    features = stacked_blocks(blocks, channels)
    features |= OrderedDict(pool=nn.AdaptiveAvgPool2d(config.pool), flatten=nn.Flatten())
    lstm = nn.LSTM(blocks.widths[-1] * config.pool**2, config.hidden, batch_first=True)
    head: OrderedDict[str, nn.Module] = OrderedDict()
    if config.dropout is not None:
        head["dropout"] = nn.Dropout(config.dropout)
    head["out"] = nn.Linear(config.hidden, classes)
    network = FrameReader(nn.Sequential(features), lstm, nn.Sequential(head), frames)
    initialise(network, config.init)
    return network


def takes_clips(network: nn.Module, frames: int) -> nn.Module:
    """A network from elsewhere, which is given (N, C, T, H, W) in place of frames below each other."""

    def unstack(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (with_time(given[0], frames),) if isinstance(given[0], torch.Tensor) else given

    network.register_forward_pre_hook(unstack)
    return network
