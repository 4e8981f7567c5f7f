"""Other test sets of a study as they lie on the disk: images, classes as the study calls them, groups, one digest."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate import files
from ablate.errors import AblateError, DataError, DataMissing, StudyError, near_match
from ablate.harness.data_check import listing_digest
from ablate.results.set_ledger import OpenedSet, read_opened, remember_opened
from ablate.study.other_sets import data_of_set, other_sets
from ablate.study.schema import OtherSetBlock
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from ablate.training.data.listing import ImageFile

FORMAT = 1
FRESH_SECONDS = 2.0
"""A file changed this recently may change again without its time stamp showing it."""
NAMED = 3
NO_GROUPS = "none"


class OtherImage(NamedTuple):
    """An image of a set. label: the study's name of its class. group: the first of its group; empty on its own."""

    id: str
    path: str
    label: str
    group: str


def open_sets(session: Session) -> dict[str, OpenedSet]:
    """Every other test set as it is now, and remembered beside the study.

    Files are read where one has changed since. Raises StudyError and DataError for what is wrong with a set.
    """
    names = list(other_sets(session.study))
    if not names:
        return {}
    before = read_opened(session.store.study(session.study.name))
    found = {name: _open_set(session, name, before.get(name)) for name in names}
    for number, name in enumerate(names):
        if same := [other for other in names[:number] if found[other].content == found[name].content]:
            raise StudyError(
                f"{where(session, name)}: its images are those of {same[0]!r}, file by file",
                hint="Name them once: twice would be one set judged twice.",
            )
    remember_opened(session.store.study(session.study.name), found)
    return found


def listing_of(session: Session, digest: str) -> Path:
    """The file that lists a set's images, for those that are asked about them."""
    return session.store.cache / "also_test" / f"{digest[:32]}.json"


def asked_of(session: Session, name: str) -> str:
    """Digest of what the study file says of a set, and of what it is held against."""
    block = session.study.evidence.also_test[name]
    data = dict(session.plan.variants[0].config.get("data", {}))
    kept = {key: data.get(key) for key in ("groups", "reader")}
    source = data_of_set(session.study, name).source.model_dump(mode="json")
    return files.sha256_json([FORMAT, block.model_dump(mode="json"), source, kept])


def where(session: Session, name: str, key: str = "") -> str:
    """The place of a set, or of one of its settings, in the study file, and what it is called."""
    place = ("evidence", "also_test", name, *([key] if key else []))
    return f"{session.study.document.where(place)}: evidence.also_test.{'.'.join(place[2:])}"


def _open_set(session: Session, name: str, before: OpenedSet | None) -> OpenedSet:
    block, asked = session.study.evidence.also_test[name], asked_of(session, name)
    images, classes, ignored = _listed(session, name)
    listing = _listing_digest(images, classes)
    if (
        before is not None
        and (before.asked, before.listing) == (asked, listing)
        and listing
        and listing_of(session, before.digest).is_file()
    ):
        return before
    kept = [image for image in images if block.classes.get(classes[image.label], "") is not None]  # type: ignore[index]
    if not kept:
        raise DataError(f"{where(session, name)}: no image is left", hint="Keep at least one class that has images.")
    labels = [block.classes.get(one := classes[image.label]) or one for image in kept]  # type: ignore[index]
    paths = [str(image.content) for image in kept]
    stamp = listing_digest(paths)  # before they are read: what changes from here on is seen
    hashes = _decoded(session, name, kept)
    _refuse_contradictions(session, name, kept, labels, hashes)
    groups = _groups(session, name, block, kept, hashes)
    ids = [image.id for image in kept]
    rows = [OtherImage(*one) for one in zip(ids, paths, labels, groups, strict=True)]
    told = sorted([row.id, row.label, row.group, digest] for row, digest in zip(rows, hashes, strict=True))
    digest = files.sha256_json([FORMAT, block.copies, told])
    files.write_json(listing_of(session, digest), {"images": [row._asdict() for row in rows], "files": stamp})
    found = OpenedSet(
        asked=asked,
        digest=digest,
        content=files.sha256_json(sorted(hashes)),
        listing=listing,
        counts=dict(sorted(Counter(labels).items())),
        groups=len({row.group or row.id for row in rows}) if any(groups) else 0,
        left_out=len(images) - len(kept),
        copies=block.copies,
        notes=tuple(ignored),
    )
    return found


def _listed(session: Session, name: str) -> tuple[Sequence[ImageFile], Sequence[str], Sequence[str]]:
    """The images of a source and the names of its classes; of its own test part, where it names one."""
    from ablate.training.data.sources import listed_anyway

    try:
        listing = listed_anyway(data_of_set(session.study, name))  # a class may have a folder and no image
        contents = listing.read()
    except AblateError as error:
        told, hint = (text.replace("base.data.source", "source") for text in (error.message, error.hint))
        kind = DataMissing if isinstance(error, DataMissing) else DataError
        raise kind(f"{where(session, name, 'source')}: {told}", hint=hint) from None
    images = list(contents.images)
    if contents.official_test:
        images = [image for image in images if image.id in contents.official_test]
    if any(not isinstance(image.content, str) for image in images):
        raise DataError(
            f"{where(session, name, 'source')}: this source has no files, and only image files can be another test set",
            hint="Write them as files: a folder a class (image_folder), or a table of paths and labels (csv).",
        )
    block = session.study.evidence.also_test[name]
    _check_names(session, name, block, contents.classes)
    notes = [f"{len(listing.ignored)} files are no images by their names and are passed over"] * bool(listing.ignored)
    return images, contents.classes, notes


def _check_names(session: Session, name: str, block: OtherSetBlock, there: Sequence[str]) -> None:
    """Raise StudyError where `classes` names none of the set's, or the study does not know what is left."""
    known = known_classes(session)
    for theirs, ours in block.classes.items():
        at = where(session, name, "classes")
        if theirs not in there:
            swapped = ours in there and theirs in known
            raise StudyError(
                f"{at}: the set has no class {theirs!r}",
                hint=f"Write the set's name first: {{{ours}: {theirs}}}."
                if swapped
                else f"{near_match(theirs, there)}Its classes: {', '.join(there)}.",
            )
        if ours is not None and known and ours not in known:
            raise StudyError(
                f"{at}: the study has no class {ours!r}",
                hint=f"{near_match(ours, known)}The study's classes: {', '.join(known)}.",
            )
    strangers = [one for one in there if one not in block.classes and known and one not in known]
    if strangers:
        shown = ", ".join(map(repr, strangers[:NAMED])) + (
            f" and {len(strangers) - NAMED} more" if len(strangers) > NAMED else ""
        )
        raise StudyError(
            f"{where(session, name)}: the study has no class {shown}",
            hint=f"Say what the study calls it, classes: {{{strangers[0]}: {known[0]}}}, or leave its images out by "
            f"classes: {{{strangers[0]}: null}}. The study's classes: {', '.join(known)}.",
        )


def known_classes(session: Session) -> list[str]:
    """The study's classes, as far as a look at its data has told them."""
    return list(dict.fromkeys(name for found in session.looks.values() for name in found.classes))


def _refuse_contradictions(
    session: Session, name: str, images: Sequence[ImageFile], labels: Sequence[str], hashes: Sequence[str]
) -> None:
    first: dict[str, int] = {}
    for place, digest in enumerate(hashes):
        other = first.setdefault(digest, place)
        if labels[other] != labels[place]:
            raise DataError(
                f"{where(session, name)}: {images[other].id} and {images[place].id} are the same file, of class "
                f"{labels[other]!r} and of class {labels[place]!r}",
                hint="Keep the right one of the two.",
            )


def _groups(
    session: Session, name: str, block: OtherSetBlock, images: Sequence[ImageFile], hashes: Sequence[str]
) -> list[str]:
    """The first image of each one's group; empty where it is on its own. Files that are equal share a group."""
    from ablate.training.data.grouping import NEAR, group_names, joined, origins_of

    ids = [image.id for image in images]
    data: dict[str, Any] = dict(session.plan.variants[0].config.get("data", {}))
    own = data.get("groups") or ("its table" if (data.get("source") or {}).get("group") else None)
    pattern = block.groups if block.groups is not None else own
    origins: Sequence[object] = [image.origin for image in images]
    if block.copies or pattern == NO_GROUPS:
        origins = []
    elif any(origins):
        pass
    elif pattern in (NEAR, "its table"):
        raise StudyError(
            f"{where(session, name)}: images of the study belong to groups (by {pattern}), and nothing says which of "
            "these belong together",
            hint="Give groups: a regular expression whose group is found in their paths, a source csv with group:, or "
            f"groups: {NO_GROUPS} where every image is on its own.",
        )
    elif pattern is not None:
        try:
            origins = origins_of(ids, pattern)
        except DataError as error:
            told = error.message.replace("base.data.groups", f"{where(session, name)}: groups")
            raise DataError(
                told, hint=f"{error.hint} Or groups: {NO_GROUPS}, where every image is on its own."
            ) from None
    else:
        origins = []
    alike: dict[str, int] = {}
    pairs = [(place, alike.setdefault(digest, place)) for place, digest in enumerate(hashes)]
    firsts: dict[object, int] = {}
    pairs += [(place, firsts.setdefault(origin, place)) for place, origin in enumerate(origins)]
    named = group_names(ids, joined(range(len(ids)), pairs))
    return [named.get(one, "") for one in ids]


def _decoded(session: Session, name: str, images: Sequence[ImageFile]) -> list[str]:
    """The digest of each file, once all were decoded as the study's own are. Raises DataError for what cannot be."""
    from ablate.training.data.cache import load_kinds
    from ablate.training.data.scan import scan

    data = data_of_set(session.study, name)
    try:
        load_kinds(data, lambda key, build: files.build_once(session.store.cache / key, build))
    except AblateError as error:
        raise DataError(f"{where(session, name)}: {error.message}", hint=error.hint) from None
    seen = scan(images, data, lambda _: None)
    wrong = [f"{image.id} ({one.problem})" for image, one in zip(images, seen, strict=True) if one.problem]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise DataError(
            f"{where(session, name)}: {len(wrong)} of {len(images)} images cannot be read: "
            f"{', '.join(wrong[:NAMED])}{more}",
            hint="Give whole image files, or take these out of the set.",
        )
    return [one.content for one in seen]


def _listing_digest(images: Sequence[ImageFile], classes: Sequence[str]) -> str:
    """Changes with every image's id, class and group, and its file's name, size and time; empty while one is fresh."""
    seen, newest = [], 0
    for image in images:
        path = str(image.content)
        try:
            stat = os.stat(path)
        except OSError:
            return ""
        newest = max(newest, stat.st_mtime_ns, stat.st_ctime_ns)
        told = [image.id, classes[image.label], image.origin]  # type: ignore[index]
        seen.append([*told, path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns])
    return "" if abs(time.time() - newest / 1e9) < FRESH_SECONDS else files.sha256_json(seen)
