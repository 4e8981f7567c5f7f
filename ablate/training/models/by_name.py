"""Networks that others wrote: of torchvision, of timm, or of a function in the user's own code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import nn

from ablate.errors import TrainerError, near_match
from ablate.safety.own_modules import import_named
from ablate.training.config import ByName

Options = Mapping[str, bool | int | float | str | None]


def make_by_name(config: ByName, *, channels: int, classes: int, image_size: int) -> nn.Module:
    """The network of that name with fresh weights.

    Raises TrainerError for a name that leads nowhere, an extra that is not installed, options the
    builder does not take, and a builder that returns no network.
    """
    library, _, name = config.name.partition(":")
    try:
        match library:
            case "torchvision":
                network = _of_torchvision(name, channels, classes, config.options)
            case "timm":
                network = _of_timm(name, channels, classes, config.options)
            case _:
                make = _function(library, name)
                network = make(channels=channels, classes=classes, image_size=image_size, **config.options)
    except (TypeError, ValueError, AssertionError) as error:
        raise TrainerError(
            f"model {config.name!r} cannot be built: {error}", hint="Check model.options against what it takes."
        ) from error
    if not isinstance(network, nn.Module):
        raise TrainerError(
            f"model {config.name!r} returned {type(network).__name__}, not a torch.nn.Module",
            hint="Return the network: (N, channels, S, S) in, (N, classes) out.",
        )
    return network


def _of_torchvision(name: str, channels: int, classes: int, options: Options) -> Any:
    from torchvision import models

    # Only classifiers of images and of clips: the others live in further sub-modules (detection, segmentation, ...).
    known = [*models.list_models(module=models), *models.list_models(module=models.video)]
    if name not in known:
        raise TrainerError(
            f"torchvision has no classification model {name!r}",
            hint=f"{near_match(name, known)}`python -c 'from torchvision import models; print(models.list_models())'`",
        )
    if channels != 3:
        raise TrainerError(
            f"torchvision's networks take colour images, data.channels is {channels}", hint="Set data.channels: 3."
        )
    return models.get_model(name, weights=None, num_classes=classes, **options)


def _timm_with(name: str) -> Any:
    """timm, which has a model of that name."""
    try:
        import timm
    except ModuleNotFoundError as error:
        if error.name != "timm":
            raise
        raise TrainerError(
            f"model 'timm:{name}' needs timm, which is not installed",
            hint="Install it: pip install timm",
        ) from error
    if not timm.is_model(name):
        raise TrainerError(f"timm has no model {name!r}", hint=near_match(name, timm.list_models()))
    return timm


class PublishedByTimm(NamedTuple):
    """Weights timm knows for a model. name: architecture.tag; hub: `timm/vit_tiny.augreg`; file: its name there."""

    name: str
    hub: str
    file: str
    url: str


def published_by_timm(model: str, tag: str) -> PublishedByTimm:
    """What timm knows of a model's weights: of its default ones, or of those with a tag.

    Raises TrainerError where there are none that are a state dict.
    """
    timm = _timm_with(model)
    name = model if tag == "default" else f"{model.partition('.')[0]}.{tag}"
    known = timm.list_pretrained(f"{model.partition('.')[0]}.*")
    try:
        found = timm.get_pretrained_cfg(name)
    except RuntimeError:  # no such tag
        found = None
    if found is None or not (found.hf_hub_id or found.url):
        raise TrainerError(
            f"timm has no weights {name!r}", hint=f"{near_match(name, known)}It has: {', '.join(known) or 'none'}."
        )
    if found.custom_load:
        raise TrainerError(
            f"the weights {name!r} of timm are in a format of their own", hint="Choose another of its tags, or a file."
        )
    full = f"{found.architecture}.{found.tag}" if found.tag else str(found.architecture)
    return PublishedByTimm(full, found.hf_hub_id or "", found.hf_hub_filename or "", found.url or "")


def _of_timm(name: str, channels: int, classes: int, options: Options) -> Any:
    timm = _timm_with(name)
    return timm.create_model(name, pretrained=False, num_classes=classes, in_chans=channels, **options)


def _function(module_name: str, name: str) -> Callable[..., Any]:
    where = f"{module_name}:{name}"
    try:
        module = import_named(module_name)
    except ModuleNotFoundError as error:
        raise TrainerError(
            f"model {where!r}: there is no module {error.name!r}",
            hint="The folder given by --work (default: the current one) is searched first.",
        ) from error
    make = getattr(module, name, None)
    if not callable(make):
        known = [n for n, value in vars(module).items() if inspect.isfunction(value)]
        raise TrainerError(f"model {where!r}: the module has no function {name!r}", hint=near_match(name, known))
    found: Callable[..., Any] = make
    return found
