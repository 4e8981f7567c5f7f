"""Predictions for images with texts: the run's own vocabulary, from one text or a table of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from ablate.errors import DataError, TrainerError
from ablate.execute.inline import InlineExecutor
from ablate.inspection import Explained
from ablate.records import Finished, RunSpec
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from ablate.trainer import load_trainer
from ablate.training import explain, predict, retest
from ablate.workflows.captions import captions_in
from ablate.workflows.predict import FinishedRun, answers_of
from ablate.workflows.reopened_run import reopened
from tests.text_builders import captioned, tells_class, write_captioned
from tests.training_builders import BUILT_IN, a_config, a_spec, a_task, carried_out, finished


class Trained(NamedTuple):
    """A finished run in a work folder, and the folder of its images."""

    work: Path
    spec: RunSpec
    result: Finished
    images: Path


def trained_run(work: Path, changes: Mapping[str, Any], images: Path) -> Trained:
    spec = a_spec(a_config(changes, optimizer={"name": "adam", "lr": 0.03}, epochs=6))
    attempt = carried_out(InlineExecutor(), a_task(work, spec))
    return Trained(work, spec, finished(read_result(attempt)), images)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    work = tmp_path_factory.mktemp("run")
    return trained_run(work / "work", captioned(write_captioned(work / "data")), work / "data")


def opened(run: Trained) -> FinishedRun:
    return FinishedRun("study/variant/0", run.spec, run.result, load_trainer(BUILT_IN))


def test_test_images_with_their_captions_are_predicted_as_they_were_tested(run: Trained) -> None:
    """By the vocabulary that the run has stored."""
    with np.load(run.result.folder / str(run.result.images)) as stored:
        ids, prob = [str(name) for name in stored["id"]], stored["prob"]
    texts = [tells_class(name[:3], int(name[4:7])) for name in ids]

    found = predict(run.spec, run.result, [run.images / name for name in ids], texts)

    rows = np.array([list(row.values()) for row in found if not isinstance(row, DataError)])
    assert np.allclose(rows, prob, atol=2e-3)


def test_a_text_changes_the_answer(run: Trained) -> None:
    """The same image under two captions."""
    image = [run.images / "cat" / "000.png"] * 2

    cat, dog = predict(run.spec, run.result, image, ["purring animal", "barking animal"])

    assert not isinstance(cat, DataError)
    assert not isinstance(dog, DataError)
    assert cat["cat"] > 0.5 > dog["cat"]


def test_a_network_that_reads_texts_is_given_one_an_image(run: Trained) -> None:
    """It says how, before an image is read."""
    with pytest.raises(DataError, match="reads a text beside each image, and none is given"):
        next(iter(predict(run.spec, run.result, [run.images / "cat" / "000.png"])))


def test_the_recorded_metrics_come_out_again(run: Trained) -> None:
    """From weights and vocabulary as they are stored."""
    with reopened(run.spec, Store(run.work)) as once_more:
        assert retest(run.spec, run.result, once_more) == run.result.metrics


def test_a_vocabulary_that_is_gone_or_changed_is_named(run: Trained, tmp_path: Path) -> None:
    """Without it a column would be any word's."""
    for state in ("gone", "damaged"):
        for name in run.result.files.values():
            (tmp_path / name).write_bytes((run.result.folder / name).read_bytes())
        words = tmp_path / run.result.files["text"]
        words.unlink() if state == "gone" else words.write_text('{"words": [], "idf": []}')
        with pytest.raises(DataError, match=f"vocabulary of this run is {state}"):
            next(iter(predict(run.spec, replace(run.result, folder=tmp_path), [], [])), None)


def test_looking_into_a_network_that_reads_texts_is_refused(run: Trained) -> None:
    """With the variant that can be looked into."""
    with reopened(run.spec, Store(run.work)) as once_more, pytest.raises(TrainerError, match="a variant with model"):
        explain(run.spec, run.result, once_more, None)


def test_the_image_branch_alone_can_be_looked_into_and_takes_no_text(run: Trained) -> None:
    """Its network is one of images."""
    alone = trained_run(run.work, captioned(run.images / "captions.csv", text=None), run.images)
    with reopened(alone.spec, Store(alone.work)) as once_more:
        found = explain(alone.spec, alone.result, once_more, None)

    assert isinstance(found, Explained)
    assert found.last_map.startswith("image.features")
    with pytest.raises(DataError, match="texts are given, and the network of this run reads none"):
        next(iter(predict(alone.spec, alone.result, [run.images / "cat" / "000.png"], ["a cat"])))


def test_vectors_are_those_of_the_image_s_id(run: Trained, tmp_path: Path) -> None:
    """Of images below the source's root, wherever the command is given; others have none."""
    ids = [f"{name}/{number:03}.png" for name in ("cat", "dog") for number in range(80)]
    rows = np.random.default_rng(0).normal(size=(160, 3)).astype(np.float32)
    rows[:, 0] = [4 if name.startswith("cat") else -4 for name in ids]
    np.savez(tmp_path / "v.npz", id=np.array(ids), vector=rows)
    encoder = {"name": "embeddings", "file": str(tmp_path / "v.npz"), "size": 3}
    by_vector = trained_run(tmp_path, captioned(run.images / "captions.csv", text=encoder), run.images)
    assert by_vector.result.metrics["accuracy"] == 1

    (row,) = predict(by_vector.spec, by_vector.result, [run.images / "cat" / "007.png"])

    assert not isinstance(row, DataError)
    assert row["cat"] > 0.5
    (tmp_path / "else.png").write_bytes((run.images / "cat" / "007.png").read_bytes())
    with pytest.raises(DataError, match="holds no vector for 1 of 1 images"):
        next(iter(predict(by_vector.spec, by_vector.result, [tmp_path / "else.png"])))


def test_a_table_names_images_and_their_texts(run: Trained, tmp_path: Path) -> None:
    """Under the study's own headings, its paths from where it lies; other paths are no table."""
    (tmp_path / "new.csv").write_text("caption,path,more\npurring,cat/1.png,x\nbarking,dog/2.png,y\n")

    found = captions_in(opened(run), [tmp_path / "new.csv"], None)

    assert found is not None
    assert found.images == [tmp_path / "cat" / "1.png", tmp_path / "dog" / "2.png"]
    assert found.texts == ["purring", "barking"]
    assert captions_in(opened(run), [tmp_path / "cat" / "1.png"], "purring") is None


@pytest.mark.parametrize(
    ("content", "text", "words"),
    [
        ("path,title\na.png,x\n", None, "no column 'caption'"),
        ("path,caption\na.png,\n", None, "line 2: a path or a caption is missing"),
        ("path,caption\n", None, "has no rows"),
        ("path,caption\na.txt,x\n", None, "no image by its name"),
        ("path,caption\na.png,x\n", "a text", "Give it alone"),
        (None, None, "there is no table"),
    ],
    ids=["column", "empty", "no rows", "no image", "both", "gone"],
)
def test_a_table_that_cannot_be_read_is_refused(
    run: Trained, tmp_path: Path, content: str | None, text: str | None, words: str
) -> None:
    """By its own line where there is one."""
    if content is not None:
        (tmp_path / "new.csv").write_text(content)

    with pytest.raises(DataError) as caught:
        captions_in(opened(run), [tmp_path / "new.csv"], text)
    assert words in str(caught.value)


def test_a_trainer_of_ones_own_that_takes_no_texts_says_so(run: Trained) -> None:
    """Its predict is not called with what it does not know."""
    own = replace(load_trainer(BUILT_IN), predict=lambda spec, result, images: iter([{"cat": 1.0} for _ in images]))
    member = opened(run)._replace(trainer=own)
    image = run.images / "cat" / "000.png"

    assert list(answers_of(member, [image], None)) == [{"cat": 1.0}]
    with pytest.raises(TrainerError, match="takes no texts"):
        answers_of(member, [image], ["x"])
