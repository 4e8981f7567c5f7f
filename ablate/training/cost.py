"""What a network is and costs, on the meta device: no memory, no data, no random draws."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.flop_counter import FlopCounterMode

from ablate.errors import AblateError, StudyError, TrainerError
from ablate.inspection import Description, Layer
from ablate.training.config import Config
from ablate.training.config.model import encoder_of
from ablate.training.cutting import cut_network
from ablate.training.freezing import freeze, set_training
from ablate.training.frozen_features import note_on_features, why_not
from ablate.training.models import make_network
from ablate.training.techniques.optimizers import parameter_groups

FLOAT_BYTES = 4


def describe_network(config: Config) -> Description:
    """Count parameters, and FLOPs of one image's forward pass (two a multiply-add, convolutions and products).

    Raises StudyError and TrainerError for a network that cannot be built, frozen, or used on such images.
    """
    network = weightless(config)
    frozen = freeze(network, config.freeze)
    set_training(network, frozen)
    _refuse_single_images(config, network)
    parameter_groups(config.optimizer, network.named_parameters())  # refuses parts that hold nothing
    with torch.inference_mode():
        _refuse_output(_logits(network, empty_inputs(config, 2), config), config)
    inputs = empty_inputs(config, 1)
    network.eval()
    shapes: dict[str, tuple[int, ...]] = {}
    hooks = [
        module.register_forward_hook(partial(_note_shape, shapes, name))
        for name, module in network.named_modules()
        if not any(True for _ in module.children())
    ]
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        _refuse_untestable(network, inputs)
    for hook in hooks:
        hook.remove()
    notes: tuple[str, ...] = ()
    if config.freeze is not None:
        cut = None if why_not(config) else cut_network(network, frozen)
        notes = (note_on_features(config, network, cut, inputs[0]),)
    layers = tuple(_layer(name, module, shapes) for name, module in network.named_modules() if _is_layer(module))
    return Description(
        parameters=sum(p.numel() for p in network.parameters()),
        trained=sum(p.numel() for p in network.parameters() if p.requires_grad),
        flops=counter.get_total_flops(),
        output_bytes=sum(
            FLOAT_BYTES * _size(shapes.get(name, ())) for name, m in network.named_modules() if _stores(m)
        ),
        layers=layers,
        notes=notes,
    )


def empty_inputs(config: Config, count: int) -> tuple[Tensor, ...]:
    """What the network takes of so many images, without memory: the images, and their texts' numbers with some."""
    encoder = encoder_of(config.model)
    images = torch.empty(count, *config.data.input_shape, device="meta")
    return (images,) if encoder is None else (images, torch.empty(count, encoder.width, device="meta"))


def weightless(config: Config) -> nn.Module:
    """The network on the meta device."""
    try:
        with torch.device("meta"):
            return make_network(config)
    except AblateError:
        raise
    except (RuntimeError, NotImplementedError):
        # Some builders compute with tensors, which the meta device cannot.
        with torch.random.fork_rng():
            return make_network(config).to("meta")


def _note_shape(shapes: dict[str, tuple[int, ...]], name: str, _module: nn.Module, _given: Any, output: Any) -> None:
    if isinstance(output, Tensor):
        shapes[name] = tuple(output.shape[1:])


def _is_layer(module: nn.Module) -> bool:
    """Whether a module has no parts, or parameters of its own beside its parts."""
    return not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))


def _stores(module: nn.Module) -> bool:
    """Whether a layer's output needs memory of its own."""
    return (
        _is_layer(module) and not getattr(module, "inplace", False) and not isinstance(module, nn.Flatten | nn.Identity)
    )


def _layer(name: str, module: nn.Module, shapes: dict[str, tuple[int, ...]]) -> Layer:
    own = list(module.parameters(recurse=False))
    return Layer(
        name=name,
        kind=type(module).__name__,
        parameters=sum(p.numel() for p in own),
        trained=sum(p.numel() for p in own if p.requires_grad),
        shape=shapes.get(name, ()),
    )


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size if shape else 0


def _logits(network: nn.Module, inputs: tuple[Tensor, ...], config: Config) -> Any:
    try:
        return network(*inputs)
    except (RuntimeError, ValueError, AssertionError) as error:
        side = config.data.image_size
        raise TrainerError(
            f"the network cannot be used on {side}x{side} images: {error}",
            hint="Give data.image_size what it was made for, or at least the product of its strides.",
        ) from error


def _refuse_untestable(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Raise TrainerError where one image alone has no answer, as under a batch norm that keeps no statistics."""
    try:
        network(*inputs)
    except (RuntimeError, ValueError, IndexError, AssertionError) as error:
        raise TrainerError(
            f"the network cannot be tested on a single image: {error}",
            hint="A batch norm needs running statistics (track_running_stats), a squeeze the dimensions it takes out.",
        ) from error


def _refuse_output(logits: Any, config: Config) -> None:
    if isinstance(logits, Tensor) and tuple(logits.shape) == (2, config.data.classes):
        return
    given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    raise TrainerError(
        f"the network gives {given} for two images, not one logit for each of {config.data.classes} classes",
        hint="Build it for data.classes classes, without further outputs: model.options {aux_logits: false} for some.",
    )


def _refuse_single_images(config: Config, network: nn.Module) -> None:
    """A batch norm that is trained sees one value per channel where the map is one pixel: it has no spread."""
    size = config.numerics.micro_batch or config.batch_size
    if size > 1:
        return
    name = next((n for n, m in network.named_modules() if isinstance(m, _NormBase) and m.training), None)
    if name is not None:
        key = "numerics.micro_batch" if config.numerics.micro_batch else "batch_size"
        raise StudyError(
            f"{key} (1) is too small for batch norm ({name}), which compares the images of a batch",
            hint=f"Set {key} to 2 or more, or model.norm to null.",
        )
