"""Class probabilities of images by the weights of a finished run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ablate.errors import DataError
from ablate.records import Finished, RunSpec
from ablate.training.config import DataConfig
from ablate.training.config.model import encoder_of
from ablate.training.data.listing import ImageFile
from ablate.training.data.parts import normalize_block, resized
from ablate.training.data.scan import scan
from ablate.training.evaluate import evaluation_batch, probabilities
from ablate.training.stored import StoredNetwork, open_network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ablate.training.data.scan import Pixels

    Rows = NDArray[np.float32]


def predict_images(
    spec: RunSpec, result: Finished, images: Sequence[Path], texts: Sequence[str] | None = None
) -> Iterator[dict[str, float] | DataError]:
    """Class name -> probability for each image, in the order given, computed batch by batch as they are taken.

    In the place of one that cannot be read stands the error that says why. texts: one an image. Raises DataError for
    a run whose weights are gone, and for texts where the network takes none, or none where it takes some.
    """
    stored = open_network(spec, result)
    rows_of_text = _encoded(stored, images, texts)
    size = evaluation_batch(stored.config)
    for start in range(0, len(images), size):
        chosen = images[start : start + size]
        pixels, problems = _decoded(chosen, stored.config.data)
        whole = [start + place for place, problem in enumerate(problems) if not problem]
        text = () if rows_of_text is None else (torch.from_numpy(rows_of_text[whole]),)
        rows = iter(_probabilities(stored, pixels, text).tolist() if pixels else ())
        for path, problem in zip(chosen, problems, strict=True):
            if problem:
                yield DataError(f"cannot read {path} ({problem})", hint=f"Give whole {_files(stored.config.data)}.")
            else:
                yield dict(zip(stored.classes, next(rows), strict=True))


def _encoded(stored: StoredNetwork, images: Sequence[Path], texts: Sequence[str] | None) -> Rows | None:
    """(N, width) of all texts; None for a network that takes none."""
    encoder = encoder_of(stored.config.model)
    if texts is not None and (encoder is None or not encoder.reads_texts):
        raise DataError(
            "texts are given, and the network of this run reads none",
            hint="Leave them out, or predict with a variant whose model.text reads the text.",
        )
    if encoder is None or stored.encoder is None:
        return None
    if encoder.reads_texts and texts is None:
        raise DataError(
            "the network of this run reads a text beside each image, and none is given",
            hint="Give --text 'TEXT' with one image, or a CSV table with the columns path and "
            f"{stored.config.data.text_column} in the place of images.",
        )
    return stored.encoder.encode([_id_of(path, stored.config.data) for path in images], list(texts or ()))


def _id_of(path: Path, config: DataConfig) -> str:
    """The id an image has in the data set: its path below the source's root; as it is given where it lies elsewhere."""
    source = config.source
    root = getattr(source, "root", None) or Path(getattr(source, "file", "")).parent
    whole, folder = path.resolve(), Path(root).expanduser().resolve()
    return (whole.relative_to(folder) if whole.is_relative_to(folder) else path).as_posix()


def _files(config: DataConfig) -> str:
    return "image files" if config.clip is None else "video files, or folders of numbered frames"


def _decoded(images: Sequence[Path], config: DataConfig) -> tuple[list[Pixels], list[str]]:
    """As the training images were decoded: uint8, shape (S, S, C), or of their own sizes with `resize: device`.

    Of those that can be read; and for each image why it cannot, or nothing.
    """
    kept: list[Pixels] = []
    seen = scan([ImageFile(str(path), 0, str(path)) for path in images], config, kept.append)
    return kept, [one.problem for one in seen]


@torch.inference_mode()
def _probabilities(
    stored: StoredNetwork, pixels: Sequence[Pixels], text: tuple[torch.Tensor, ...] = ()
) -> torch.Tensor:
    """(N, classes) float32, on the CPU."""
    mode, side = stored.mode, stored.config.data.image_size
    alike = [np.stack(pixels)] if len({one.shape for one in pixels}) == 1 else [one[None] for one in pixels]
    scaled = [mode.images(torch.from_numpy(one)).float().div_(255) for one in alike]
    images = torch.cat(scaled if stored.config.data.clip is not None else [resized(one, side) for one in scaled])
    block = normalize_block(stored.config.data)
    if block is not None:
        mean, std = (torch.tensor(values, device=images.device).view(-1, 1, 1) for values in (block.mean, block.std))
        images = images.sub_(mean).div_(std)
    with mode.autocast():
        logits: torch.Tensor = stored.network(images, *map(mode.send, text)).float()
    return probabilities(logits, stored.config).cpu()
