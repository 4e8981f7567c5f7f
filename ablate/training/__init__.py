"""The built-in trainer: image classifiers in torch.

This module is free of torch, so that a study can be checked and planned without it; the work is
done by the modules below, imported when a function is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.errors import DataError
from ablate.inspection import Description, Examination, Explained
from ablate.protocols import Run
from ablate.records import Finished, Outcome, Prepared, RunSpec
from ablate.settings import settings_of_record
from ablate.splits.rules import Protocol
from ablate.training.checks import refuse_impossible
from ablate.training.config import Config

METRICS = {
    "accuracy": "max",
    "balanced_accuracy": "max",
    "macro_f1": "max",
    "mean_average_precision": "max",
    "robust_accuracy": "max",
    "loss": "min",
}
"""What the trainer may report on the test images; which of it a config gets, `check_config` knows."""

WARM = "ablate.training.warm:warm_up"
"""What a warm server calls before it starts runs."""

DECODE_IMAGES = "ablate.training.data.ahead:decode_images"
"""What fills the cache of images while the warm server is still importing torch."""

LOOK_AT_DATA = "ablate.training.preparation:look_at_data"
"""What `data stats` calls for each variant."""


def train(config: Config, run: Run) -> Outcome:
    """Train one network and test it once."""
    from ablate.training.loop import train_network

    return train_network(config, run)


def check_config(config: Config, protocol: Protocol) -> None:
    """Refuse parts that cannot fit together, whatever the data are."""
    refuse_impossible(config, protocol)


def donors(config: Config) -> list[str]:
    """The variants, `STUDY/VARIANT`, whose runs a config begins with."""
    return [] if config.weights is None or config.weights.run is None else [config.weights.run]


def describe(config: Config) -> Description:
    """Parameters, FLOPs and layers of the network, without data."""
    from ablate.training.cost import describe_network

    return describe_network(config)


def count_parameters(config: Config) -> int | None:
    """How many the network has, all of them trained, where that can be said without building it; else None."""
    from ablate.training.parameters import parameter_count

    return parameter_count(config)


def locate(config: Config) -> None:
    """Raise DataMissing where the data are not, DataError where a file of weights or vectors is not; looks into none.

    Without torch: a wrong path is told before anything is started.
    """
    from ablate.training.config.model import encoder_of
    from ablate.training.data.sources import locate_images
    from ablate.training.text.encoders import files_of

    locate_images(config.data)
    if config.weights is not None and config.weights.file is not None and not Path(config.weights.file).is_file():
        raise DataError(
            f"base.weights.file: there is no file {Path(config.weights.file).resolve()}",
            hint=f"A relative path starts at the current folder, {Path.cwd()}.",
        )
    files_of(encoder_of(config.model))


def note_names(config: Config) -> list[str]:
    """What the images' names alone say, before anything is decoded: that they seem to belong together."""
    from ablate.training.config.clips import VideoFolder
    from ablate.training.config.data import ImageFolder, LabelledFiles
    from ablate.training.data.origin_names import notes_on_names
    from ablate.training.data.sources import list_images

    if config.data.groups is not None or not isinstance(config.data.source, ImageFolder | LabelledFiles | VideoFolder):
        return []
    contents = list_images(config.data).read()
    return notes_on_names([image.id for image in contents.images], len(contents.classes))


def examine(config: Config, protocol: Protocol, cached: Callable[[str, Callable[[Path], None]], Path]) -> Examination:
    """What the data of a config are: counts, sizes, moments, copies, samples."""
    from ablate.training.data.examine import examine_data

    return examine_data(config.data, protocol, cached)


def prepare(config: Config, run: Run) -> Prepared:
    """Look at every image once, and try the network on one batch."""
    from ablate.training.preparation import prepare_data

    return prepare_data(config, run)


def predict(
    spec: RunSpec, result: Finished, images: Sequence[Path], texts: Sequence[str] | None = None
) -> Iterator[Mapping[str, float] | DataError]:
    """Class name -> probability for each image, by the weights of a finished run; the error where one is damaged.

    texts: one an image, for a network that reads them.
    """
    from ablate.training.predictions import predict_images

    return predict_images(spec, result, images, texts)


def trained_on(
    runs: Sequence[tuple[RunSpec, Run]], images: Sequence[Path]
) -> Sequence[tuple[str, Sequence[int]] | None]:
    """For each image file, if one of the runs was fitted or chosen on it, its id and the replicates; else None."""
    from ablate.training.data.seen import find_seen

    return find_seen(runs, images)


def unlabelled(spec: RunSpec) -> list[Path]:
    """The images without labels that come with the data set of a run."""
    from ablate.training.data.unlabelled import unlabelled_files

    return unlabelled_files(settings_of_record(Config, spec.config).data)


def retest(spec: RunSpec, result: Finished, run: Run) -> Mapping[str, float]:
    """The metrics of a finished run once more, from its stored weights."""
    from ablate.training.retesting import reevaluate_run

    return reevaluate_run(spec, result, run)


def augmented_test(spec: RunSpec, result: Finished, run: Run, tta: Mapping[str, Any]) -> Path:
    """The test images of a finished run seen several ways: an npz in the run's folder, as a run itself writes it."""
    from ablate.training.views import test_by_views

    return test_by_views(spec, result, run, tta)


def check_views(config: Config, tta: Mapping[str, Any]) -> None:
    """Refuse views that would all be the same image."""
    from ablate.training.checks import refuse_idle_views

    refuse_idle_views(config, tta)


def explain(spec: RunSpec, result: Finished, run: Run, layer: str | None) -> Explained:
    """Look into a finished run: its answers, its feature maps, where it looks, what it finds alike."""
    from ablate.training.explanations.whole import explain_run

    return explain_run(spec, result, run, layer)


def export(spec: RunSpec, result: Finished, path: Path) -> None:
    """Write the network of a finished run as a file that runs elsewhere: .onnx, or .pt2."""
    from ablate.training.compress.export import export_run

    export_run(spec, result, path)


def thumbnails(config: Config, ids: Sequence[str], kept: Callable[[str], Path]) -> Mapping[str, bytes]:
    """Small images for a report; of those whose decoded copy is still kept."""
    from ablate.training.small_images import thumbnails_of

    return thumbnails_of(config, ids, kept)


def image_groups(config: Config, result: Finished, kept: Callable[[str], Path]) -> Mapping[str, str]:
    """Image id -> the first image of its group, for those that are copies or of one origin: by data, without torch."""
    from ablate.training.data.known_groups import groups_of_run

    return groups_of_run(config.data, result, kept)
