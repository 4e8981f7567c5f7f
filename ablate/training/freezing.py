"""Parts of a network that are not trained: which they are, and how they behave while the rest is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from ablate.errors import StudyError, near_match
from ablate.training.config import Freeze


@dataclass(frozen=True, slots=True)
class Frozen:
    """The frozen part of a network, by the names of its modules and parameters.

    roots: modules that are frozen with everything below them; with `inverted`, those that are not.
    quiet: dropout inside the part is off while training, too.
    """

    roots: tuple[str, ...] = ()
    inverted: bool = False
    quiet: bool = False

    def holds(self, name: str) -> bool:
        """Whether a module or parameter of this name belongs to the part."""
        return is_below(name, self.roots) != self.inverted


NOTHING = Frozen()


def freeze(network: nn.Module, config: Freeze | None) -> Frozen:
    """Take the frozen parameters out of the training; the part they belong to.

    Raises StudyError for names that are no modules, and where nothing or everything would be frozen.
    """
    if config is None:
        return NOTHING
    frozen = _part_of(network, config)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not frozen.holds(name))
    if all(parameter.requires_grad for parameter in network.parameters()):
        raise StudyError(
            "freeze: these modules have no parameters, so nothing would be frozen", hint=_top_level(network)
        )
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise StudyError(
            "freeze: this would freeze every parameter, and nothing would be trained", hint=_top_level(network)
        )
    return frozen


def set_training(network: nn.Module, frozen: Frozen) -> None:
    """Training mode, except where the frozen part must behave as when it is used.

    A frozen batch norm normalises by its stored statistics and leaves them alone; frozen dropout
    drops, or does not, as the study says.
    """
    network.train()
    if frozen == NOTHING:
        return
    for name, module in network.named_modules():
        if name and frozen.holds(name) and (frozen.quiet or isinstance(module, _NormBase)):
            # Only the module itself: a part may hold others that are trained.
            module.training = False


def is_below(name: str, roots: Iterable[str]) -> bool:
    """Whether a dotted name is one of the roots or lies below one."""
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def output_layer(network: nn.Module) -> str:
    """The name of the layer that gives the logits: the last one that has parameters of its own."""
    owners: list[str] = []
    owners += (
        name for name, module in network.named_modules() if next(module.parameters(recurse=False), None) is not None
    )
    return owners[-1]


def roots_of(network: nn.Module, names: Sequence[str] | str, key: str) -> tuple[str, ...]:
    """Module names as the settings give them: a list, or `output`.

    Raises StudyError for a name that is no module.
    """
    if isinstance(names, str):
        return (output_layer(network),)
    known = [name for name, _ in network.named_modules() if name]
    for name in names:
        if name not in known:
            raise StudyError(
                f"{key}: the network has no module {name!r}",
                hint=f"{near_match(name, known)}{_top_level(network)}",
            )
    return tuple(names)


def _part_of(network: nn.Module, config: Freeze) -> Frozen:
    quiet = config.dropout == "off"
    if config.modules is not None:
        return Frozen(roots_of(network, config.modules, "freeze.modules"), quiet=quiet)
    if config.all_but is not None:
        return Frozen(roots_of(network, config.all_but, "freeze.all_but"), inverted=True, quiet=quiet)
    assert config.first is not None
    features = dict(network.named_children()).get("features")
    children = [] if features is None else [name for name, _ in features.named_children()]
    if config.first > len(children):
        raise StudyError(
            f"freeze.first ({config.first}): the network's `features` has {len(children)} modules"
            if children
            else "freeze.first counts modules of `features`, which this network does not have",
            hint=f"Name modules under freeze.modules instead. {_top_level(network)}",
        )
    return Frozen(tuple(f"features.{name}" for name in children[: config.first]), quiet=quiet)


def _top_level(network: nn.Module) -> str:
    names = ", ".join(name for name, _ in network.named_children())
    return f"Its parts: {names}; `ablate show STUDY/VARIANT` lists every module."
