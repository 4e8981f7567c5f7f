"""The classification sets of `torchvision.datasets`, whatever way each wants to be asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.errors import DataError, DataMissing
from ablate.training.config import Torchvision
from ablate.training.data.listing import Contents, ImageFile, Listing, by_label, nfc, resolved, version_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SetOptions = Mapping[str, Any]
"""What a constructor is given to open one part of a set."""


class Recipe(NamedTuple):
    """How a set is opened: its class's name, the parts that are trained and tested on, its files below the root."""

    dataset: str
    train: tuple[SetOptions, ...]
    test: tuple[SetOptions, ...]
    files: tuple[str, ...]


def _flag(dataset: str, *files: str, **more: str) -> Recipe:
    """Parts told apart by train=True and train=False."""
    return Recipe(dataset, ({"train": True} | more,), ({"train": False} | more,), files)


def _split(dataset: str, train: str, test: str, *files: str) -> Recipe:
    """Parts told apart by split=...; `train` may list several, joined by +."""
    return Recipe(dataset, tuple({"split": name} for name in train.split("+")), ({"split": test},), files)


def _whole(dataset: str, *files: str) -> Recipe:
    """One part, no test part of its own."""
    return Recipe(dataset, ({},), (), files)


RECIPES: Mapping[str, Recipe] = {
    "CIFAR10": _flag("CIFAR10", "cifar-10-batches-py"),
    "CIFAR100": _flag("CIFAR100", "cifar-100-python"),
    "Caltech101": _whole("Caltech101", "caltech101"),
    "Caltech256": _whole("Caltech256", "caltech256"),
    "Country211": _split("Country211", "train+valid", "test", "country211"),
    "DTD": _split("DTD", "train+val", "test", "dtd"),
    "EMNIST-balanced": _flag("EMNIST", "EMNIST/raw", split="balanced"),
    "EMNIST-letters": _flag("EMNIST", "EMNIST/raw", split="letters"),
    "EuroSAT": _whole("EuroSAT", "eurosat"),
    "FGVCAircraft": _split("FGVCAircraft", "trainval", "test", "fgvc-aircraft-2013b"),
    "FashionMNIST": _flag("FashionMNIST", "FashionMNIST/raw"),
    "Flowers102": _split("Flowers102", "train+val", "test", "flowers-102"),
    "Food101": _split("Food101", "train", "test", "food-101"),
    "GTSRB": _split("GTSRB", "train", "test", "gtsrb"),
    "ImageNet": _split("ImageNet", "train", "val", "train", "val", "meta.bin"),
    "Imagenette": _split("Imagenette", "train", "val", "imagenette2"),
    "KMNIST": _flag("KMNIST", "KMNIST/raw"),
    "MNIST": _flag("MNIST", "MNIST/raw"),
    "OxfordIIITPet": _split("OxfordIIITPet", "trainval", "test", "oxford-iiit-pet"),
    "PCAM": _split("PCAM", "train+val", "test", "pcam"),
    "QMNIST": _flag("QMNIST", "QMNIST/raw"),
    "RenderedSST2": _split("RenderedSST2", "train+val", "test", "rendered-sst2"),
    "SEMEION": _whole("SEMEION", "semeion.data"),
    "STL10": _split("STL10", "train", "test", "stl10_binary"),
    "SUN397": _whole("SUN397", "SUN397"),
    "SVHN": _split("SVHN", "train", "test", "train_32x32.mat", "test_32x32.mat"),
    "StanfordCars": _split("StanfordCars", "train", "test", "stanford_cars"),
    "USPS": _flag("USPS", "usps.bz2", "usps.t.bz2"),
}
"""Labelled validation parts belong to the training side: `evidence.val` draws our own."""


def list_torchvision(source: Torchvision) -> Listing:
    """A set of torchvision's, downloaded first where that is asked for; looked into only by `read`.

    Raises DataMissing where it is not there, and DataError where it cannot be downloaded.
    """
    from torchvision import __version__ as torchvision_version

    recipe, root = RECIPES[source.dataset], resolved(source.root)
    if not _is_there(root, recipe):
        if not source.download:
            raise _missing(source, recipe, root)
        _download(source, recipe, root)
    files = [(path.relative_to(root).as_posix(), str(path)) for path in _files(root, recipe)]
    version = version_of(f"{source.dataset} of torchvision {torchvision_version} in {root}", files)
    watch = {path for _, path in files} | {str(Path(path).parent) for _, path in files}
    return Listing(source.dataset, version, tuple(sorted(watch)), partial(_read, source, recipe, root))


def _read(source: Torchvision, recipe: Recipe, root: Path) -> Contents:
    found: list[tuple[str, int, str | Callable[[], NDArray[np.uint8]]]] = []
    tested: set[str] = set()
    names: list[str] = []
    for part, is_test in [(part, False) for part in recipe.train] + [(part, True) for part in recipe.test]:
        dataset = _open(source, recipe, root, part)
        names = names or _class_names(dataset)
        title = str(part.get("split", "")) if "train" not in part else ("test" if is_test else "train")
        for index in range(len(dataset)):
            content, label = dataset[index]
            name = f"{title or 'all'}:{index:05}"
            if isinstance(content, str):
                name = nfc(Path(content).relative_to(root).as_posix())
            else:
                content = partial(_pixels, dataset, index)
            found.append((name, int(label), content))
            if is_test:
                tested.add(name)
    # Some sets number their classes from 1, or name one that no image has.
    places = {label: index for index, label in enumerate(sorted({label for _, label, _ in found}))}
    return Contents(
        classes=tuple(nfc(names[label]) if label < len(names) else str(label) for label in places),
        images=by_label(ImageFile(name, places[label], content) for name, label, content in found),
        official_test=frozenset(tested) if recipe.test else None,
    )


def _open(source: Torchvision, recipe: Recipe, root: Path, part: SetOptions) -> Any:
    """One part as torchvision opens it; where it can, its items are the images' paths."""
    import torchvision.datasets

    kind = getattr(torchvision.datasets, recipe.dataset)
    options = dict(part)
    if "loader" in inspect.signature(kind).parameters:
        options["loader"] = str
    opened = kind if source.verify else _unverified(kind)
    try:
        return opened(str(root), **options)
    except (RuntimeError, OSError, ValueError, ImportError, EOFError, KeyError) as error:
        raise _missing(source, recipe, root, str(error).partition("\n")[0]) from error


def _unverified(kind: Any) -> Any:
    """The same set without expected checksums: torchvision then asks only whether the files are there."""
    changes: dict[str, Any] = {}
    for name in ("train_list", "test_list"):
        if hasattr(kind, name):
            changes[name] = [[*entry[:-1], None] for entry in getattr(kind, name)]
    if isinstance(getattr(kind, "meta", None), dict):
        changes["meta"] = kind.meta | {"md5": None}
    if isinstance(getattr(kind, "split_list", None), dict):
        changes["split_list"] = {key: [*entry[:-1], None] for key, entry in kind.split_list.items()}
    return type(kind.__name__, (kind,), changes)


def _pixels(dataset: Any, index: int) -> NDArray[np.uint8]:
    import numpy as np

    image = dataset[index][0]
    return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))


def _class_names(dataset: Any) -> list[str]:
    given = getattr(dataset, "classes", None) or getattr(dataset, "categories", None) or []
    return [name if isinstance(name, str) else ", ".join(name) for name in given]


# --- what is on disk --------------------------------------------------------------------------


def _is_there(root: Path, recipe: Recipe) -> bool:
    return all((root / name).exists() for name in recipe.files)


def _files(root: Path, recipe: Recipe) -> Iterator[Path]:
    for name in recipe.files:
        place = root / name
        yield from sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]


def _missing(source: Torchvision, recipe: Recipe, root: Path, reason: str = "") -> DataMissing:
    told = f" ({reason})" if reason else ""
    return DataMissing(
        f"base.data.source: torchvision's {source.dataset} is not in {root}, or not whole{told}",
        hint="Set base.data.source.download: true to fetch it, or copy "
        f"{' and '.join(recipe.files)} into {root} from a machine that has it.",
    )


def _download(source: Torchvision, recipe: Recipe, root: Path) -> None:
    import torchvision.datasets

    kind = getattr(torchvision.datasets, recipe.dataset)
    if "download" not in inspect.signature(kind).parameters:
        raise DataMissing(
            f"base.data.source: torchvision cannot download {source.dataset}, and it is not in {root}",
            hint=f"Download it manually, put {' and '.join(recipe.files)} into {root}, and set download: false.",
        )
    was_there = root.is_dir()
    try:
        root.mkdir(parents=True, exist_ok=True)
        for part in (*recipe.train, *recipe.test):
            kind(str(root), download=True, **part)
    except (RuntimeError, OSError, ValueError, ImportError) as error:  # urllib's errors are OSErrors
        if not was_there and root.is_dir() and not any(root.iterdir()):
            root.rmdir()
        raise DataError(
            f"base.data.source: {source.dataset} could not be downloaded to {root}: {str(error).partition(chr(10))[0]}",
            hint="Is this machine online? If it is not, copy "
            f"{' and '.join(recipe.files)} into {root} from one that is.",
        ) from error
