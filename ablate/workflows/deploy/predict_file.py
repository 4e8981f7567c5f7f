"""`ablate predict --engine`: class probabilities of images by a network's file, without torch and without a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.deploy.inputs import network_input, probabilities
from ablate.deploy.opening import KINDS, engine_of, read_metadata
from ablate.deploy.preprocessing import preprocessing_of_text
from ablate.deploy.process import EngineProcess
from ablate.deploy.records import Preprocessing
from ablate.errors import DataError, StudyError
from ablate.workflows.deploy.decoding import decode_files
from ablate.workflows.deploy.test_sets import CHUNK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENGINES = {"onnx": "onnxruntime", "onnxruntime": "onnxruntime", "openvino": "openvino", "torch": "torch"}
"""What an engine may be called -> its name."""


def refuse_without_engine(run: str) -> None:
    """Raise StudyError for a network's file in the place of a run."""
    kind = KINDS.get(Path(run).suffix.lower())
    if kind is None:
        return
    engine = next(name for name, one in ENGINES.items() if one == kind.engine)
    raise StudyError(f"{run} is a network's file, not a finished run", hint=f"Add --engine {engine}.")


def open_preprocessing(file: Path, engine: str, told: Path | None = None) -> Preprocessing:
    """How a file's input is made. told: a JSON file for one that does not say.

    Raises StudyError for an engine that does not open such files, DataError for a file that cannot be used.
    """
    if engine not in ENGINES:
        raise StudyError(f"--engine {engine}: there is no such engine", hint=f"There are: {', '.join(ENGINES)}.")
    if file.suffix.lower() not in KINDS:
        raise StudyError(
            f"--engine {engine} answers by a network's file, and {file} does not end as one",
            hint=f"Leave --engine out to predict by a finished run; files end in {', '.join(KINDS)}.",
        )
    if ENGINES[engine] != engine_of(str(file)):
        raise StudyError(
            f"--engine {engine} does not open {file.name}", hint=f"Such a file is opened by {engine_of(str(file))}."
        )
    found = read_metadata(str(file))
    if found is None and told is not None:
        from ablate.workflows.deploy.files import read_file

        return read_file(told)
    return found or preprocessing_of_text(None, str(file))


def predict_with_file(
    file: Path, how: Preprocessing, images: Sequence[Path], *, threads: int = 1
) -> Iterator[dict[str, float] | DataError]:
    """Class name -> probability for each image, in the order given; the error in the place of one that is damaged."""
    with EngineProcess(str(file), threads=threads) as engine:
        for start in range(0, len(images), CHUNK):
            chosen = images[start : start + CHUNK]
            found = decode_files(chosen, how)
            pixels = [one for one in found if not isinstance(one, str)]
            rows = iter(_rows(engine, pixels, how, str(file)))
            for path, one in zip(chosen, found, strict=True):
                if isinstance(one, str):
                    yield DataError(f"cannot read {path} ({one})", hint="Give whole image files.")
                else:
                    yield dict(zip(how.classes, next(rows), strict=True))


def _rows(
    engine: EngineProcess, pixels: Sequence[NDArray[np.uint8]], how: Preprocessing, file: str
) -> list[list[float]]:
    if not pixels:
        return []
    logits = engine.logits(network_input(pixels, how))
    if logits.shape[1] != len(how.classes):
        raise DataError(
            f"{file} gives {logits.shape[1]} logits for {len(how.classes)} classes",
            hint="The list of classes is of another network.",
        )
    shares: list[list[float]] = probabilities(logits, multi_label=how.multi_label).tolist()
    return shares
