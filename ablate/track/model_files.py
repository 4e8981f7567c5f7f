"""What makes a folder of artifacts a model to MLflow: its `MLmodel` and its input example, as JSON, which YAML reads.

Written by hand: MLflow's own `log_model` would make a run of its own, load the network, and begin with an import of
seconds; the format is documented, and a test reads it by MLflow.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from typing import Any

EXAMPLE = "input_example.json"


def model_files(
    file: str, *, images: tuple[int, int, int], outputs: int, example: Sequence[float], metadata: Mapping[str, Any]
) -> dict[str, bytes]:
    """The files beside a network's own, by name.

    file: the network's. images: (C, H, W) of its input. outputs: how many logits. example: the value of every pixel of
    an example image, a channel. metadata: about it, in words.
    """
    channels, height, width = images
    pixels = [[[[value] * width] * height for value in example[:channels]]]
    model = {
        "flavors": _flavors(file),
        "signature": {
            "inputs": json.dumps([_tensor([-1, channels, height, width])]),
            "outputs": json.dumps([_tensor([-1, outputs])]),
            "params": None,
        },
        "saved_input_example_info": {
            "artifact_path": EXAMPLE,
            "type": "ndarray",
            "format": "tf-serving",
        },
        "metadata": dict(metadata),
    }
    content = {"MLmodel": json.dumps(model, indent=1), EXAMPLE: json.dumps(pixels)}
    return {name: text.encode() for name, text in content.items()}


def _tensor(shape: list[int]) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": shape}}


def _flavors(file: str) -> dict[str, Any]:
    """MLflow opens ONNX by itself; of the other formats it keeps the files."""
    if not file.endswith(".onnx"):
        return {}
    providers = ["CPUExecutionProvider"]
    return {
        "onnx": {"data": file, "providers": providers, "onnx_session_options": None, "code": None},
        "python_function": {
            "loader_module": "mlflow.onnx",
            "data": file,
            "env": None,
            "python_version": platform.python_version(),
        },
    }
