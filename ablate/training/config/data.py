"""Which images, how they are decoded, and how many are trained on."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ablate.settings import DataPath, DefinesTest, NotIdentity, Settings
from ablate.training.config.bounds import Positive, ShareOrCount
from ablate.training.config.clips import Clip, VideoFolder, with_image_size


class ImageFolder(Settings):
    """A folder of images, one sub-folder per class: `root/<class>/*`, or `root/<part>/<class>/*` with `train`."""

    name: Literal["image_folder"]
    root: DataPath[str]
    """Path of the folder, below the current folder or absolute."""
    train: str | None = None
    """Sub-folder of the images to train on, where the folder holds the parts of a split."""
    val: str | None = None
    """Sub-folder of the source's own validation part. Its images join those to train on, as with torchvision's sets;
    `evidence.val` is drawn from all of them."""
    test: str | None = None
    """Sub-folder of the source's own labelled test part, for `evidence.test: official`."""

    @model_validator(mode="after")
    def _names_both_parts(self) -> ImageFolder:
        for key in ("val", "test"):
            if getattr(self, key) is not None and self.train is None:
                raise ValueError(f"source.{key} is given without source.train; name both parts, or neither")
        return self


class Digits(Settings):
    """scikit-learn's `load_digits`: 1,797 scans of handwritten digits, 8x8 grey, 10 classes."""

    name: Literal["digits"]


TorchvisionName = Literal[
    "CIFAR10",
    "CIFAR100",
    "Caltech101",
    "Caltech256",
    "Country211",
    "DTD",
    "EMNIST-balanced",
    "EMNIST-letters",
    "EuroSAT",
    "FGVCAircraft",
    "FashionMNIST",
    "Flowers102",
    "Food101",
    "GTSRB",
    "ImageNet",
    "Imagenette",
    "KMNIST",
    "MNIST",
    "OxfordIIITPet",
    "PCAM",
    "QMNIST",
    "RenderedSST2",
    "SEMEION",
    "STL10",
    "SUN397",
    "SVHN",
    "StanfordCars",
    "USPS",
]
"""Classification sets of `torchvision.datasets`, under their names there."""


class Torchvision(Settings):
    """A classification set of `torchvision.datasets`; its own test part serves `evidence.test: official`.

    A labelled validation part of the set's own joins the training images.
    """

    name: Literal["torchvision"]
    dataset: TorchvisionName
    root: DataPath[str] = "data"
    """The folder torchvision keeps its sets in."""
    download: NotIdentity[bool] = False
    """Fetch the set where it is not in `root` yet."""
    verify: NotIdentity[bool] = True
    """Compare the files' checksums with torchvision's; false: take a set of your own in the same layout."""


class LabelledFiles(Settings):
    """Folders of images whose file names carry the label: Food-11's `train/3_17.jpg`, `valid/0_2.jpg`."""

    name: Literal["labelled_files"]
    root: DataPath[str]
    """Path of the folder that holds the parts."""
    train: str = "train"
    """Sub-folder of the images to train on."""
    test: str | None = None
    """Sub-folder of the source's own labelled test part, for `evidence.test: official`; Food-11: valid."""
    pattern: str = r"(\d+)_\d+"
    """Regular expression for a whole file name without its extension; its one group is the label."""
    names: Annotated[list[str], Field(min_length=2)] | None = None
    """Names of the classes 0, 1, ..., where the labels are numbers."""

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, pattern: str) -> str:
        return _checked_regex(pattern, one_group=True)


class CsvSplit(Settings):
    """The column that says which part an image belongs to. A value that no list holds is an error."""

    column: str
    train: list[str] = Field(default=["train"], min_length=1)
    """Values of the images to train on."""
    test: list[str] = Field(default=["test"], min_length=1)
    """Values of the source's own test part, for `evidence.test: official`."""
    leave_out: list[str] = Field(default=[])
    """Values of rows that are not read."""


class CsvTable(Settings):
    """A table of paths and labels, one image per row, column names in the first row, UTF-8."""

    name: Literal["csv"]
    file: DataPath[str]
    """Path of the table, below the current folder or absolute."""
    root: DataPath[str | None] = None
    """The folder its paths start at; null: the folder the table lies in."""
    path: str = "path"
    """The column of the images' paths."""
    label: str = "label"
    """The column of the labels; with `data.multi_label` several are joined by `|`, and it may be empty."""
    split: CsvSplit | None = None
    group: str | None = None
    """The column of an image's origin: images of one origin stay in one part."""
    text: str | None = None
    """The column of a text that comes with each image, for `model: {name: fusion}`."""
    suffix: str | None = None
    """Added to each path that does not end as an image's file does, such as `.png` where the table has bare names."""

    @field_validator("suffix")
    @classmethod
    def _is_an_ending(cls, suffix: str | None) -> str | None:
        if suffix is not None and ("." not in suffix or "/" in suffix):
            raise ValueError(f"source.suffix {suffix!r} is not the end of a file name; write it as .png")
        return suffix


Source = Annotated[
    ImageFolder | Digits | Torchvision | LabelledFiles | CsvTable | VideoFolder, Field(discriminator="name")
]


class Normalization(Settings):
    """Subtract `mean` and divide by `std`, one value per channel, after scaling pixels to [0, 1]."""

    mean: list[float]
    std: list[Positive]


class ScaledDepth(Settings):
    """Values of more than 8 bits are spread over 8: those two become 0 and 255, what lies outside is cut."""

    scale: Annotated[list[float], Field(min_length=2, max_length=2)]

    @field_validator("scale")
    @classmethod
    def _is_a_range(cls, scale: list[float]) -> list[float]:
        if not scale[0] < scale[1]:
            raise ValueError(f"scale ({scale}) is not a range; give the smaller value first")
        return scale


Depth = Literal["clip", "scale"] | ScaledDepth


class DataConfig(Settings):
    """Which images, how they are decoded, and how many of them are trained on."""

    source: DefinesTest[Source]
    classes: Annotated[int, Field(ge=2)]
    """Number of classes; checked against the data."""
    multi_label: DefinesTest[bool] = False
    """An image has any number of labels; needs a source that can say so (csv)."""
    groups: DefinesTest[str | None] = None
    """Regular expression found in an image's id (its path); what its groups match is its origin, and
    images of one origin stay in one part and count as one draw. near: images that look alike are of one origin."""
    image_size: Annotated[int, Field(ge=4, le=4096)]
    """Side of the square, in pixels, that every image is resized to; of clips, `clip.size` says it as well."""
    clip: Clip | None = None
    """Which frames of a clip are kept; for source video_folder, and null for images."""
    resize: Literal["pil", "device"] = "pil"
    """pil: by Pillow, bilinear, once, before caching. device: images of one size are cached at that size
    and resized batch by batch, after augmentation, in floating point (bilinear, antialiased)."""
    channels: Literal[1, 3] = 3
    """3: RGB, as torchvision's default loader decodes; 1: grey."""
    normalize: Literal["imagenet"] | Normalization | None = None
    train: ShareOrCount | Literal["all"] = 0.8
    """Share (below 1) or number of all images to train on, validation included; all: every one not tested on."""
    seed: DefinesTest[Annotated[int, Field(ge=0)]] = 0
    """Which random splits; a new one redraws them all."""
    exif: Literal["ignore", "transpose"] = "ignore"
    """`transpose` turns images as their EXIF orientation says; torchvision's loader does not."""
    on_bad_image: Literal["error", "skip"] = "error"
    depth: Depth | None = None
    """How grey images of 16 or 32 bits, or in floating point, become 8 bits. null: they are refused. scale: from 0
    and the largest value of the file's mode (65535 for 16 bits), the same for every image; {scale: [lo, hi]}: from a
    range of your own, which 32-bit and floating-point images need; clip: cut at 0 and 255, as torchvision does."""
    reader: Annotated[str, Field(pattern=r"^[\w.]+:\w+$", examples=["my_pkg.io:read"])] | None = None
    """Dotted path of a function of yours that reads every file: read(path) returns an array (H, W, C) of uint8,
    uint16 or float32 and the range (lo, hi) that becomes black to white. Its source is part of the data's digest."""

    @property
    def text_column(self) -> str | None:
        """The column of the images' texts, where the source has one."""
        return getattr(self.source, "text", None)

    @property
    def frames(self) -> int:
        """Frames of a clip; 1 for an image."""
        return 1 if self.clip is None else self.clip.frames

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what a network is given: the frames of a clip stand below each other."""
        return self.channels, self.frames * self.image_size, self.image_size

    @model_validator(mode="before")
    @classmethod
    def _size_of_clips(cls, data: Any) -> Any:
        return with_image_size(data)

    @field_validator("groups")
    @classmethod
    def _has_groups(cls, pattern: str | None) -> str | None:
        return pattern if pattern in (None, "near") else _checked_regex(pattern, one_group=False)

    @model_validator(mode="after")
    def _one_value_a_channel(self) -> DataConfig:
        if isinstance(self.normalize, Normalization):
            for key in ("mean", "std"):
                given = len(getattr(self.normalize, key))
                if given not in (1, self.channels):
                    raise ValueError(f"normalize.{key} has {given} values for {self.channels} channels")
        if self.normalize == "imagenet" and self.channels != 3:
            raise ValueError("normalize: imagenet needs channels: 3")
        return self

    @model_validator(mode="after")
    def _reader_can(self) -> DataConfig:
        if self.reader is not None and self.depth is not None:
            raise ValueError("depth is set together with reader, whose range says the same; leave one out")
        if self.reader is not None and isinstance(self.source, Digits | Torchvision):
            raise ValueError(
                f"reader is given, and source {self.source.name} has no files to read; use image_folder, "
                "labelled_files or csv, or leave reader out"
            )
        return self

    @model_validator(mode="after")
    def _clips_can(self) -> DataConfig:
        is_video = isinstance(self.source, VideoFolder)
        if is_video and self.clip is None:
            raise ValueError("clip is null, and source video_folder needs it; write clip: {frames: 16, every: 2}")
        if not is_video and self.clip is not None:
            raise ValueError(f"clip is given, and source {self.source.name} has images; use source video_folder")
        if is_video and self.reader is not None:
            raise ValueError("reader is given, and clips are read by PyAV; leave it out, or use image_folder")
        if is_video and self.resize == "device":
            raise ValueError("resize: device is for images, and source video_folder has clips; use resize: pil")
        return self

    @model_validator(mode="after")
    def _source_can(self) -> DataConfig:
        if self.multi_label and not isinstance(self.source, CsvTable):
            raise ValueError(
                f"multi_label: true needs a source that gives an image several labels, and {self.source.name} gives "
                "one; use source csv, or leave multi_label out"
            )
        if self.groups is not None and isinstance(self.source, CsvTable) and self.source.group is not None:
            raise ValueError("groups is set together with source.group, which says the same; leave one out")
        names = self.source.names if isinstance(self.source, LabelledFiles) else None
        if names is not None and len(names) != self.classes:
            raise ValueError(f"source.names holds {len(names)} names for {self.classes} classes")
        return self


def _checked_regex(pattern: str, *, one_group: bool) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}; test it with Python's re") from error
    if groups == 0 or (one_group and groups > 1):
        asked = "one group" if one_group else "a group"
        raise ValueError(f"{pattern!r} has {groups} groups; put {asked} in parentheses around what counts")
    return pattern
