"""A finished run's network as torch answers with it, beside the engines that its files are opened by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from ablate import files
from ablate.errors import DataError
from ablate.records import Finished, RunSpec
from ablate.store.journal import read_result
from ablate.store.work_folder import SPEC
from ablate.training.config import Config
from ablate.training.stored import open_network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EagerEngine:
    """Implements deploy.records.Engine."""

    name = "torch"
    precision = "fp32"

    def __init__(self, network: nn.Module, config: Config) -> None:
        self._network = network
        self.image_shape = (config.data.channels, config.data.image_size, config.data.image_size)

    @torch.inference_mode()
    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C, H, W) -> (N, K)."""
        found: NDArray[np.float32] = self._network(torch.from_numpy(batch)).float().numpy()
        return found


def open_weights(path: str, *, threads: int) -> EagerEngine:
    """The network of the run whose weights these are, in fp32 on the CPU.

    Raises DataError where the weights are not where a run has left them.
    """
    folder = Path(path).parent
    stored, result = files.read_sealed(folder / SPEC), read_result(folder)
    if stored is None or not isinstance(result, Finished):
        raise DataError(
            f"{path} does not lie in the folder of a finished run", hint="Name the run: `ablate deploy STUDY/VARIANT`."
        )
    opened = open_network(RunSpec.from_json(stored["spec"]), result)
    torch.set_num_threads(threads)  # behind the run's own number, which opening it sets
    return EagerEngine(opened.network.cpu().to(memory_format=torch.contiguous_format), opened.config)
