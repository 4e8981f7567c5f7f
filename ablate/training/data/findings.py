"""What a scan found beside the pixels, what of it is refused, and what is told about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ablate.errors import DataError
from ablate.training.config import DataConfig
from ablate.training.config.data import Digits, Torchvision
from ablate.training.data.clips import clip_sentences, is_too_short
from ablate.training.data.decode import ScannedImage
from ablate.training.data.listing import Contents
from ablate.training.data.origin_names import notes_on_names

NAMED = 20
"""How many images an error names before it counts the others."""


class Contradiction(DataError):
    """Equal images have different classes."""


Labels = int | Sequence[int]
"""The class index of an image, or those of all its labels."""


class ScanReport(NamedTuple):
    """A scan's result as it is stored; ids, targets, groups and origins have one entry a readable image.

    shape: of the pixels, (N, S, S, C). classes: names. groups: index of the first image with the
    same decoded pixels. origins: what the source says images were made from, () where it says
    nothing. official_test: indices of the source's own test part, None where it has none.
    unreadable: id and reason. turned: how many images carry an EXIF orientation. said: sentences on clips.
    """

    shape: tuple[int, ...]
    classes: Sequence[str]
    ids: tuple[str, ...]
    targets: Sequence[Labels]
    groups: Sequence[int]
    origins: Sequence[str]
    official_test: Sequence[int] | None
    unreadable: Sequence[tuple[str, str]]
    turned: int
    said: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data; without what only clips have, where there is none: as earlier versions stored it."""
        stored = self._asdict()
        if not self.said:
            del stored["said"]
        return stored


def findings_of(contents: Contents, seen: Sequence[ScannedImage], config: DataConfig) -> ScanReport:
    """Sum up a scan; `seen` has one entry per image. Raises DataError where sizes differ that must not."""
    both = list(zip(contents.images, seen, strict=True))
    good = [(image, one) for image, one in both if not one.problem]
    first: dict[str, int] = {}
    tested = contents.official_test
    return ScanReport(
        shape=(len(good), *_one_shape([one for _, one in good], config)),
        classes=contents.classes,
        ids=tuple(image.id for image, _ in good),
        targets=[image.label for image, _ in good],
        groups=[first.setdefault(one.full, index) for index, (_, one) in enumerate(good)],
        origins=[image.origin for image, _ in good] if any(image.origin for image, _ in good) else (),
        official_test=None if tested is None else [i for i, (image, _) in enumerate(good) if image.id in tested],
        unreadable=[(image.id, one.problem) for image, one in both if one.problem],
        turned=sum(one.is_turned for _, one in good),
        said=clip_sentences([(image.id, one.remarks) for image, one in good]),
    )


def _one_shape(good: Sequence[ScannedImage], config: DataConfig) -> tuple[int, ...]:
    shapes = Counter(one.shape for one in good)
    if len(shapes) > 1:
        sizes = [f"{shape[1]}x{shape[0]} ({count})" for shape, count in shapes.most_common()]
        raise DataError(
            f"base.data.resize: device needs images of one size, and these have {len(sizes)}: {_first(sizes, 5, ', ')}",
            hint="Set base.data.resize: pil.",
        )
    channels, height, width = config.input_shape
    return next(iter(shapes), (height, width, channels))


def refuse_unreadable(found: ScanReport, config: DataConfig) -> None:
    """Raise DataError naming the unreadable images, unless others are left and they may be skipped."""
    may_skip = config.on_bad_image == "skip"
    refused = [one for one in found.unreadable if not (found.ids and (may_skip or _may_be_short(one, config)))]
    if not refused:
        return
    lines = [f"{name}: {reason}" for name, reason in refused]
    remedy = "." if may_skip else ", or leave them out with data.on_bad_image: skip."
    if any(is_too_short(reason) for _, reason in refused):
        remedy += " Short clips: data.clip.short: loop or skip, or fewer frames."
    raise DataError(_listed(f"{_images(len(lines), config)} cannot be read", lines), hint=f"Fix or remove them{remedy}")


def _may_be_short(one: tuple[str, str], config: DataConfig) -> bool:
    return config.clip is not None and config.clip.short == "skip" and is_too_short(one[1])


def refuse_empty(found: ScanReport, classes: Sequence[str]) -> None:
    """Raise DataError where a class has no readable image."""
    filled = {label for labels in found.targets for label in labels_of(labels)}
    empty = [name for label, name in enumerate(classes) if label not in filled]
    if empty:
        raise DataError(
            f"no image can be read of class {', '.join(empty)}",
            hint="Fix its files, or remove the class.",
        )


def refuse_contradictions(found: ScanReport) -> None:
    """Raise DataError where equal images have different classes."""
    pairs = [
        f"{found.ids[first]} = {name}"
        for name, label, first in zip(found.ids, found.targets, found.groups, strict=True)
        if label != found.targets[first]
    ]
    if pairs:
        raise Contradiction(
            _listed(f"{_images(len(pairs))} equal one of another class, pixel by pixel", pairs),
            hint="Remove the wrongly labelled one of each pair.",
        )


def labels_of(target: Labels) -> tuple[int, ...]:
    """All class indices of one image."""
    return (target,) if isinstance(target, int) else tuple(target)


def notes_on(found: ScanReport, ignored: Sequence[str], config: DataConfig) -> list[str]:
    """Sentences on what a reader of results should know; ignored: files that are no images."""
    notes = []
    if found.unreadable:
        names = _first([f"{name} ({reason})" for name, reason in found.unreadable], 5, ", ")
        notes.append(f"{_images(len(found.unreadable), config)} left out as unreadable: {names}")
    if found.turned:
        done = "applied" if config.exif == "transpose" else "ignored (data.exif: transpose applies it)"
        notes.append(f"{_images(found.turned, config)} with an EXIF orientation, {done}")
    notes += found.said
    if ignored:
        count = len(ignored)
        files = "1 file" if count == 1 else f"{count} files"
        notes.append(f"{files} ImageFolder would drop: {_first(ignored, 5, ', ')}")
    repeated = {first for index, first in enumerate(found.groups) if first != index}
    if repeated:
        copies = sum(first in repeated for first in found.groups)
        groups = "1 group" if len(repeated) == 1 else f"{len(repeated)} groups"
        notes.append(f"{copies} duplicate images in {groups}, each group kept in one part of a split")
    return [*notes, *_named_origins(found, config)]


def _named_origins(found: ScanReport, config: DataConfig) -> list[str]:
    """That names look like origins, with the line to add; not where the study or its table says what they are."""
    if config.groups is not None or found.origins or isinstance(config.source, Digits | Torchvision):
        return []
    return notes_on_names(found.ids, len(found.classes))


def _listed(title: str, lines: Sequence[str]) -> str:
    return "\n  ".join([f"{title}:", _first(lines, NAMED, "\n  ")]) + "\nThis was found before any training"


def _first(items: Sequence[str], count: int, joint: str) -> str:
    more = [f"and {len(items) - count} more"] if len(items) > count else []
    return joint.join([*items[:count], *more])


def _images(count: int, config: DataConfig | None = None) -> str:
    if config is None or config.clip is None:
        return "1 image" if count == 1 else f"{count} images"
    return "1 clip" if count == 1 else f"{count} clips"
