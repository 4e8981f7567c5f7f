"""A graphics card that no machine needs to have: torch's meta device, and a note of every time the host waits for it.

A fake, at torch's border: the meta device knows shapes, types and devices and holds no values. It raises where most
operations mix devices. What it lets pass and CUDA does not (or passes at the price of a wait) is refused or noted
here, by torch's notes on CUDA semantics and on `torch.cuda.set_sync_debug_mode`: a tensor on the CPU with dimensions
among the arguments is refused; reading a value, and any copy that is not `non_blocking`, is a wait. A tensor
that the host reads holds 0 and 1 in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.optim import optimizer
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ablate.execute.live import LiveRun
from ablate.training import numerics

CARD = torch.device("meta")
HOST = torch.device("cpu")

aten = torch.ops.aten
COPIES = {aten._to_copy.default, aten.copy_.default}
READS = {aten._local_scalar_dense.default: 0, aten.allclose.default: True, aten.equal.default: True}
"""Operations that give the host a value, and what the fake gives."""

SILENT = {aten._fused_sgd_.default}
"""Operations on weights that exist for the card and not for the meta device: nothing happens."""


class MixedDevicesError(AssertionError):
    """An operation on the card was given a tensor of the CPU."""


class FakeCard(TorchDispatchMode):
    """While it is entered, `device: meta` behaves as a card. waits: what the host waited for, since the last `moment`.

    moments: name -> most waits there were in one moment of that name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.moments: dict[str, list[str]] = {}
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        with self:  # in inference mode an operation comes before torch has taken it apart
            result = func.decompose(*args, **kwargs)
        if result is not NotImplemented:
            return result
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        on_card = any(tensor.device == CARD for tensor in given)
        if func in COPIES:
            return self._copied(func, args, kwargs)
        if not on_card:
            return func(*args, **kwargs)
        self.operations += 1
        if any(tensor.device == HOST and tensor.dim() for tensor in given):
            raise MixedDevicesError(f"{func} on the card was given a tensor on the CPU")
        if func in READS:
            self.waits.append(str(func))
            return READS[func]
        return None if func in SILENT else func(*args, **kwargs)

    def _copied(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
        """A copy between devices; the result of `_to_copy` is new, `copy_` writes into its first argument."""
        in_place = func is aten.copy_.default
        source = args[1] if in_place else args[0]
        target = args[0].device if in_place else kwargs.get("device") or source.device
        if source.device == target:
            return func(*args, **kwargs)
        non_blocking = kwargs.get("non_blocking") or (in_place and len(args) > 2 and args[2])
        if target == HOST or not non_blocking:
            self.waits.append(f"{func} from {source.device} to {target}")
        if target == CARD:
            return func(*args, **kwargs)
        told = (torch.arange(source.numel()) % 2).view(source.shape).to(kwargs.get("dtype") or source.dtype)
        return args[0].copy_(told) if in_place else told

    def moment(self, name: str) -> None:
        """What has happened since the last moment belongs to this one."""
        self.moments[name] = max(self.moments.get(name, []), self.waits, key=len)
        self.waits = []


class _NewTensors(TorchFunctionMode):
    """Notes tensors made from Python's numbers straight on the card: a copy that waits, and that dispatch hides."""

    def __init__(self, card: FakeCard) -> None:
        super().__init__()
        self.card = card

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or HOST) == CARD:
            self.card.waits.append(f"{func.__name__}(..., device={CARD})")
        return func(*args, **kwargs)


@contextmanager
def a_card() -> Iterator[FakeCard]:
    """The fake, entered.

    Two more fakes, as torch knows its meta device for no accelerator: the fused optimizers take it for one of
    theirs, and autocast to half precision is entered and changes nothing. And it is a device that runs may use.
    """
    card = FakeCard()
    fused = [*optimizer._get_fused_kernels_supported_devices(), CARD.type]
    with (
        patch.object(optimizer, "_get_fused_kernels_supported_devices", lambda: [*fused]),
        patch.object(torch, "autocast", _autocast),
        patch.object(numerics, "SEEDED", (*numerics.SEEDED, CARD.type)),
        _NewTensors(card),
        card,
    ):
        yield card


def _autocast(device_type: str, *, dtype: torch.dtype) -> AbstractContextManager[None]:
    assert device_type == CARD.type
    return nullcontext()


class WatchedRun:
    """A run that tells the card which moment of the training has come."""

    def __init__(self, run: LiveRun, card: FakeCard) -> None:
        self._run = run
        self._card = card
        self._begun = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def resume(self, fits: Any) -> Path | None:
        """Asked once, before the first step; there is nothing to resume."""
        self._card.moment("before training")
        self._begun = True
        return None

    def tick(self, epoch: int, step: int, of: int, *, state_bytes: int = 0) -> bool:
        """After each step; before an epoch's first one things are made ready for all of them."""
        self._card.moment("first step" if step == 1 else "step")
        return False

    def alive(self, done: int, of: int) -> None:
        """After each batch of an evaluation; what the steps left on the card is read before the first."""
        if self._begun:
            self._card.moment("evaluation batch")

    def epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """After each epoch."""
        self._card.moment("end of epoch")
        self._run.epoch(epoch, metrics)
