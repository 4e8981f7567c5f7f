"""What a trainer returns is held against the parts it was handed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ablate.errors import SplitError, TrainerError
from ablate.execute.handed import check_judged, read_ids_and_means, write_groups
from ablate.execute.live import LiveRun
from ablate.protocols import Run
from ablate.splits.request import Handed, parts_of
from ablate.splits.rules import Folds, Protocol, Replicate
from tests.training_builders import a_live_run, a_spec

TEST = Protocol(test=Folds(count=4), val=0.2)
SEALED = replace(TEST, sealed=True)
SEARCH = replace(SEALED, must_split=True)
IDS = [str(number) for number in range(40)]


def handed(protocol: Protocol = SEARCH) -> Handed:
    """Forty images of one class."""
    return parts_of(IDS, [0] * 40, None, (), protocol, Replicate(index=0))[1]


def scores(folder: Path, ids: Sequence[str], *, right: int = 2, **columns: np.ndarray) -> Path:
    """A table of scores, so many of them right."""
    path = folder / "outcomes.npz"
    np.savez(path, id=np.array(ids), score=(np.arange(len(ids)) < right).astype(np.float32), **columns)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("protocol", [TEST, SEALED, SEARCH])
def test_scores_of_the_judged_images_are_taken(protocol: Protocol, tmp_path: Path) -> None:
    """The test part, or in a sealed run val; in any order."""
    given = handed(protocol)
    images = scores(tmp_path, given.judged[::-1])

    check_judged(protocol, given, {"accuracy": 2 / len(given.judged)}, images)


@pytest.mark.parametrize("protocol", [TEST, SEALED, SEARCH])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda given: given.fit, "others, of parts.fit"),
        (lambda given: [*given.judged, given.fit[0]], "1 of the"),
        (lambda given: given.judged[1:], "1 of the .* have no score"),
        (lambda given: [*given.judged, given.judged[0]], "appears twice"),
        (lambda given: ["elsewhere", *given.judged[1:]], "in none of its parts"),
        (lambda given: [], "have no score"),
    ],
    ids=["fit", "one more", "one less", "twice", "unknown", "none"],
)
def test_scores_of_other_images_are_refused(protocol: Protocol, change: object, words: str, tmp_path: Path) -> None:
    """Whatever the metric says."""
    given = handed(protocol)

    with pytest.raises(SplitError, match=words):
        check_judged(protocol, given, {"accuracy": 0.5}, scores(tmp_path, change(given)))  # type: ignore[operator]


def test_the_test_images_of_a_search_are_refused(tmp_path: Path) -> None:
    """They are in none of its parts."""
    with pytest.raises(SplitError, match=r"parts\.val, and 10 of the 10 .* none of its parts.*sealed"):
        check_judged(SEARCH, handed(), {"accuracy": 0.2}, scores(tmp_path, handed(TEST).test))


def test_in_a_search_the_metric_is_the_mean_of_those_scores(tmp_path: Path) -> None:
    """An accuracy of other images beside scores of validation images is refused, rounding is not."""
    given = handed()
    images = scores(tmp_path, given.val, loss=np.linspace(0, 1, len(given.val)))

    check_judged(SEARCH, given, {"accuracy": 0.2501}, images)
    check_judged(replace(SEARCH, metric="loss"), given, {"loss": 0.5}, images)
    check_judged(replace(SEARCH, metric="macro_f1"), given, {"macro_f1": 0.9}, images)
    for metric, value in {"accuracy": 0.3, "loss": 0.4}.items():
        with pytest.raises(SplitError, match=f"returned {metric} = "):
            check_judged(replace(SEARCH, metric=metric), given, {metric: value}, images)


def test_numbers_alone_do_for_a_study_and_not_for_a_search() -> None:
    """Nobody could say which images they are of."""
    check_judged(TEST, None, {"accuracy": 0.5}, None)
    check_judged(TEST, handed(TEST), {"accuracy": 0.5}, None)
    check_judged(SEALED, None, {"accuracy": 0.5}, None)
    with pytest.raises(SplitError, match="numbers alone"):
        check_judged(SEARCH, handed(), {"accuracy": 0.5}, None)


@pytest.mark.parametrize(
    "columns",
    [{}, {"score": np.ones((8, 1))}, {"score": np.ones(3)}, {"score": np.array(["1"] * 8)}, {"prob": np.ones((8, 2))}],
    ids=["none", "two dimensions", "other length", "text", "probabilities"],
)
def test_ids_without_scores_are_numbers_alone(columns: dict[str, np.ndarray], tmp_path: Path) -> None:
    """The ids of the validation images are handed to everybody; numbers of the test images may stand beside them."""
    given = handed()
    path = tmp_path / "outcomes.npz"
    np.savez(path, id=np.array(given.val), **columns)  # type: ignore[arg-type]

    check_judged(replace(SEARCH, must_split=False), given, {"accuracy": 0.5}, path)
    with pytest.raises(SplitError, match="ids without scores"):
        check_judged(SEARCH, given, {"accuracy": 0.5}, path)


def test_a_column_named_like_the_accuracy_is_held_against_it(tmp_path: Path) -> None:
    """As one of any other metric's name is."""
    given = handed()
    path = tmp_path / "outcomes.npz"
    np.savez(path, id=np.array(given.val), accuracy=np.zeros(len(given.val)))

    with pytest.raises(SplitError, match=r"returned accuracy = 0\.5"):
        check_judged(SEARCH, given, {"accuracy": 0.5}, path)


def _as_text(path: Path) -> None:
    path.write_text("id,score")


def _as_array(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.ones(3))


def _with_objects(path: Path) -> None:
    np.savez(path, id=np.array(["a"], dtype=object))


def _without_ids(path: Path) -> None:
    np.savez(path, score=np.ones(3))


def _half(path: Path) -> None:
    np.savez(path, id=np.array(["a"]))
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize("write", [_as_text, _as_array, _with_objects, _without_ids, _half, lambda _: None])
def test_a_table_that_is_none_is_refused_in_words(write: Callable[[Path], None], tmp_path: Path) -> None:
    """Not with whatever a library says of it."""
    path = tmp_path / "outcomes.npz"
    write(path)

    with pytest.raises(TrainerError, match="table of images cannot be read"):
        read_ids_and_means(path, ())


def test_a_trainer_that_splits_by_itself_is_told_at_its_first_epoch(tmp_path: Path) -> None:
    """Not after hours: by whichever of the two it calls first."""
    run = a_live_run(tmp_path, a_spec(trainer="ablate.toy:train", protocol=SEARCH))

    with pytest.raises(SplitError, match=r"run\.split"):
        run.epoch(1, {})
    with pytest.raises(SplitError, match=r"split: trainer"):
        run.tick(1, 1, 1)
    run.split(IDS, [0] * 40)
    run.epoch(1, {})
    assert run.tick(1, 1, 1) is False


def test_a_run_has_one_split(tmp_path: Path) -> None:
    """Asked again it answers the same; asked for another it refuses."""
    run = a_live_run(tmp_path, a_spec(trainer="ablate.toy:train", protocol=TEST))

    assert run.split(IDS, [0] * 40) == run.split(IDS, [0] * 40)
    with pytest.raises(TrainerError, match="called twice"):
        run.split(IDS[:20], [0] * 20)


def test_a_run_splits_by_the_signature_of_its_contract() -> None:
    """What a trainer's author reads in `ablate.Run` is what runs take, defaults and all."""
    assert inspect.signature(LiveRun.split) == inspect.signature(Run.split)


def test_the_groups_a_trainer_names_are_kept_beside_its_scores(tmp_path: Path) -> None:
    """As a column, by id and whatever the order; verdicts take the group for what was drawn at random."""
    patients = [f"patient {number // 4}" for number in range(40)]
    parts, given = parts_of(IDS, [0] * 40, patients, (), TEST, Replicate(index=0))
    images = scores(tmp_path, given.judged[::-1], prob=np.ones((len(given.judged), 2)))
    before = dict(np.load(images))
    write_groups(images, given)
    stored = np.load(images)

    assert stored["group"].tolist() == [patients[place] for place in parts.judged[::-1]]
    assert all(np.array_equal(stored[name], column) for name, column in before.items())


def test_groups_that_only_read_alike_stay_apart(tmp_path: Path) -> None:
    """NaN for an unknown patient is a group of its own in the split, and so in the verdicts; an empty name is one."""
    patients = [*(float("nan") for _ in range(30)), *(1, "1") * 2, *("",) * 6]
    given = parts_of(IDS, [0] * 40, patients, (), replace(TEST, test=Folds(count=2)), Replicate(index=0))[1]
    images = scores(tmp_path, given.judged)
    write_groups(images, given)
    stored = dict(zip(given.judged, np.load(images)["group"].tolist(), strict=True))
    unknown = [name for name in given.judged if int(name) < 30]

    assert len({stored[name] for name in unknown}) == len(unknown) > 5
    assert {stored[name] for name in given.judged if int(name) >= 34} <= {"34"}
    assert stored.get("30", "one") != stored.get("31", "another")


def test_a_column_of_groups_that_a_trainer_wrote_is_its_own(tmp_path: Path) -> None:
    """And where it named none to run.split there is none."""
    own = np.array([f"{number}" for number in range(len(handed(TEST).judged))])
    given = parts_of(IDS, [0] * 40, list(range(40)), (), TEST, Replicate(index=0))[1]
    images = scores(tmp_path, given.judged, group=own)
    write_groups(images, given)
    assert np.load(images)["group"].tolist() == own.tolist()

    plain = scores(tmp_path, handed(TEST).judged)
    write_groups(plain, handed(TEST))
    assert "group" not in np.load(plain)
