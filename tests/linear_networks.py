"""Small files of networks: linear classifiers, whose answers anybody can compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.deploy import onnx_files
from ablate.deploy.packages import load_package
from ablate.deploy.records import Preprocessing


class Linear(NamedTuple):
    """logits = flattened image @ weights + bias; weights (C * S * S, K)."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    side: int = 4
    channels: int = 3

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """What a file of it answers."""
        return batch.reshape(len(batch), -1) @ self.weights + self.bias


def a_linear(classes: int = 3, side: int = 4, channels: int = 3, seed: int = 0) -> Linear:
    """One with drawn weights."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(channels * side * side, classes)).astype(np.float32)
    return Linear(weights, rng.normal(size=classes).astype(np.float32), side, channels)


def brightness_network(classes: int = 2, side: int = 4, channels: int = 3) -> Linear:
    """Class k is the likelier the nearer the mean grey value lies to k / (classes - 1)."""
    centres = np.arange(classes, dtype=np.float32) / (classes - 1)
    weights = np.repeat((2 * centres / (channels * side * side))[None], channels * side * side, axis=0)
    return Linear(40 * weights.astype(np.float32), -40 * centres**2, side, channels)


def onnx_model(network: Linear, batch: int | str = "batch", **changes: Any) -> Any:
    """The ONNX graph of a linear classifier."""
    onnx = load_package("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    shape = [batch, network.channels, network.side, network.side]
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["flat"], axis=1),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
        ],
        "linear",
        [helper.make_tensor_value_info("images", 1, changes.get("input", shape))],
        [helper.make_tensor_value_info("logits", 1, [batch, len(network.bias)])],
        [numpy_helper.from_array(network.weights, "weights"), numpy_helper.from_array(network.bias, "bias")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def preprocessing_of(network: Linear, classes: tuple[str, ...] | None = None, **changes: Any) -> Preprocessing:
    """How images become its input: nothing but scaled."""
    names = classes or tuple("abcdefgh"[: len(network.bias)])
    return Preprocessing(image_size=network.side, channels=network.channels, classes=names, **changes)


def write_onnx(
    path: Path, network: Linear, preprocessing: Preprocessing | None = None, batch: int | str = "batch"
) -> Path:
    """An ONNX file, with its metadata where some are given."""
    load_package("onnx").save_model(onnx_model(network, batch), str(path))
    if preprocessing is not None:
        onnx_files.write_metadata(path, preprocessing)
    return path


def write_openvino(path: Path, network: Linear, preprocessing: Preprocessing | None = None) -> Path:
    """The same as OpenVINO's two files."""
    from ablate.deploy import openvino_files

    openvino = load_package("openvino")
    source = write_onnx(path.with_suffix(".source.onnx"), network)
    model = openvino.convert_model(source)
    if preprocessing is not None:
        openvino_files.set_metadata(model, preprocessing)
    openvino.save_model(model, path, compress_to_fp16=False)
    source.unlink()
    return path


def write_exported(path: Path, network: Linear, preprocessing: Preprocessing | None = None) -> Path:
    """The same as torch.export writes it."""
    import torch

    from ablate.training import exported

    layer = torch.nn.Linear(*network.weights.shape)
    layer.load_state_dict({"weight": torch.from_numpy(network.weights.T), "bias": torch.from_numpy(network.bias)})
    module = torch.nn.Sequential(torch.nn.Flatten(), layer).eval()
    example = torch.zeros(2, network.channels, network.side, network.side)
    sizes = ({0: torch.export.Dim("batch", min=1, max=65536)},)
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=sizes), path)
    if preprocessing is not None:
        exported.write_metadata(path, preprocessing)
    return path


WRITERS = {".onnx": write_onnx, ".xml": write_openvino, ".pt2": write_exported}
