"""Everything there is to see of one finished run, gathered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ablate.errors import StudyError, TrainerError, near_match
from ablate.inspection import Embedding, Explained, ExplainedImage, FeatureMaps, Heatmap, ModelAnswer, Neighbours
from ablate.protocols import Run
from ablate.records import Finished, RunSpec
from ablate.settings import settings_of_record
from ablate.training.config import Config
from ablate.training.config.model import encoder_of
from ablate.training.data.frames import strip_of
from ablate.training.data.parts import Subset, Subsets
from ablate.training.evaluate import Scores, evaluation_batch, probabilities
from ablate.training.explanations.alike import Features, nearest, on_a_plane
from ablate.training.explanations.gradcam import as_heatmaps, grad_cam
from ablate.training.explanations.layers import (
    LayerPlace,
    feature_maps,
    inputs_of_last_linear,
    last_convolutional,
    maps_at,
)
from ablate.training.outcome import judged_scores
from ablate.training.retesting import reopen
from ablate.training.stored import StoredNetwork

GRID, MISTAKES, QUERIES, NEAREST = 64, 8, 6, 6
"""Images in the grid, mistakes looked into, images compared, and what is most like each."""
EMBEDDED, GALLERY = 1000, 4000
"""Test images on the plane, and images of the fit part that are searched, at most."""
TENTH = 10
"""The layer shown unless another is asked for."""
CHANNELS = 64
"""Channels of a layer that are shown."""


class _Case(NamedTuple):
    """The run being looked into.

    part, rows: what it is judged on, and where these images stand in the data set. order: these
    images, shuffled by their names; the same each time.
    """

    stored: StoredNetwork
    parts: Subsets
    part: Subset
    rows: tuple[int, ...]
    scores: Scores
    shares: NDArray[np.float64]
    order: tuple[int, ...]
    places: list[LayerPlace]
    last: LayerPlace | None


def explain_run(spec: RunSpec, result: Finished, run: Run, layer: str | None) -> Explained:
    """Look into a finished run. layer: name of the layer whose feature maps are shown; None for the tenth.

    Raises StudyError for a layer that is not there, DataError where the weights are gone or the
    images have changed.
    """
    case = _open(spec, result, run)
    shown = _layer(layer, case.places)
    said = case.scores.logits.argmax(1).numpy()
    not_done = list(_not_done(case))
    several = case.scores.several
    true_counts, said_counts = _counts(case)
    return Explained(
        classes=case.stored.classes,
        images=len(case.scores.targets),
        metrics=case.scores.metrics(),
        targets=None if several else case.scores.targets.numpy(),
        predicted=None if several else said,
        true_counts=true_counts,
        said_counts=said_counts,
        grid=tuple(_answer(case, index) for index in case.order[:GRID]),
        maps=None if shown is None else _maps(case, shown),
        heatmaps=() if several or case.last is None else tuple(_heatmaps(case, case.last)),
        embedding=None if several else _embedding(case, not_done),
        neighbours=tuple(_neighbours(case)),
        layers={place.name: "x".join(map(str, place.shape)) for place in case.places if place.is_leaf},
        last_map=case.last.name if case.last else "",
        not_done=tuple(not_done),
    )


def _open(spec: RunSpec, result: Finished, run: Run) -> _Case:
    _refuse_text(settings_of_record(Config, spec.config))
    stored, parts = reopen(spec, result, run)
    scores = judged_scores(stored.config, run, parts, stored.mode, stored.network)
    # A trial of a search is judged on validation images: its test part is sealed.
    part, rows = (parts.val, parts.split.val) if run.protocol.sealed else (parts.test, parts.split.test)
    ids = [parts.images.ids[row] for row in rows]
    order = sorted(range(len(ids)), key=lambda index: hashlib.sha256(ids[index].encode()).digest())
    # Maps over time as well, or of the frames one by one, cannot be laid over an image.
    places = [] if part.frames > 1 else feature_maps(stored.network, part.images_of(part.places()[:1]))
    shares = probabilities(scores.logits.double(), stored.config).numpy()
    return _Case(stored, parts, part, rows, scores, shares, tuple(order), places, last_convolutional(places))


def _refuse_text(config: Config) -> None:
    if encoder_of(config.model) is not None:
        raise TrainerError(
            "the network of this run reads a text beside each image, and what is shown here is of networks that look "
            "at the image alone",
            hint="Explain a variant with model.text: null. The report shows the texts of images that runs disagree on.",
        )


def _not_done(case: _Case) -> list[str]:
    lines = []
    if case.rows == case.parts.split.val:
        lines.append("A trial of a search: its test images are sealed, so validation images are shown.")
    if case.scores.several:
        lines.append(
            "Images of this data set have several labels: there is no one class to be taken for another, so "
            "there is no confusion matrix, no map coloured by class, and no Grad-CAM of mistakes."
        )
    if case.part.frames > 1:
        lines.append(
            "Clips: Grad-CAM and feature maps are of single images and left out; features are what the last layer is "
            "handed. A clip is shown by some of its frames, side by side."
        )
    elif case.last is None:
        lines.append(
            "This network has no convolutional feature map: Grad-CAM and images of layers do not apply, and "
            "features are what its last layer is handed."
        )
    elif not case.scores.several and bool(case.scores.correct.all()):
        lines.append("Every test image is classified correctly: there are no mistakes to examine.")
    return lines


def _layer(name: str | None, places: list[LayerPlace]) -> LayerPlace | None:
    leaves = [place for place in places if place.is_leaf]
    if name is None:
        return (leaves[TENTH - 1] if len(leaves) >= TENTH else leaves[-1]) if leaves else None
    found = [place for place in places if place.name == name]
    if not found:
        names = list(dict.fromkeys(place.name for place in leaves))
        raise StudyError(
            f"--layer {name}: the network has no such layer that gives a feature map",
            hint=f"{near_match(name, names)}There are: {', '.join(names)}.",
        )
    return found[-1]


def _counts(case: _Case) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    classes = len(case.stored.classes)
    if case.scores.several:
        present, named = case.scores.targets.numpy() > 0.5, case.shares > 0.5
        return present.sum(0).astype(np.int64), named.sum(0).astype(np.int64)
    true = np.bincount(case.scores.targets.numpy(), minlength=classes)
    return true.astype(np.int64), np.bincount(case.shares.argmax(1), minlength=classes).astype(np.int64)


def _answer(case: _Case, index: int) -> ModelAnswer:
    row = case.shares[index]
    if case.scores.several:
        labels = np.flatnonzero(row > 0.5)
        confidence = float(np.where(row > 0.5, row, 1 - row).min())
    else:
        labels, confidence = row.argmax(keepdims=True), float(row.max())
    said = _named(case, labels)
    image = _image(case, case.part, case.rows, index)
    return ModelAnswer(image, said, bool(case.scores.correct[index]), confidence)


def _image(case: _Case, part: Subset, rows: Sequence[int], index: int) -> ExplainedImage:
    chosen = _chosen([index], part)
    target = part.targets_of(chosen)[0].cpu().numpy()
    labels = np.flatnonzero(target > 0.5) if target.ndim else np.array([int(target)])
    stacked = part.pixels_of(chosen)[0].permute(1, 2, 0).contiguous().cpu().numpy()
    pixels = strip_of(stacked, part.frames)
    return ExplainedImage(case.parts.images.ids[rows[index]], _named(case, labels), pixels)


def _named(case: _Case, labels: NDArray[np.int64]) -> str:
    return ", ".join(case.stored.classes[int(label)] for label in labels) or "none"


def _chosen(indices: Sequence[int], part: Subset) -> Tensor:
    return torch.tensor(indices, dtype=torch.int64, device=part.rows.device)


def _maps(case: _Case, place: LayerPlace) -> FeatureMaps:
    """Of the first image of the grid."""
    index = case.order[0]
    images = case.part.images_of(_chosen([index], case.part))
    values = maps_at(case.stored.network, images, place)[0, :CHANNELS].cpu().numpy()
    image = _image(case, case.part, case.rows, index)
    return FeatureMaps(place.name, image, values, place.shape[0])


def _heatmaps(case: _Case, place: LayerPlace) -> list[Heatmap]:
    """Of the surest mistakes: wrong answers with the largest probability."""
    wrong = np.flatnonzero(~case.scores.correct)
    chosen = wrong[np.argsort(-case.shares[wrong].max(1), kind="stable")][:MISTAKES]
    if not len(chosen):
        return []
    indices = _chosen(chosen.tolist(), case.part)
    images = case.part.images_of(indices)
    side = (images.shape[-2], images.shape[-1])
    maps = [
        as_heatmaps(grad_cam(case.stored.network, images, classes, place), side).cpu().numpy()
        for classes in (case.scores.logits.argmax(1)[chosen].to(images.device), case.part.targets_of(indices))
    ]
    answers = [_answer(case, int(index)) for index in chosen]
    return [Heatmap(*one) for one in zip(answers, *maps, strict=True)]


def _features(case: _Case, part: Subset, indices: Sequence[int]) -> Features | None:
    """(n, d): the last feature map averaged over the image, or what the last layer is handed."""
    stored = case.stored
    size = evaluation_batch(stored.config)
    found = []
    for batch in _chosen(indices, part).split(size):
        images = part.images_of(batch)
        if case.last is not None:
            rows: Tensor | None = maps_at(stored.network, images, case.last).mean((2, 3))
        else:
            rows = inputs_of_last_linear(stored.network, images)
        if rows is None:
            return None
        found.append(rows.cpu())
    features: Features = torch.cat(found).numpy()
    return features


def _embedding(case: _Case, not_done: list[str]) -> Embedding | None:
    chosen = case.order[:EMBEDDED]
    features = _features(case, case.part, chosen)
    points = None if features is None else on_a_plane(features)
    if features is None or points is None:
        not_done.append("The features are too few, or the same for all test images: there is no map of them.")
        return None
    return Embedding(points, case.scores.targets.numpy()[list(chosen)], features.shape[1])


def _neighbours(case: _Case) -> list[Neighbours]:
    """Test images, right and wrong ones in turn, with what is most like them in the fit part."""
    correct = case.scores.correct
    wrong = [index for index in case.order if not correct[index]][: QUERIES // 2]
    right = [index for index in case.order if correct[index]][: QUERIES - len(wrong)]
    queries = right + wrong
    fit = case.parts.fit
    gallery = np.linspace(0, len(fit) - 1, min(GALLERY, len(fit))).astype(int).tolist()
    asked, known = _features(case, case.part, queries), _features(case, fit, gallery)
    if asked is None or known is None:
        return []
    places, cosines = nearest(asked, known, NEAREST)
    return [
        Neighbours(
            _answer(case, index),
            tuple(
                (_image(case, fit, case.parts.split.fit, gallery[place]), float(cosine))
                for place, cosine in zip(row, likeness, strict=True)
            ),
        )
        for index, row, likeness in zip(queries, places, cosines, strict=True)
    ]
