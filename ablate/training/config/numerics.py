"""How numbers are computed."""

from __future__ import annotations

from typing import Annotated, Literal

from ablate.settings import IdentityDefault, Settings
from ablate.training.config.bounds import Count


class Numerics(Settings):
    """How numbers are computed; part of a run's identity."""

    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: Annotated[bool, IdentityDefault(value=False)] = True
    """A pixel's channels lie together in memory: faster, with other last digits. Was false by default once: a study
    of then writes false to keep its runs."""
    deterministic: bool = False
    """Refuse operations that have no reproducible implementation on the device."""
    threads: Count = 1
    """CPU threads of one run; 1, so that runs go in parallel. `ablate plan` says where another number fits better."""
    tf32: bool | None = None
    """What fp32 means on NVIDIA cards: true computes convolutions and matrix products from factors of 10 bits, false
    neither. Null: torch's own choice, which is convolutions alone."""
    compile: bool = False
    """Let torch.compile fuse the network's operations before the first step, which takes it a minute or so; other last
    digits. Needs a C++ compiler on a CPU, Triton on a card."""
    micro_batch: Count | None = None
    """Images that go through the network at once; gradients add up to those of the whole batch. Null: all of them.
    A last piece of one image joins the piece before it, as a last batch does."""
