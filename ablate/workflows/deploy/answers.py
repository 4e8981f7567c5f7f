"""What networks answer to the images of a test part, each given them as its own preprocessing says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ablate.deploy.inputs import answers_of, is_correct, network_input
from ablate.deploy.process import EngineProcess
from ablate.deploy.records import Preprocessing
from ablate.errors import DataError
from ablate.workflows.deploy.test_sets import CHUNK, TestPart

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Answers(NamedTuple):
    """Of one row and replicate. logits: (n, K), columns in the first row's order of classes. answers, correct."""

    logits: NDArray[np.float32]
    answers: NDArray[np.int64]
    correct: NDArray[np.int64]


def ask(
    opened: Sequence[EngineProcess],
    hows: Sequence[Preprocessing],
    part: TestPart,
    first: Preprocessing,
    at_once: int = CHUNK,
) -> list[Answers]:
    """Of every file to every image; an image is decoded once for all that decode it alike.

    at_once: images of one call, which count for a network's peak memory.
    """
    import numpy as np

    order = [[how.classes.index(name) for name in first.classes] for how in hows]
    pieces: list[list[NDArray[np.float32]]] = [[] for _ in opened]
    for start in range(0, len(part), CHUNK):
        chosen = range(start, min(start + CHUNK, len(part)))
        inputs: dict[Preprocessing | str, NDArray[np.float32]] = {}
        for i, (engine, how) in enumerate(zip(opened, hows, strict=True)):
            key = _input_key(how)
            if key not in inputs:
                inputs[key] = network_input(part.load(how, chosen), how)
            batches = [inputs[key][at : at + at_once] for at in range(0, len(chosen), at_once)]
            logits = np.concatenate([engine.logits(one) for one in batches])
            if logits.shape[1] != len(how.classes):
                raise DataError(
                    f"{engine.path} gives {logits.shape[1]} logits for {len(how.classes)} classes",
                    hint="The list of classes is of another network.",
                )
            pieces[i].append(logits[:, order[i]])
    targets = _targets(part, first)
    found = []
    for own in pieces:
        logits = np.concatenate(own)
        answers = answers_of(logits, multi_label=first.multi_label)
        found.append(Answers(logits, answers, is_correct(answers, targets).astype(np.int64)))
    return found


def _input_key(how: Preprocessing) -> str:
    """Equal for networks that are given the same numbers."""
    return repr((how.image_size, how.channels, how.resize, how.exif, how.depth, how.reader, how.mean, how.std))


def _targets(part: TestPart, how: Preprocessing) -> NDArray[np.int64]:
    import numpy as np

    number = {name: k for k, name in enumerate(how.classes)}
    if not how.multi_label:
        return np.array([number[one[0]] for one in part.labels], dtype=np.int64)
    targets = np.zeros((len(part), len(number)), dtype=np.int64)
    for row, names in zip(targets, part.labels, strict=True):
        row[[number[name] for name in names]] = 1
    return targets
