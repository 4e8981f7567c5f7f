"""Pruning that removes channels: the network that is left has fewer, and every layer behind them fewer inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from ablate.deploy.packages import EXTRA
from ablate.errors import NotInstalled, TrainerError
from ablate.training.freezing import output_layer

INSTALL_IT = f"Install what deploying needs: `{EXTRA}`."


class Pruned(NamedTuple):
    """What was done. channels: name of a layer -> its output channels before and after.

    kept: layers that nothing can be taken from, the output layer not among them.
    """

    channels: dict[str, tuple[int, int]]
    kept: tuple[str, ...]


def prune_channels(network: nn.Module, share: float, *, channels: int, image_size: int) -> Pruned:
    """Take the weakest share of the channels out of every convolution and every hidden linear layer, in place.

    Weakest: the least L1 norm of the weights that make a channel, added up over layers that are bound to have the
    same channels (as those of a residual sum are). Norms are taken before anything is removed. How many channels a
    layer keeps depends on the share alone: on the meta device, where there are no weights, the counts are the same.
    Raises NotInstalled without torch-pruning; TrainerError where a layer would be emptied, and for a network whose
    channels cannot be followed.
    """
    _refuse_unknown_layers(network)
    names = {module: name for name, module in network.named_modules()}
    was_training = network.training
    device = next(network.parameters()).device
    images = torch.zeros(2, channels, image_size, image_size, device=device)
    graph = _graph(network, images)
    groups = _groups(graph, network, names)
    if not groups:
        raise TrainerError(
            "the network cannot be pruned: no convolution or hidden linear layer has channels that can be removed",
            hint="Leave prune out of this network.",
        )
    layers = {name: module for name, module in network.named_modules() if _has_channels(module)}
    before = {name: _outputs(module) for name, module in layers.items()}
    movable = {output_layer(network)} | {names.get(one, "") for group in groups for one in _makers(graph, group)}
    # All norms before anything is removed: a filter is not weaker for what another layer has lost.
    weakest = [(group[0].dep, _weakest(graph, group, share, names)) for group in groups]
    for first, chosen in weakest:
        if chosen:
            graph.get_pruning_group(first.target.module, first.handler, chosen).prune()
    _refuse_broken(network, images)
    network.train(was_training)
    changed = {name: (before[name], _outputs(module)) for name, module in layers.items()}
    return Pruned(
        {name: (old, new) for name, (old, new) in changed.items() if old != new},
        tuple(name for name in layers if name not in movable),
    )


def _graph(network: nn.Module, images: Tensor) -> Any:
    """Which layers share channels with which. Raises TrainerError where that cannot be followed."""
    try:
        from torch_pruning import DependencyGraph
    except ModuleNotFoundError as error:
        raise NotInstalled("weights.prune needs torch-pruning, which is not installed", hint=INSTALL_IT) from error
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            return DependencyGraph().build_dependency(network.eval(), images, verbose=False)
    except (RuntimeError, ValueError, AttributeError, ArithmeticError, LookupError, TypeError) as error:
        raise TrainerError(
            f"the network cannot be pruned: its channels cannot be followed from layer to layer "
            f"({type(error).__name__}: {error})",
            hint="Leave prune out of this network.",
        ) from error


def _is_known(module: nn.Module) -> bool:
    """Whether a module's parameters go channel by channel, one way and no other."""
    return _has_channels(module) or isinstance(module, _BatchNorm)


def _refuse_unknown_layers(network: nn.Module) -> None:
    """Raise TrainerError where parameters are of layers that normalise or mix tokens: their widths are the network's.

    Told before the graph is traced, which for a transformer takes minutes.
    """
    strangers = [
        f"{name or 'the network itself'} ({type(module).__name__})"
        for name, module in network.named_modules()
        if not _is_known(module) and any(True for _ in module.parameters(recurse=False))
    ]
    if strangers:
        shown = ", ".join(strangers[:3]) + (f" and {len(strangers) - 3} more" if len(strangers) > 3 else "")
        raise TrainerError(
            f"the network cannot be pruned: besides convolutions, linear layers and batch norms it has {shown}",
            hint="Choose a convolutional network with batch norm or none, or leave prune out.",
        )


def _has_channels(module: nn.Module) -> bool:
    return isinstance(module, _ConvNd | nn.Linear)


def _outputs(module: Any) -> int:
    return int(module.out_features if isinstance(module, nn.Linear) else module.out_channels)


def _groups(graph: Any, network: nn.Module, names: dict[nn.Module, str]) -> list[Any]:
    """Layers that have to lose the same channels together, of those that can lose any."""
    last = network.get_submodule(output_layer(network))
    found = graph.get_all_groups(ignored_layers=[last], root_module_types=[_ConvNd, nn.Linear])
    return [group for group in found if all(_can_lose(dep.target.module, names) for dep, _ in group)]


def _can_lose(module: Any, names: dict[nn.Module, str]) -> bool:
    """Whether one channel can be taken out alone: not of grouped convolutions, nor of maps that are split."""
    if isinstance(module, _ConvNd):
        return module.groups in (1, module.out_channels)
    return module in names or type(module).__name__ in ("_ElementWiseOp", "_ReshapeOp", "_ConcatOp")


def _makers(graph: Any, group: Any) -> list[Any]:
    """The layers of a group that make its channels."""
    return [dep.target.module for dep, _ in group if graph.is_out_channel_pruning_fn(dep.handler)]


def _weakest(graph: Any, group: Any, share: float, names: dict[nn.Module, str]) -> list[int]:
    """The channels of a group's first layer to be removed. Raises TrainerError where none would be left."""
    root = group[0].dep.target.module
    count = _outputs(root)
    removed = round(count * share)
    if removed >= count:
        raise TrainerError(
            f"weights.prune.channels ({share:g}) would take all {count} channels of {names[root]}",
            hint="Lower the share, or widen the layer.",
        )
    strength = torch.zeros(count, dtype=torch.float64)
    for item in group:
        module = item.dep.target.module
        if _has_channels(module) and graph.is_out_channel_pruning_fn(item.dep.handler):
            strength += _norms(module, item.idxs, item.root_idxs, count)
    chosen: list[int] = sorted(strength.argsort(stable=True)[:removed].tolist())
    return chosen


def _norms(module: Any, channels: Sequence[int], of_root: Sequence[int], count: int) -> Tensor:
    """L1 norm of the weights behind each channel of the group's first layer; zeros where there are no weights."""
    found = torch.zeros(count, dtype=torch.float64)
    if module.weight.is_meta:
        return found
    norms = module.weight.detach().double().abs().flatten(1).sum(1).cpu()
    return found.index_add_(0, torch.tensor(of_root), norms[torch.tensor(channels)])


@torch.inference_mode()
def _refuse_broken(network: nn.Module, images: Tensor) -> None:
    """Raise TrainerError where the network cannot be used any more, as one whose code names a number of channels."""
    try:
        network(images)
    except (RuntimeError, ValueError, IndexError, AssertionError) as error:
        raise TrainerError(
            f"the network cannot be pruned: with fewer channels it does not work any more ({error})",
            hint="Write x.flatten(1) in place of a view with a number of channels, or leave prune out.",
        ) from error
