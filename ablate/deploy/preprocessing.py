"""The preprocessing a file names, checked before anything is done by it: the file may come from anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from ablate.deploy.records import KEY, VERSION, Preprocessing, names_of
from ablate.errors import DataError

LARGEST_SIDE, MOST_CLASSES, LONGEST_NAME, LONGEST_ENTRY = 4096, 100_000, 1000, 10_000_000


def read_preprocessing(data: Any, of: str) -> Preprocessing:
    """What `Preprocessing.to_json` wrote. of: the file it stands in.

    Raises DataError that names the file and the entry at fault.
    """
    if not isinstance(data, Mapping):
        raise _wrong(of, f"it is a {type(data).__name__}, not a mapping")
    given = dict(data)
    for fault in _faults(given):
        raise _wrong(of, fault)
    tuples = {name: tuple(given[name]) for name in ("classes", "mean", "std") if given.get(name) is not None}
    return Preprocessing(**(given | tuples))


def _faults(given: Mapping[Any, Any]) -> Iterator[str]:
    """What is wrong with a mapping; each is only safe to look for where those before it are not there."""
    if given.get("version", VERSION) != VERSION:
        yield f"it is of version {_short(given['version'])}, and this ablate reads version {VERSION}"
    yield from (f"its entry {_short(name)} is unknown" for name in given if name not in names_of(Preprocessing))
    yield from (f"it has no {name!r}" for name in ("image_size", "classes") if name not in given)
    for name, value in given.items():
        problem = _problem(name, value)
        if problem:
            yield f"{name} is {_short(value)}, not {problem}"
    mean, std, channels = given.get("mean"), given.get("std"), given.get("channels", 3)
    if (mean is None) != (std is None):
        yield "mean and std belong together, and one of them is not there"
    for name, values in (("mean", mean), ("std", std)):
        if values is not None and len(values) not in (1, channels):
            yield f"{name} has {len(values)} values for {channels} channels"


def preprocessing_of_text(text: str | None, of: str) -> Preprocessing:
    """The same of the text in a file's metadata; None where it has none."""
    if text is None:
        raise DataError(
            f"{of} does not say how an image becomes its input: there is no {KEY!r} in its metadata",
            hint="Files that `ablate deploy STUDY/VARIANT` writes have it; for another, give --preprocessing FILE, "
            "which docs/deploy.md describes.",
        )
    if len(text) > LONGEST_ENTRY:
        raise _wrong(of, f"it has {len(text):,} characters")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(of, f"it is no JSON ({error})") from None
    return read_preprocessing(data, of)


def text_of(preprocessing: Preprocessing) -> str:
    """What a file's metadata take."""
    return json.dumps(preprocessing.to_json(), ensure_ascii=False, sort_keys=True)


def _problem(name: str, value: Any) -> str:  # noqa: C901 - a line for each entry
    """What an entry should be, where it is not; else nothing."""
    match name:
        case "image_size":
            return "" if _is_whole(value, 1, LARGEST_SIDE) else f"a whole number from 1 to {LARGEST_SIDE}"
        case "classes":
            return "" if _are_names(value) else f"a list of 2 to {MOST_CLASSES} different names"
        case "channels":
            return "" if value in (1, 3) else "1 or 3"
        case "resize":
            return "" if value in ("pil", "device") else "pil or device"
        case "exif":
            return "" if value in ("ignore", "transpose") else "ignore or transpose"
        case "depth":
            return "" if value in (None, "clip", "scale") or _is_range(value) else "clip, scale or {scale: [lo, hi]}"
        case "mean":
            return "" if value is None or _are_numbers(value) else "a list of finite numbers"
        case "std":
            positive = value is None or (_are_numbers(value) and all(one > 0 for one in value))
            return "" if positive else "a list of positive numbers"
        case "multi_label":
            return "" if isinstance(value, bool) else "true or false"
        case "replicate":
            return "" if value is None or _is_whole(value, 0, 10**9) else "a whole number"
        case "reader":
            return "" if value is None or _is_text(value) else "a dotted path"
        case "version":
            return ""
        case _:
            return "" if _is_text(value) else "a text"


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _are_names(value: Any) -> bool:
    return (
        _is_list(value)
        and 2 <= len(value) <= MOST_CLASSES
        and all(_is_text(one) for one in value)
        and len(set(value)) == len(value)
    )


def _are_numbers(value: Any) -> bool:
    return _is_list(value) and len(value) <= 3 and all(_is_number(one) for one in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_range(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) != {"scale"} or not _are_numbers(value["scale"]):
        return False
    return len(value["scale"]) == 2 and value["scale"][0] < value["scale"][1]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _wrong(of: str, what: str) -> DataError:
    return DataError(
        f"{of}: the entry that says how an image becomes its input cannot be used: {what}",
        hint="Write the file again with `ablate deploy`, or name a JSON file by --preprocessing.",
    )
