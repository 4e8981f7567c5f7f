"""Files of networks that were made to do harm, or are of another kind: refused before anything is done by them."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.deploy import onnx_files, openvino_files
from ablate.deploy.opening import open_engine, weights_of
from ablate.deploy.packages import load_package
from ablate.errors import DataError
from tests.linear_networks import Linear, a_linear, onnx_model, write_exported, write_onnx, write_openvino

NETWORK = a_linear()


def with_weights_at(folder: Path, place: str) -> Path:
    """An ONNX file whose weights lie elsewhere."""
    onnx = load_package("onnx")
    model = onnx_model(NETWORK)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_beside_an_onnx_file_count(tmp_path: Path) -> None:
    """Large networks are kept so."""
    (tmp_path / "weights.bin").write_bytes(NETWORK.weights.tobytes())
    path = with_weights_at(tmp_path, "weights.bin")

    found = open_engine(str(path)).logits(np.ones((1, 3, 4, 4), np.float32))

    np.testing.assert_allclose(found, NETWORK.logits(np.ones((1, 3, 4, 4), np.float32)), rtol=1e-5)
    assert onnx_files.files_of(path) == [path, tmp_path / "weights.bin"]


@pytest.mark.parametrize("place", ["/etc/hostname", "../secret", "a/../../secret", "", "C:\\secret"])
def test_weights_outside_an_onnx_files_folder_are_not_read(tmp_path: Path, place: str) -> None:
    """A file of somebody's could have ablate read what its user may read and others may not."""
    (tmp_path / "secret").write_bytes(NETWORK.weights.tobytes())
    (tmp_path / "in").mkdir()
    with pytest.raises(DataError, match="outside its folder"):
        open_engine(str(with_weights_at(tmp_path / "in", place)))


def test_weights_behind_a_link_are_not_read(tmp_path: Path) -> None:
    """Nor by a link that lies in the folder."""
    (tmp_path / "secret").write_bytes(NETWORK.weights.tobytes())
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "weights.bin").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match="outside its folder"):
        open_engine(str(with_weights_at(tmp_path / "in", "weights.bin")))


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    """Half of a network was copied."""
    with pytest.raises(DataError, match=r"'weights\.bin', which is not there"):
        open_engine(str(with_weights_at(tmp_path, "weights.bin")))


def test_weights_hidden_in_a_subgraph_are_found(tmp_path: Path) -> None:
    """An `If` has graphs of its own."""
    onnx = load_package("onnx")
    model = onnx_model(NETWORK)
    inner = onnx_model(NETWORK).graph
    tensor = inner.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    model.graph.node.append(onnx.helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner))
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())

    with pytest.raises(DataError, match="outside its folder"):
        open_engine(str(path))


@pytest.mark.parametrize(("shape", "said"), [(["n", 48], "not images"), (["n", 3, "h", 4], "not images")])
def test_a_network_that_takes_no_images_is_refused(tmp_path: Path, shape: list[Any], said: str) -> None:
    """With its shape."""
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model(NETWORK, input=shape).SerializeToString())
    with pytest.raises(DataError, match=said):
        open_engine(str(path))


def test_an_operator_nobody_knows_is_an_error_of_the_file(tmp_path: Path) -> None:
    """As of another program's own domain."""
    model = onnx_model(NETWORK)
    model.graph.node[0].op_type = "Flattened"
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match="Flattened"):
        open_engine(str(path))


def test_a_network_of_a_fixed_number_of_images_answers_any(tmp_path: Path) -> None:
    """Two at a time, the last piece filled up."""
    images = np.random.default_rng(2).normal(size=(5, 3, 4, 4)).astype(np.float32)
    engine = open_engine(str(write_onnx(tmp_path / "net.onnx", NETWORK, batch=2)))
    np.testing.assert_allclose(engine.logits(images), NETWORK.logits(images), rtol=1e-5, atol=1e-5)


def test_openvinos_weights_must_be_there(tmp_path: Path) -> None:
    """And the graph must be one."""
    path = write_openvino(tmp_path / "net.xml", NETWORK)
    path.with_suffix(".bin").unlink()
    with pytest.raises(DataError, match=r"net\.bin is not there"):
        open_engine(str(path))
    path.with_suffix(".bin").write_bytes(b"1")
    with pytest.raises(DataError, match="openvino"):
        openvino_files.open_file(path, threads=1)


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.path, "harm"))


Change = Callable[[dict[str, bytes], Path], None]


def _calling(target: str) -> Change:
    def change(members: dict[str, bytes], mark: Path) -> None:
        graph = json.loads(members["models/model.json"])
        graph["graph_module"]["graph"]["nodes"][0]["target"] = target
        members["models/model.json"] = json.dumps(graph).encode()

    return change


def _sized(text: str) -> Change:
    def change(members: dict[str, bytes], mark: Path) -> None:
        whole = members["models/model.json"].decode()
        assert "expr_str" in whole
        graph = json.loads(whole)
        _set_sizes(graph, text)
        members["models/model.json"] = json.dumps(graph).encode()

    return change


def _set_sizes(data: Any, text: str) -> None:
    if isinstance(data, dict):
        if "expr_str" in data:
            data["expr_str"] = text
        for value in data.values():
            _set_sizes(value, text)
    elif isinstance(data, list):
        for value in data:
            _set_sizes(value, text)


def _pickled_samples(members: dict[str, bytes], mark: Path) -> None:
    members["data/sample_inputs/model.pt"] = pickle.dumps(Harm(mark))


def _pickled_weights(members: dict[str, bytes], mark: Path) -> None:
    config = json.loads(members["data/weights/model_weights_config.json"])
    one = next(iter(config["config"].values()))
    one["use_pickle"] = True
    members[f"data/weights/{one['path_name']}"] = pickle.dumps(Harm(mark))
    members["data/weights/model_weights_config.json"] = json.dumps(config).encode()


def _named_outside(members: dict[str, bytes], mark: Path) -> None:
    config = json.loads(members["data/weights/model_weights_config.json"])
    next(iter(config["config"].values()))["path_name"] = "../../x"
    members["data/weights/model_weights_config.json"] = json.dumps(config).encode()


def _renamed(members: dict[str, bytes], mark: Path) -> None:
    graph = json.loads(members["models/model.json"])
    graph["graph_module"]["graph"]["nodes"][0]["name"] = "a(); import os"
    members["models/model.json"] = json.dumps(graph).encode()


def _of_their_own(members: dict[str, bytes], mark: Path) -> None:
    members["data/constants/custom_obj_0"] = pickle.dumps(Harm(mark))


def _compiled(members: dict[str, bytes], mark: Path) -> None:
    members["data/aotinductor/model/model.so"] = b"\x7fELF"


def _former_weights(members: dict[str, bytes], mark: Path) -> None:
    members["data/weights/model.pt"] = pickle.dumps(Harm(mark))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_calling("torch.os.system"), "no operator"),
        (_calling("torch.ops.load_library"), "no operator"),
        (_calling("builtins.exec"), "no operator"),
        (_sized("__import__('os').system('true')"), "no formula"),
        (_sized("exit()"), "no formula"),
        (_sized("Symbol('s0', positive=True).args[0]"), "no formula"),
        (_sized("9**9**9**9"), "no formula"),
        (_sized("Integer(1) << 999999999999"), "no formula"),
        (_sized("Pow(Integer(9), Pow(Integer(9), Integer(9)))"), "no formula"),
        (_pickled_samples, "more than tensors"),
        (_pickled_weights, "pickled content"),
        (_named_outside, "outside its folder"),
        (_renamed, "a name that is none"),
        (_of_their_own, "nothing that a network's export has"),
        (_compiled, "nothing that a network's export has"),
        (_former_weights, "nothing that a network's export has"),
    ],
    ids=lambda one: getattr(one, "__name__", str(one))[:40],
)
def test_whatever_torch_would_execute_in_a_file_is_refused(tmp_path: Path, change: Change, said: str) -> None:
    """Before torch opens it: nothing of it runs."""
    path, mark = write_exported(tmp_path / "net.pt2", NETWORK), tmp_path / "mark"
    with zipfile.ZipFile(path) as archive:
        members = {one.partition("/")[2]: archive.read(one) for one in archive.namelist()}
    change(members, mark)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"net/{name}", data)
    path.write_bytes(content.getvalue())

    with pytest.raises(DataError, match=said):
        open_engine(str(path))
    assert not mark.exists()


def test_a_damaged_export_is_refused_by_whoever_counts_its_weights(tmp_path: Path) -> None:
    """In one sentence, not by what torch's reader raises."""
    path = write_exported(tmp_path / "net.pt2", NETWORK)
    with zipfile.ZipFile(path) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, b"{}" if name.endswith("models/model.json") else data)
    with pytest.raises(DataError, match=r"net\.pt2"):
        weights_of(str(path))


def test_classes_of_one_column_each(tmp_path: Path) -> None:
    """A network whose answer is no row of logits is refused when it answers."""
    onnx = load_package("onnx")
    model = onnx_model(Linear(NETWORK.weights, NETWORK.bias))
    model.graph.node.append(onnx.helper.make_node("ReduceSum", ["logits"], ["sum"], keepdims=0))
    model.graph.output[0].name = "sum"
    model.graph.output[0].type.tensor_type.ClearField("shape")
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match="one logit for each class"):
        open_engine(str(path)).logits(np.zeros((2, 3, 4, 4), np.float32))
