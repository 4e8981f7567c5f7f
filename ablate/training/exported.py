"""Networks that torch.export wrote (`.pt2`): opened after a look that leaves nothing in them to be executed.

Such a file is a zip that torch reads by more than one way of executing what stands in it: pickled tensors and sample
inputs, compiled libraries, names of functions, expressions handed to `sympify`, guards. What a classifier's export
needs of these is little; a file that holds anything else is refused before torch reads it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ablate.deploy.preprocessing import preprocessing_of_text, text_of
from ablate.deploy.records import Preprocessing
from ablate.deploy.shapes import FileEngine
from ablate.errors import DataError
from ablate.files import write_atomically

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENTRY = "ablate.json"
"""The extra file with the preprocessing."""
LARGEST_MEMBER, LARGEST_JSON = 20_000_000_000, 200_000_000
TARGETS = re.compile(
    r"torch\.ops\.(aten|quantized_decomposed)\.\w+(\.\w+)?"
    r"|_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|eq|ne|lt|le|gt|ge)"
    r"|(torch\.)?sym_(size|int|float|max|min)|math\.(ceil|floor|trunc)"
)
"""Functions a node may call. Others could be any of torch's, also those that run programs."""
NAME = re.compile(r"[\w.]*")
SYMBOL = re.compile(r"Symbol\('\w+'(, \w+=(True|False))*\)")
_WORDS = "s\\d*|Integer|Rational|Add|Mul|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|Eq|Ne|Lt|Le|Gt|Ge"
POWER = re.compile(r"Pow\(s, Integer\(-?\d\)\)")
EXPRESSION = re.compile(rf"((?!\*\*|<<|>>)[\d +\-*/(),<>=]|\b({_WORDS})\b)*")
"""Of a free size, its symbols and their powers taken for `s`; torch hands it to sympy, which evaluates it as Python:
a power of powers would never end."""
_PRECISIONS = {torch.float16: "fp16", torch.bfloat16: "bf16"}


class ExportedEngine(FileEngine):
    """Implements records.Engine."""

    name = "torch"

    def __init__(self, path: Path, program: torch.export.ExportedProgram) -> None:
        super().__init__(path, [_sizes(one) for one in _inputs(program)])
        self.precision = _precision(program)
        self._module = program.module(check_guards=False)

    @torch.inference_mode()
    def _answer(self, batch: NDArray[np.float32]) -> object:
        try:
            found = self._module(torch.from_numpy(batch))
        except RuntimeError as error:
            raise _refused(self._path, error) from error
        if not isinstance(found, torch.Tensor):
            raise DataError(f"{self._path} gives a {type(found).__name__}, not one logit for each class")
        return found.float().numpy()


def open_file(path: Path, *, threads: int) -> ExportedEngine:
    """The network of a file. Raises DataError for one that is damaged, or that would execute more than a network."""
    torch.set_num_threads(threads)
    return ExportedEngine(path, _loaded(path))


def read_metadata(path: Path) -> Preprocessing | None:
    """What the file says of its input; None where it says nothing."""
    with _opened(path) as archive:
        member = next((one for one in archive.infolist() if _inside(one) == f"extra/{ENTRY}"), None)
        return None if member is None else preprocessing_of_text(_text(archive, member, path), str(path))


def write_metadata(path: Path, preprocessing: Preprocessing) -> None:
    """Put it into the file, in the place of what is there."""
    program = _loaded(path)

    def write(to: Path) -> None:
        with to.open("wb") as stream, io.BytesIO() as whole:
            torch.export.save(program, whole, extra_files={ENTRY: text_of(preprocessing)})
            stream.write(whole.getvalue())

    write_atomically(path, write)


def files_of(path: Path) -> list[Path]:
    """All is in one."""
    return [path]


def weight_shapes(path: Path) -> list[tuple[int, ...]]:
    """Of every tensor that is stored."""
    return [tuple(one.shape) for one in _loaded(path).state_dict.values()]


def _loaded(path: Path) -> torch.export.ExportedProgram:
    refuse_more_than_a_network(path)
    try:
        return torch.export.load(path)
    except Exception as error:  # whatever its readers raise at damaged content
        raise _refused(path, error) from error


def refuse_more_than_a_network(path: Path) -> None:
    """Raise DataError for a file in which torch would find anything to execute beside a network's operators."""
    with _opened(path) as archive:
        for member in archive.infolist():
            fault = _fault(archive, member, path)
            if fault:
                raise DataError(
                    f"{path}: {_inside(member)} {fault}",
                    hint="Nothing of it was executed. Export the classifier alone, by torch.export.save.",
                )


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(
            f"{path} is not a file of torch.export: {error}", hint="Is it whole? torch.export.save writes such files."
        ) from error


def _inside(member: zipfile.ZipInfo) -> str:
    """Its name below the one folder that all members lie in."""
    return member.filename.partition("/")[2]


def _fault(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> str:
    name = _inside(member)
    if member.file_size > LARGEST_MEMBER:
        return f"would have {member.file_size:,} bytes"
    if name.startswith("data/sample_inputs/"):
        return _fault_of_samples(archive.read(member))
    if name.startswith("models/"):
        return next(_faults_of_graph(_json(archive, member, path)), "")
    if name.endswith("_config.json"):
        return next(_faults_of_payload(_json(archive, member, path)), "")
    plain = re.fullmatch(
        r"data/(weights/weight|constants/tensor)_\d+|extra/[^/]+|archive_(format|version)|\.data/\w+|byteorder|version",
        name,
    )
    return "" if plain else "is nothing that a network's export has"


def _fault_of_samples(content: bytes) -> str:
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception:  # noqa: BLE001 - torch would then read it as a pickle of anything
        return "is pickled, and more than tensors"
    return ""


def _faults_of_payload(data: Any) -> Iterator[str]:
    for one in _mappings(data):
        if one.get("use_pickle"):
            yield "names pickled content"
        if not isinstance(one.get("path_name", ""), str) or not NAME.fullmatch(one.get("path_name", "")):
            yield "names a file outside its folder"


def _faults_of_graph(data: Any) -> Iterator[str]:
    for one in _mappings(data):
        if {"target", "inputs"} <= set(one) and not TARGETS.fullmatch(str(one["target"])):
            yield f"calls {str(one['target'])[:100]!r}, which is no operator of a network"
        name = one.get("name", "")
        if isinstance(name, str) and not NAME.fullmatch(name):
            yield f"has a name that is none, {name[:100]!r}"
        text = one.get("expr_str", "")
        if not EXPRESSION.fullmatch(POWER.sub("s", SYMBOL.sub("s", str(text)))):
            yield f"has a size that is no formula, {str(text)[:100]!r}"
        if one.get("as_custom_obj") or one.get("as_operator"):
            yield "hands an object of its own to an operator"


def _mappings(data: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in JSON data, however deep."""
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _text(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> str:
    if member.file_size > LARGEST_JSON:
        raise DataError(f"{path}: {_inside(member)} would have {member.file_size:,} bytes")
    try:
        return archive.read(member).decode()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError) as error:
        raise _refused(path, error) from error


def _json(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Any:
    try:
        return json.loads(_text(archive, member, path))
    except (ValueError, RecursionError) as error:
        raise _refused(path, error) from error


def _inputs(program: torch.export.ExportedProgram) -> list[torch.Tensor]:
    given = set(program.graph_signature.user_inputs)
    return [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in given]


def _sizes(value: Any) -> list[int | None]:
    return [side if isinstance(side, int) else None for side in getattr(value, "shape", ())]


def _precision(program: torch.export.ExportedProgram) -> str:
    if any("quantize" in str(node.target) for node in program.graph.nodes):
        return "int8"
    largest = max(program.state_dict.values(), key=lambda one: one.nbytes, default=None)
    return "fp32" if largest is None else _PRECISIONS.get(largest.dtype, "fp32")


def _refused(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return DataError(
        f"{path} cannot be used by torch: {reason}", hint="Is it whole? torch.export.save writes such files."
    )
