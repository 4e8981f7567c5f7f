"""What was looked for and found sound, kept so: no shell, no code out of files, no script out of pages."""

from __future__ import annotations

import ast
import io
import json
import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ablate.errors import DataError
from ablate.track import open as tracking
from ablate.training.weights import read_state_dict

PACKAGE = Path(__file__).parents[2] / "ablate"


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the package, and where it stands."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno}", node


def named(node: ast.Call) -> str:
    """The called name as it is written."""
    return ast.unparse(node.func)


def test_no_shell_is_ever_asked() -> None:
    """A name in a command line is an argument, whatever signs it holds."""
    shells = [
        place
        for place, call in calls()
        if named(call) in ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput")
        or any(word.arg == "shell" for word in call.keywords)
    ]

    assert shells == []


def test_no_file_is_unpickled_or_evaluated() -> None:
    """torch.load with weights_only=True, spelled out; numpy without pickles; neither pickle nor eval nor exec."""
    wrong = []
    for place, call in calls():
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if named(call) == "torch.load" and given.get("weights_only") != "True":
            wrong.append(place)
        if named(call).endswith(("np.load", "read_array")) and given.get("allow_pickle") != "False":
            wrong.append(place)
        if named(call) in ("eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "marshal.loads", "shelve.open"):
            wrong.append(place)

    assert wrong == []


class Planted:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_weights_run_no_code(tmp_path: Path) -> None:
    """A pickle in a file of weights is refused before anything of it is carried out."""
    (tmp_path / "old.pt").write_bytes(pickle.dumps(Planted(tmp_path / "ran"), protocol=2))
    torch.save({"a": Planted(tmp_path / "ran")}, tmp_path / "new.pt")
    for name in ("old.pt", "new.pt"):
        with pytest.raises(DataError):
            read_state_dict(tmp_path / name)

    assert not (tmp_path / "ran").exists()


def test_weights_that_unpack_to_more_than_they_are_are_refused(tmp_path: Path) -> None:
    """torch stores tensors as they are: an archive that is packed is none of its own."""
    plain = io.BytesIO()
    torch.save({"weight": torch.zeros(1_000_000)}, plain)
    with zipfile.ZipFile(plain) as whole, zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for member in whole.infolist():
            packed.writestr(member.filename, whole.read(member))
    (tmp_path / "sound.pt").write_bytes(plain.getvalue())

    with pytest.raises(DataError, match="would become"):
        read_state_dict(tmp_path / "x.pt")
    assert set(read_state_dict(tmp_path / "sound.pt").state) == {"weight"}


def test_a_header_that_claims_more_than_the_file_is_refused(tmp_path: Path) -> None:
    """safetensors compares its header with the file before it allocates."""
    path = tmp_path / "x.safetensors"
    save_file({"weight": torch.zeros(4)}, path)
    header = json.dumps({"weight": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 16)

    with pytest.raises(DataError):
        read_state_dict(path)


def test_a_page_lets_no_script_run_but_its_own() -> None:
    """The policy allows nothing else but its style and images, so that a name that got through would do nothing."""
    sources = [path for path in PACKAGE.joinpath("report").rglob("*.*") if path.suffix in (".py", ".j2")]
    found = "".join(path.read_text(encoding="utf-8") for path in sources)
    policies = re.findall(r"default-src[^\"]*", found)

    assert len(policies) == 1  # one template for all pages
    for policy in policies:
        assert "'none'" in policy
        assert re.findall(r"script\S* [^;]*", policy) == ["script-src '{{ script_hash }}'"]
        assert "http" not in policy


def test_mlflows_interface_listens_to_this_machine_alone() -> None:
    """`mlflow ui` binds the loopback interface and checks hosts and origins, unless it is told otherwise."""
    text = Path(str(tracking.__file__)).read_text(encoding="utf-8")

    assert re.findall(r'"--host", ("[^"]*"|[^",]+)', text) == ['"127.0.0.1"']  # whatever MLFLOW_HOST says
    for flag in ("--allowed-hosts", "--cors-allowed-origins", "--disable-security-middleware", "0.0.0.0"):
        assert flag not in text
