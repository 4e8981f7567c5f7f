"""From a trained network to a file that runs elsewhere: ONNX, or torch's own export."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from ablate import files
from ablate.deploy.packages import load_package
from ablate.errors import AblateError, TrainerError
from ablate.records import Finished, RunSpec
from ablate.training.config import Config
from ablate.training.config.model import Fusion
from ablate.training.stored import open_network

INPUT, OUTPUT = "images", "logits"
"""What a file calls them."""


def export_run(spec: RunSpec, result: Finished, path: Path) -> None:
    """Write the network of a finished run: (N, C, S, S) float32 in, any N, logits (N, K) out.

    path ends in .onnx or .pt2. Raises DataError where the weights are gone, TrainerError for a network that cannot be
    exported, NotInstalled where a package is missing.
    """
    stored = open_network(spec, result)
    export_network(stored.network, stored.config, path)


def export_network(network: nn.Module, config: Config, path: Path) -> None:
    """Write a network of a config in eval mode; by the ending of the path."""
    write = {".onnx": _write_onnx, ".pt2": _write_pt2}[path.suffix]
    write(program_of(network, config), path)


def program_of(network: nn.Module, config: Config) -> torch.export.ExportedProgram:
    """What torch.export sees of a network. Raises TrainerError where it does not see through."""
    if isinstance(config.model, Fusion):
        raise TrainerError(
            "networks of images with texts cannot be exported yet: a file has one input",
            hint="`ablate predict` answers with them where torch is.",
        )
    data = config.data
    if data.clip is not None:
        raise TrainerError(
            "networks of clips cannot be exported yet: a file says how images are decoded, and not clips",
            hint="`ablate predict` answers with them where torch is.",
        )
    network = network.cpu().to(memory_format=torch.contiguous_format).eval()
    images = torch.zeros(2, data.channels, data.image_size, data.image_size)
    with _refusals("torch.export"), torch.no_grad():
        batch = torch.export.Dim("batch", min=1)
        program = torch.export.export(network, (images,), dynamic_shapes=({0: batch},))
    _forget_places(program)
    return program


def _forget_places(program: torch.export.ExportedProgram) -> None:
    """Where on this machine each line of the network's code stands is nobody's business."""
    for module in program.graph_module.modules():
        for node in getattr(module, "graph", torch.fx.Graph()).nodes:
            node.meta.pop("stack_trace", None)


def refuse_unexportable(network: nn.Module, config: Config) -> None:
    """Raise TrainerError for a network with an operator that ONNX's exporter does not know, and write nothing."""
    _onnx_of(program_of(network, config))


def _write_onnx(program: torch.export.ExportedProgram, path: Path) -> None:
    found = _onnx_of(program)
    files.write_atomically(path, lambda to: found.save(str(to), include_initializers=True))


def _onnx_of(program: torch.export.ExportedProgram) -> torch.onnx.ONNXProgram:
    load_package("onnx")
    load_package("onnxscript")
    with _refusals("the exporter to ONNX"):
        found = torch.onnx.export(program, input_names=[INPUT], output_names=[OUTPUT], dynamo=True, verbose=False)
    assert found is not None
    for node in found.model.graph.all_nodes():  # remarks on where each came from, longer than a small network
        node.metadata_props.clear()
        for output in node.outputs:
            output.metadata_props.clear()
    return found


def _write_pt2(program: torch.export.ExportedProgram, path: Path) -> None:
    whole = io.BytesIO()
    with _refusals("torch.export"):
        torch.export.save(program, whole)
    files.write_atomically(path, lambda to: _write(to, whole.getbuffer()))


def _write(to: Path, content: memoryview) -> None:
    to.write_bytes(content)


@contextmanager
def _refusals(who: str) -> Iterator[None]:
    """Nothing that an exporter warns of is shown; what it cannot do is told in one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (AblateError, MemoryError):
        raise
    except Exception as error:  # its classes are not public
        raise TrainerError(
            f"the network cannot be exported: {who} says: {_reason(error)}",
            hint="A branch on what an image holds, or an operator that it does not know, does this; write that part "
            "of the network otherwise, or use another.",
        ) from error


def _reason(error: BaseException) -> str:
    """The innermost cause, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:300] or type(error).__name__
