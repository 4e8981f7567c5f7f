"""A small network, really trained on digits, as the files that engines read. torch trains it; no exporter is needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

METADATA = '{"note": "as \\"it\\" was, <&> 数字"}'
TRAINED_ON = 1400


class Digits(NamedTuple):
    """images: (n, 1, 8, 8) float32 in [0, 1]. labels: (n,)."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def accuracy(self, logits: NDArray[np.float32]) -> float:
        """Of answers to all of them."""
        return float((logits.argmax(axis=1) == self.labels).mean())


@cache
def digits() -> tuple[Digits, Digits]:
    """Those to train and calibrate on, and those to test on."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = (found.images[:, None] / 16).astype(np.float32)
    labels = found.target.astype(np.int64)
    return Digits(images[:TRAINED_ON], labels[:TRAINED_ON]), Digits(images[TRAINED_ON:], labels[TRAINED_ON:])


@cache
def trained_weights() -> dict[str, NDArray[np.float32]]:
    """Of two convolutions and two linear layers, 109,386 numbers, after four epochs."""
    import torch
    from torch import nn

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        )
        net.extend([nn.Flatten(), nn.Linear(512, 192), nn.ReLU(), nn.Linear(192, 10)])
        images, labels = (torch.from_numpy(one) for one in digits()[0])
        optimizer = torch.optim.Adam(net.parameters(), 2e-3)
        for _ in range(4):
            for rows in torch.randperm(len(images)).split(50):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(images[rows]), labels[rows]).backward()
                optimizer.step()
    return {name: weight.detach().numpy() for name, weight in net.named_parameters()}


def write_onnx(path: Path, *, metadata: str | None = METADATA) -> Path:
    """The trained network as an ONNX file with a batch of any size."""
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["images", "0.weight", "0.bias"], ["a"], **same),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "2.weight", "2.bias"], ["c"], **same),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "6.weight", "6.bias"], ["g"], transB=1),
        helper.make_node("Relu", ["g"], ["h"]),
        helper.make_node("Gemm", ["h", "8.weight", "8.bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(weight, name) for name, weight in trained_weights().items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if metadata is not None:
        model.metadata_props.add(key="ablate", value=metadata)
    onnx.save(model, str(path))
    return path


def metadata_of_onnx(path: Path) -> dict[str, str]:
    """What it carries beside the network."""
    return {one.key: one.value for one in onnx.load(str(path)).metadata_props}


def answers_of_onnx(path: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits by onnxruntime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: images})
    return np.asarray(logits)


def answers_of_openvino(path: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits by OpenVINO on one thread, of an IR or an ONNX file."""
    from ablate.deploy.packages import load_package

    core = load_package("openvino").Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    return np.asarray(core.compile_model(core.read_model(str(path)), "CPU", settings)(images)[0])
