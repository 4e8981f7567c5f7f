"""How numbers are computed: device, precision, memory layout, threads."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ablate.errors import TrainerError
from ablate.training.checks import KNOWN_DEVICES
from ablate.training.config import Config

SEEDED = ("cpu", "cuda", "mps")
"""Kinds of devices whose dropout is seeded step by step."""
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Mode:
    """The numeric mode of one run."""

    device: torch.device
    dtype: torch.dtype
    channels_last: bool

    def autocast(self) -> AbstractContextManager[object]:
        """The context for forward passes; nothing in fp32."""
        if self.dtype is torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def place(self, network: nn.Module) -> nn.Module:
        """The network on the device, in the memory layout; only tensors of four dimensions have one."""
        network = network.to(self.device)
        if self.channels_last:
            for tensor in (*network.parameters(), *network.buffers()):
                if tensor.dim() == 4:
                    tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
        return network

    def send(self, tensor: Tensor) -> Tensor:
        """The tensor on the device; see `send`."""
        return send(tensor, self.device)

    def images(self, nhwc: Tensor) -> Tensor:
        """(N, H, W, C) pixels as (N, C, H, W) in the memory layout, on the device."""
        nchw = self.send(nhwc).permute(0, 3, 1, 2)
        if self.channels_last:
            return nchw
        # One channel is contiguous either way: its strides alone tell torch which layout the next layer is to have.
        return nchw.contiguous().view(nchw.shape)

    def as_stored(self, images: Tensor) -> Tensor:
        """(N, C, H, W) images as their memory lies, so that choosing some copies whole images."""
        return images.permute(0, 2, 3, 1).contiguous() if self.channels_last else images

    def as_images(self, stored: Tensor) -> Tensor:
        """What `as_stored` was given."""
        return stored.permute(0, 3, 1, 2) if self.channels_last else stored

    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaling, which only fp16 needs."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype is torch.float16)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device. A CUDA device is not waited for: it may still be computing the step before."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        # From ordinary memory the driver waits for the queue, `non_blocking` or not; torch keeps pinned memory alive.
        tensor = tensor.pin_memory()
    # Metal reads the source after this returns, when it may be gone (pytorch/pytorch#189690).
    return tensor.to(device, non_blocking=device.type != "mps")


def set_up(config: Config) -> Mode:
    """Apply the numeric block to this process and say what holds.

    Raises TrainerError for a device that is not there.
    """
    numerics = config.numerics
    device = find_device(config.device)
    torch.set_num_threads(numerics.threads)
    if numerics.deterministic:
        # Must be set before the first CUDA call; cuBLAS reads it once.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if torch.are_deterministic_algorithms_enabled() != numerics.deterministic:  # the call itself imports for seconds
        torch.use_deterministic_algorithms(numerics.deterministic)
    torch.set_float32_matmul_precision("high" if numerics.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = numerics.tf32 is not False
    torch.backends.cudnn.benchmark = not numerics.deterministic
    torch.backends.cudnn.deterministic = numerics.deterministic
    return Mode(device, DTYPES[numerics.precision], numerics.channels_last)


def reset_peak(device: torch.device) -> None:
    """Count the device's peak memory from here: runs in one process follow each other."""
    if device.type == "cuda":
        torch.cuda.init()  # before it there is nothing to reset, and asking raises
        torch.cuda.reset_peak_memory_stats(device)


def find_device(name: str) -> torch.device:
    """`auto`: a CUDA device where there is one, else Apple's Metal (MPS), else the CPU.

    Raises TrainerError for a device that is not there, or of a kind whose dropout nobody seeds step by step.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainerError(f"device {name!r} is unknown", hint=KNOWN_DEVICES) from error
    if device.type not in SEEDED:
        raise TrainerError(
            f"device {name!r}: ablate draws nothing on such a device, so no run on it could be repeated",
            hint=KNOWN_DEVICES,
        )
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise TrainerError(f"device {name!r}: this machine has {count} CUDA devices", hint="Use device: auto or cpu.")
    if device.type == "mps" and not torch.mps.is_available():
        raise TrainerError(f"device {name!r}: this machine has no Apple GPU (MPS)", hint="Use device: auto or cpu.")
    return device


def widest(device: torch.device) -> torch.dtype:
    """The widest floating-point type the device computes in: Metal has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def device_name(device: torch.device) -> str:
    """The hardware's name, for the stamp."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    import platform

    return f"{device.type}: {_cpu_name() or platform.processor() or platform.machine()}"


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            names = [line.split(":", 1)[1].strip() for line in stream if line.startswith("model name")]
    except OSError:
        return ""
    return names[0] if names else ""
