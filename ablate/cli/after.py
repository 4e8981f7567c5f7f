"""The commands after training: use a finished run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ablate.cli.loading import run_name, work_on_path
from ablate.cli.options import Json, NoTracking, Uri, Work
from ablate.cli.show import errors_shown, note, say, say_json, say_report, say_table

if TYPE_CHECKING:
    from ablate.errors import AblateError, DataError
    from ablate.workflows.predict import FinishedRun, Reevaluation
    from ablate.workflows.submission import Prediction

Run = Annotated[
    str,
    typer.Argument(
        metavar="STUDY/VARIANT/REPLICATE",
        help="A finished run; STUDY is a study's name, or its file.",
        show_default=False,
    ),
]

Runs = Annotated[
    str,
    typer.Argument(
        metavar="STUDY/VARIANT[/REPLICATE]",
        help="A finished run, or a variant: the mean over its replicates; STUDY is a study's name, or its file.",
        show_default=False,
    ),
]

_LISTED = 40
"""Images named on the terminal; more are summed up."""


def predict(
    run_: Runs,
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Images, and folders of images; or a CSV table of paths and texts, for a network that reads texts.",
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The text beside each image, for a network that reads one.")
    ] = None,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="The images without labels that come with the data set.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write columns Id (four digits) and Category (class number).")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(metavar="SAMPLE", help="Write --csv with the ids, columns and order of this sample submission."),
    ] = None,
    table: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every probability, as CSV.")] = None,
    oof: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the replicates' stored answers to the images they were tested on."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Test the stored weights again: is the recorded accuracy reproduced?")
    ] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="onnx|openvino|torch", help="Predict by a network's file, named in the run's place; needs no study."
        ),
    ] = None,
    work: Work = Path(),
    json_: Json = False,
) -> None:
    """Class and probabilities of images, by a finished run's weights, or the mean over a variant's finished replicates.

    Example: ablate predict "quickstart/GAP head" new_scans/ --csv submission.csv
    """
    if engine is not None:
        with errors_shown():
            if unlabelled or oof is not None or check or text is not None:
                raise _only_for_runs()
            _predict_with_file(engine, Path(run_), images or [], _Wanted(csv, like, table, json_))
        return
    from ablate.errors import StudyError
    from ablate.workflows.captions import captions_in
    from ablate.workflows.deploy.predict_file import refuse_without_engine
    from ablate.workflows.predict import (
        files_taken_by,
        has_several_labels,
        images_in,
        open_members,
        reevaluate,
        takes_clips,
        unlabelled_images,
    )

    with errors_shown():
        refuse_without_engine(run_)
        work_on_path(work)
        run_ = run_name(run_, work)
        if check:
            _say_retest(reevaluate(run_, work=work), run_)
            return
        if oof is not None:
            _write_answers(run_, oof, work)
        if not images and not unlabelled:
            if oof is not None:
                return
            raise StudyError(
                "there is nothing to predict", hint="Name images or folders, or add --unlabelled, --oof or --check."
            )
        members = open_members(run_, work)
        _refuse_unfit(csv, like, several=has_several_labels(members[0]))
        captions = captions_in(members[0], images or [], text)
        asked = (images or []) if captions is None else captions.images
        chosen = images_in(asked, note, takes=files_taken_by(members[0]), clips=takes_clips(members[0]))
        chosen += unlabelled_images(members[0].name, work=work) if unlabelled else []
        _note_members(members, chosen, work, by_variant=members[0].name.count("/") > run_.count("/"))
        texts = captions.texts if captions is not None else None if text is None else [text] * len(chosen)
        found, unread = _predicted(run_, chosen, texts, work)
        _say_predictions(found, _Wanted(csv, like, table, json_))
        _end_with(unread, len(chosen))


class _Wanted(NamedTuple):
    """Where predictions go."""

    csv: Path | None
    like: Path | None
    table: Path | None
    json: bool


def _say_predictions(found: Sequence[Prediction], wanted: _Wanted) -> None:
    _write_predictions(found, wanted.csv, wanted.like, wanted.table)
    if wanted.json:
        say_json([{"image": str(image), "probabilities": row} for image, row in found])
    else:
        _show(found)
    for file in (wanted.csv, wanted.table):
        if file is not None:
            note(f"Wrote {file}.")


def _only_for_runs() -> AblateError:
    from ablate.errors import StudyError

    return StudyError(
        "--engine predicts by a file alone, which knows no run",
        hint="Leave --unlabelled, --oof, --check and --text out.",
    )


def _predict_with_file(engine: str, file: Path, images: Sequence[Path], wanted: _Wanted) -> None:
    """As of a run; torch is not imported for it, unless the file is torch's own."""
    from ablate.errors import DataError, StudyError
    from ablate.workflows.deploy.predict_file import open_preprocessing, predict_with_file
    from ablate.workflows.predict import images_in

    if not images:
        raise StudyError("there is nothing to predict", hint="Name images or folders.")
    how = open_preprocessing(file, engine)
    _refuse_unfit(wanted.csv, wanted.like, several=how.multi_label)
    chosen = images_in(images, note)
    answers = zip(chosen, predict_with_file(file, how, chosen), strict=True)
    found: list[Prediction] = []
    unread: list[DataError] = []
    for image, answer in answers:
        if isinstance(answer, DataError):
            unread.append(answer)
        else:
            found.append((image, answer))
    if not found:
        raise unread[0]
    _say_predictions(found, wanted)
    _end_with(unread, len(chosen))


def _refuse_unfit(csv: Path | None, like: Path | None, *, several: bool) -> None:
    from ablate.errors import StudyError

    if like is not None and csv is None:
        raise StudyError("--like says in which form, and not where", hint="Add --csv FILE.")
    if csv is not None and like is None and several:
        raise StudyError(
            "--csv names one class per image, and images of this data set may have several", hint="Use --table."
        )


def _note_members(members: Sequence[FinishedRun], images: Sequence[Path], work: Path, *, by_variant: bool) -> None:
    """Whose mean it is; refuses images that one of them has been trained on, and says so of a run's own."""
    from ablate.workflows.predict import refuse_trained_on

    if told := refuse_trained_on(members, images, work=work, alone=not by_variant):
        note(f"{told[:1].upper()}{told[1:]}")
    if by_variant:
        numbers = ", ".join(str(member.spec.replicate.index) for member in members)
        note(f"The mean over the finished replicates: {numbers}.")


def _write_answers(run: str, file: Path, work: Path) -> None:
    from ablate.files import write_text
    from ablate.workflows.out_of_fold import out_of_fold

    found = out_of_fold(run, work=work)
    write_text(file, found.text)
    for line in found.notes:
        note(line)
    note(f"Wrote {file}.")


def _write_predictions(found: Sequence[Prediction], csv: Path | None, like: Path | None, table: Path | None) -> None:
    from ablate.files import write_text
    from ablate.workflows.submission import probability_table, submission, submission_like

    if csv is not None and like is not None:
        written = submission_like(like, found)
        write_text(csv, written.text)
        for line in written.notes:
            note(line)
    elif csv is not None:
        write_text(csv, submission(found))
        _note_categories(list(found[0][1]))
    if table is not None:
        write_text(table, probability_table(found))


def _predicted(
    run: str, images: Sequence[Path], texts: Sequence[str] | None, work: Path
) -> tuple[list[Prediction], list[DataError]]:
    """What was predicted, and what could not be read; raises that where there is nothing else."""
    from ablate.workflows.predict import predict_with_run

    unread: list[DataError] = []
    answers = predict_with_run(run, images, texts=texts, work=work, on_unreadable=unread.append)
    found = list(_counted(answers, len(images)))
    if unread and not found:
        raise unread[0]
    return found, unread


def _end_with(unread: Sequence[DataError], total: int) -> None:
    for error in unread[:_LISTED]:
        note(f"Left out: {error.message}")
    if unread:
        note(f"{len(unread)} of {total} images could not be read.")
        raise typer.Exit(1)


def explain(
    run_: Run,
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose feature maps are shown (default: the tenth layer).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to write (default: beside the study's report).")
    ] = None,
    work: Work = Path(),
    tracking_uri: Uri = None,
    no_tracking: NoTracking = False,
) -> None:
    """Show what a finished run's network does: a page of figures, also in MLflow.

    A grid of test images with truth and answer, the confusion matrix, Grad-CAM of the most confident mistakes, a map
    of the learnt features, nearest images, feature maps of a layer.

    Example: ablate explain "quickstart/GAP head/0"
    """
    from ablate.workflows.explain import add_to_mlflow, write_explanation

    with errors_shown():
        work_on_path(work)
        run_ = run_name(run_, work)
        done = write_explanation(run_, work=work, layer=layer, out=out)
        for line in done.found.not_done:
            note(line)
        say(done.retest.sentence)
        say_report(done.page, "Page")
        if not no_tracking and not add_to_mlflow(run_, done.page.parent, work=work, uri=tracking_uri):
            note("MLflow has no such run, so the page is not among its artifacts; `ablate sync STUDY` brings the run.")


def _counted(predictions: Iterator[Prediction], total: int) -> Iterable[Prediction]:
    """The predictions as they come, with a bar on a terminal where there are many."""
    from rich.console import Console
    from rich.progress import track

    if total <= _LISTED:
        return predictions
    return track(predictions, "images", total=total, console=Console(stderr=True), transient=True)


def _say_retest(found: Reevaluation, run: str) -> None:
    rows = [[name, repr(found.recorded.get(name)), repr(value)] for name, value in found.again.items()]
    say_table(["metric", "recorded", "by the stored weights"], rows)
    say(f"{run}: {found.sentence}")
    if not found.is_exact:
        raise typer.Exit(1)


def _note_categories(classes: Sequence[str]) -> None:
    from ablate.workflows.submission import categories

    numbered = categories(classes)
    if any(str(number) != name for name, number in numbered.items()):
        note("Category: " + ", ".join(f"{number} {name}" for name, number in numbered.items()))


def _show(predictions: Sequence[tuple[Path, Mapping[str, float]]]) -> None:
    """One line per image: the class, then the three largest probabilities; of many images the classes' counts first."""
    from ablate.workflows.submission import best_class

    if len(predictions) > _LISTED:
        counts = Counter(best_class(found) for _, found in predictions)
        rows = [[name, f"{counts[name]:,}"] for name in predictions[0][1] if counts[name]]
        say_table(["predicted class", f"of {len(predictions):,} images"], rows)
    rows = []
    for image, found in predictions[:_LISTED]:
        ranked = sorted(found.items(), key=lambda item: -item[1])
        rows.append([str(image), ranked[0][0], ", ".join(f"{name} {100 * p:.1f} %" for name, p in ranked[:3])])
    say_table(["image", "class", "probabilities"], rows)
    if len(predictions) > _LISTED:
        note(f"The first {_LISTED} of {len(predictions):,} images; --table FILE writes them all.")
