"""Files with one answer per image and nothing else: `id,target,predicted[,score,group]`, a network each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.readers import columns
from ablate.readers.numbers import numbers_of, quoted, read_cell
from ablate.readers.repeats import parts_of_name
from ablate.readers.sheet import SheetRow, TableSheet, read_sheet
from ablate.readers.tested import Ask, HandedIn, TestedRun
from ablate.readers.units import Note

ID = ("id", "image", "image_id", "sample_id", "sample", "filename", "file", "path", "img", "name", "index")
TARGET = ("target", "label", "true", "truth", "y_true", "true_label", "ground_truth", "gt", "actual", "y")
PREDICTED = ("predicted", "prediction", "pred", "preds", "y_pred", "predicted_label", "answer", "y_hat")
SCORE = ("score", "correct", "right", "hit")
FORM = "One row per image: id,target,predicted; also score (1 right, 0 wrong) and group."
_RIGHT = {"true": 1.0, "yes": 1.0, "right": 1.0, "false": 0.0, "no": 0.0, "wrong": 0.0}


class AnswerFile(NamedTuple):
    """One network's answers. scores, targets, groups: by image; lines: where each stands."""

    path: Path
    scores: Mapping[str, float]
    targets: Mapping[str, str]
    groups: Mapping[str, str] | None
    lines: Mapping[str, int]


def read_answer_files(paths: Sequence[Path], ask: Ask) -> HandedIn:
    """The networks of several files, each a variant by the name of its file, or a run of one (`bn_seed0.csv`).

    Raises StudyError for two answers to one image, for targets that differ between files, and where the files share
    no image.
    """
    files = [read_answers(path, ask.group, ask.metric) for path in paths]
    shared = set.intersection(*(set(file.scores) for file in files))
    if len(shared) < 2:
        raise StudyError(
            f"{files[0].path} and {files[-1].path} share {len(shared)} images",
            hint="Both name images in the column id; the same image has the same id in both.",
        )
    _check_targets(files, shared)
    groups = _check_groups(files, shared)
    order = [image for image in files[0].scores if image in shared]
    runs = []
    for file, (variant, replicate) in zip(files, _names(paths), strict=True):
        images = {image: file.scores[image] for image in order}
        value = sum(images.values()) / len(images)
        runs.append(TestedRun(variant, replicate, value, None, len(images), images, groups=groups))
    lost = max(len(file.scores) for file in files) - len(shared)
    notes = [Note("logged.answers", {"images": len(shared)})]
    if lost or any(len(file.scores) != len(shared) for file in files):
        count = len(set.union(*(set(file.scores) for file in files))) - len(shared)
        notes.append(Note("logged.not_shared", {"images": count}))
    if groups is not None:
        notes.append(Note("judge.grouped", {"column": ask.group or "group"}))
    return HandedIn(tuple(runs), ask.metric or "accuracy", tuple(notes))


def _names(paths: Sequence[Path]) -> list[tuple[str, int]]:
    """Each file's variant and replicate: `bn_seed0` is run 0 of bn where another run of it is there."""
    stems = [path.stem for path in paths]
    depth = 1
    while len(set(stems)) < len(stems) and depth < 6:  # a/answers.csv and b/answers.csv
        stems = ["/".join([*path.parts[-depth - 1 : -1], path.stem]) for path in paths]
        depth += 1
    if len(set(stems)) < len(stems):
        raise StudyError(f"{paths[0]} is given twice", hint="Name each file of answers once.")
    parts = [parts_of_name(stem) for stem in stems]
    rests = [rest for rest, word, _ in parts if word and rest]
    if len(rests) < len(parts) or len(set(rests)) in (1, len(rests)):
        return [(stem, 0) for stem in stems]
    return [(rest, int(number)) for rest, _, number in parts]


def is_answers(sheet: TableSheet) -> bool:
    """Whether a table has answers of one network: images with targets and predictions, and nothing that names one."""
    has = [bool(columns.find(sheet, names)) for names in (ID, TARGET, PREDICTED)]
    return all(has) and not columns.find(sheet, columns.VARIANT)


def read_answers(path: Path, group: str | None = None, metric: str | None = None) -> AnswerFile:
    """The answers in a file. Raises StudyError, naming file and line, for what is missing or appears twice."""
    sheet = read_sheet(path)
    if not sheet.headings or not sheet.rows:
        raise StudyError(f"{path}: has no answers", hint=FORM)
    image = columns.first(columns.find(sheet, ID))
    target = columns.first(columns.find(sheet, TARGET, without=[image]))
    predicted = columns.first(columns.find(sheet, PREDICTED, without=[image]))
    score = columns.first(columns.find(sheet, SCORE, without=[image]))
    if image is None or (score is None and None in (target, predicted)):
        missing = [
            name for name, found in (("id", image), ("target", target), ("predicted", predicted)) if found is None
        ]
        raise StudyError(
            f"{path}:{sheet.heading_line}: there is no column {' and no column '.join(missing)}", hint=FORM
        )
    groups = (
        columns.column_named(sheet, group, "--group") if group else columns.first(columns.find(sheet, columns.GROUP))
    )
    if score is None and metric is not None and columns.spelling(metric) not in ("accuracy", "acc"):
        raise StudyError(
            f"{path}: from target and predicted follows the accuracy, and no {quoted(metric)}",
            hint="Write what each image counts in a column score; or leave out --metric.",
        )
    scores: dict[str, float] = {}
    lines: dict[str, int] = {}
    for row in sheet.rows:
        name = _filled(sheet, row, image)
        if name in lines:
            raise StudyError(
                f"{sheet.where(row)}: image {quoted(name)} appears twice (also in line {lines[name]})",
                hint="One row per image. For several runs give a file each: bn_seed0.csv, bn_seed1.csv.",
            )
        lines[name] = row.line
        scores[name] = (
            _is_right(sheet, row, target, predicted)
            if score is None
            else _score(sheet, row, score, graded=metric is not None or None in (target, predicted))
        )
    return AnswerFile(
        path,
        scores,
        {} if target is None else {row.cells[image]: _plain(row.cells[target]) for row in sheet.rows},
        None if groups is None else {row.cells[image]: _filled(sheet, row, groups) for row in sheet.rows},
        lines,
    )


def _filled(sheet: TableSheet, row: SheetRow, column: int) -> str:
    if not row.cells[column]:
        raise StudyError(f"{sheet.where(row, column)} is empty", hint=FORM)
    return row.cells[column]


def _is_right(sheet: TableSheet, row: SheetRow, target: int | None, predicted: int | None) -> float:
    assert target is not None
    assert predicted is not None
    return float(_plain(_filled(sheet, row, target)) == _plain(_filled(sheet, row, predicted)))


def _plain(text: str) -> str:
    """A class as it is compared: `3.0` is `3`."""
    whole, point, rest = text.partition(".")
    return whole if point and whole.lstrip("-").isdecimal() and not rest.strip("0") else text


def _score(sheet: TableSheet, row: SheetRow, column: int, *, graded: bool) -> float:
    """What an image counts. graded: whether it may count in part; beside target and predicted that is asked about."""
    text = _filled(sheet, row, column)
    if text.lower() in _RIGHT:
        return _RIGHT[text.lower()]
    cell = read_cell(text, sheet.where(row, column))
    value = numbers_of([cell], ["rate"])[0] if cell is not None and cell.of is None and cell.spread is None else -1.0
    if not 0 <= value <= 1:
        raise StudyError(
            f"{sheet.where(row, column)} {quoted(text)} is no score of an image",
            hint="Write 1 for right and 0 for wrong.",
        )
    if not graded and value not in (0, 1):
        raise StudyError(
            f"{sheet.where(row, column)} {quoted(text)} is neither right (1) nor wrong (0): a probability, or what "
            "the image counts in part",
            hint="Call a column of probabilities prob; or, if it is what each image counts: --metric NAME.",
        )
    return value


def _check_targets(files: Sequence[AnswerFile], shared: set[str]) -> None:
    first = next((file for file in files if file.targets), None)
    for file in files:
        for image in sorted(shared) if first is not None and file.targets else ():
            assert first is not None
            if file.targets[image] != first.targets[image]:
                raise StudyError(
                    f"{file.path}:{file.lines[image]}: the target of image {quoted(image)} is "
                    f"{quoted(file.targets[image])}, and {quoted(first.targets[image])} in "
                    f"{first.path}:{first.lines[image]}",
                    hint="The files are of two test sets, or name images by numbers that do not mean the same in both.",
                )


def _check_groups(files: Sequence[AnswerFile], shared: set[str]) -> dict[str, str] | None:
    known = [file for file in files if file.groups is not None]
    if not known:
        return None
    first = known[0]
    for file in known:
        for image in sorted(shared):
            one, other = (first.groups or {})[image], (file.groups or {})[image]
            if one != other:
                raise StudyError(
                    f"{file.path}:{file.lines[image]}: image {quoted(image)} is of {quoted(other)}, and of "
                    f"{quoted(one)} in {first.path}:{first.lines[image]}",
                    hint="An image has one group, in all files.",
                )
    return {image: (first.groups or {})[image] for image in shared}
