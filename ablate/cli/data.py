"""`ablate data`: look at a study's images, draw the ones that stand in for photographs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ablate.cli.loading import load
from ablate.cli.options import Json, Sets, Small, StandIn, StudyPath, Work
from ablate.cli.show import errors_shown, note, say, say_json, say_table
from ablate.cli.translation import translated_part

if TYPE_CHECKING:
    from ablate.inspection import Examination, TextFacts

data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at a study's images, or draw some.")

PARTS = ("train", "val", "test", "unused")
SHOWN = 10
"""How many images or pairs are printed before the rest is counted."""


@data.command()
def stats(
    study: StudyPath,
    work: Work = Path(),
    set_: Sets = None,
    stand_in: StandIn = False,
    small: Small = False,
    json_: Json = False,
) -> None:
    """Count, measure and compare a study's images, and draw samples of each class; trains nothing.

    Ends with exit code 2 where `ablate run` would refuse the data, and lists everything that it would refuse.

    Example: ablate data stats studies/quickstart.yaml
    """
    from ablate.errors import together
    from ablate.workflows.examine_data import examine_study, write_samples

    with errors_shown():
        loaded = load(study, work, set_, None, stand_in=stand_in, small=small)
        found = examine_study(loaded, work=work)
        samples, warning = write_samples(found, loaded, work=work)
        if json_:
            say_json(examination_json(found, samples))
        else:
            show_examination(found, samples)
        if warning:
            note(warning)
        if found.problems:
            raise together(found.problems)


@data.command()
def portraits(
    dest: Annotated[Path, typer.Argument(help="A folder to write; it must not exist, or be empty.")],
) -> None:
    """Draw 1,800 synthetic portraits of 17 invented people, one folder each: no photographs.

    The drawing lies in studies/stand_in_portraits of a clone of ablate, and is not part of the installed package.

    Example: ablate data portraits data/portraits
    """
    from ablate.errors import DataError
    from ablate.study.stand_in import find_portraits

    with errors_shown():
        if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
            raise DataError(f"{dest} already exists and is not empty", hint="Give another folder, or empty it.")
        find_portraits()(dest)
        people = [folder for folder in dest.iterdir() if folder.is_dir()]
        drawings = sum(1 for _ in dest.glob("*/*.jpg"))
        say(f"{drawings:,} drawings of {len(people)} invented people are in {dest}.")


def show_examination(found: Examination, samples: Path) -> None:
    """The table of counts, then a line a finding."""
    rows = [[name, *(str(counts.get(part, 0)) for part in PARTS)] for name, counts in found.counts.items()]
    rows.append(["images", *(str(found.images.get(part, 0)) for part in PARTS)])
    say_table(["class", *PARTS], rows)
    if found.unlabelled:
        say(f"Images without any label: {found.unlabelled}.")
    sizes = [f"{width}x{height} ({count})" for (width, height), count in found.sizes.items()]
    say(f"Sizes: {_some(sizes, 5)}; widths {_span(found, 0)}, heights {_span(found, 1)}.")
    say(f"Formats: {', '.join(f'{name} ({count})' for name, count in found.formats.items())}.")
    if found.depths:
        say(f"Depths: {', '.join(f'{name} ({count})' for name, count in found.depths.items())}.")
    if found.texts is not None:
        _show_texts(found.texts)
    say("The training part's pixels, scaled to [0, 1], as they are kept for the network:")
    say(f"  mean {_values(found.mean)}")
    say(f"  standard deviation {_values(found.std)} (over all pixels of all images: what normalisation uses)")
    say(f"  mean of the images' own standard deviations {_values(found.mean_image_std)} (often published instead)")
    say(f"  data.normalize: {{mean: {_values(found.mean)}, std: {_values(found.std)}}}")
    copies = sum(len(names) for names in found.equal)
    say(f"Equal images: {copies} in {len(found.equal)} groups, each kept in one part." if copies else "Equal: none.")
    for names in found.equal[:SHOWN]:
        say(f"  {' = '.join(names)}")
    _show_near(found)
    if found.origins:
        say(f"Origins with several images: {found.origins}, each kept in one part.")
    say(f"Unreadable: {len(found.unreadable) or 'none'}.")
    for name, reason in found.unreadable[:SHOWN]:
        say(f"  {name}: {reason}")
    for line in found.notes:
        note(line)
    say(f"Samples: {samples}")


def _show_texts(texts: TextFacts) -> None:
    say(
        f"Texts: {texts.texts}, {texts.distinct} of them different; {texts.shortest} to {texts.longest} words "
        f"(median {texts.median})."
    )
    say(
        f"  {texts.fit_words} different words in the training part; {texts.other_words} more in other parts alone, "
        "which no vocabulary has (replicate 0)."
    )
    if texts.naming:
        say(f"  {texts.naming} texts name the class of their own image: what reads them reads the label.")


def _show_near(found: Examination) -> None:
    total = len(found.near) + found.near_left_out
    torn = [pair for pair in found.near if pair.is_torn]
    if not total:
        say("Near duplicates: none.")
        return
    held = "at least " * bool(found.near_left_out and len(torn) == len(found.near))
    say(
        f"Near duplicates: {total} pairs look alike; of {held}{len(torn)} one image is tested on and the other "
        "trained or validated on (replicate 0)."
    )
    for pair in found.near[:SHOWN]:
        first, second = pair.parts
        say(translated_part(f"  {pair.first} ({first}) ~ {pair.second} ({second}), likeness {pair.likeness:.3f}"))
    if total > SHOWN:
        say(f"  and {total - SHOWN} more")
    if torn:
        say("  `data.groups: near` keeps such images in one part and counts them as one draw; better is a pattern for")
        say("  the origin in an image's path, where there is one: `data.groups: '(patient\\d+)'`.")


def examination_json(found: Examination, samples: Path) -> dict[str, Any]:
    """The examination as plain data."""
    return {
        "classes": list(found.classes),
        "counts": {name: {part: counts.get(part, 0) for part in PARTS} for name, counts in found.counts.items()},
        "pictures": {part: found.images.get(part, 0) for part in PARTS},
        "unlabelled": found.unlabelled,
        "sizes": [{"width": w, "height": h, "pictures": count} for (w, h), count in found.sizes.items()],
        "formats": dict(found.formats),
        "depths": dict(found.depths),
        "mean": list(found.mean),
        "std": list(found.std),
        "mean_image_std": list(found.mean_image_std),
        "equal": [list(names) for names in found.equal],
        "near": [_pair_json(pair) for pair in found.near],
        "near_left_out": found.near_left_out,
        "origins": found.origins,
        "unreadable": [{"id": name, "reason": reason} for name, reason in found.unreadable],
        "notes": list(found.notes),
        "problems": [str(problem) for problem in found.problems],
        **({} if found.texts is None else {"texts": found.texts._asdict()}),
        "samples": str(samples),
    }


def _pair_json(pair: Any) -> Mapping[str, Any]:
    return {"first": pair.first, "second": pair.second, "parts": list(pair.parts), "likeness": pair.likeness}


def _some(items: list[str], count: int) -> str:
    return ", ".join(items[:count]) + (f" and {len(items) - count} more" if len(items) > count else "")


def _span(found: Examination, axis: int) -> str:
    values = sorted(size[axis] for size in found.sizes)
    return f"{values[0]} to {values[-1]}" if values[0] != values[-1] else str(values[0])


def _values(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.4f}' for value in values)}]"
