"""What is told of texts: by the look at the data, and beside an image in a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ablate.cli.data import examination_json
from ablate.splits.rules import Protocol, Share
from ablate.training.config import Config
from ablate.training.data.examine import examine_data
from ablate.training.text.facts import text_facts
from ablate.workflows.image_columns import image_columns, image_texts
from tests.text_builders import captioned, write_captioned
from tests.training_builders import a_config, a_live_run, a_spec


def test_texts_are_counted_by_their_words() -> None:
    """Words of two characters or more, as TF-IDF has them; those of other parts alone on their own."""
    found = text_facts(
        ["A red cat", "a red cat", "Blue cat-like dog", "nothing"], ["train", "val", "test", "unused"],
        [[0], [0], [1], [1]], ["cat", "dog"],
    )  # fmt: skip

    assert found._asdict() == {
        "texts": 4,
        "distinct": 4,
        "shortest": 1,
        "median": 2,
        "longest": 4,
        "fit_words": 2,  # red, cat
        "other_words": 4,  # blue, like, dog, nothing
        "naming": 3,  # the fourth names neither class
    }


def test_a_class_is_named_by_whole_words() -> None:
    """Class 1 is not named by 10, nor cat by category."""
    found = text_facts(["10 of them", "a category"], ["train", "train"], [[0], [1]], ["1", "cat"])

    assert found.naming == 0


def test_a_look_at_the_data_tells_of_texts(tmp_path: Path) -> None:
    """Where there are any."""
    table = write_captioned(tmp_path / "data")
    config: Config = a_config(captioned(table))
    run = a_live_run(tmp_path / "work", a_spec(config))

    found = examine_data(config.data, Protocol(test=Share(share=60)), run.cached)

    assert found.texts is not None
    assert (found.texts.texts, found.texts.distinct, found.texts.naming) == (160, 10, 0)
    assert examination_json(found, tmp_path)["texts"]["longest"] == 5
    assert "texts" not in examination_json(replace(found, texts=None), tmp_path)


def test_a_text_is_found_by_the_image_s_id_and_is_no_slice(tmp_path: Path) -> None:
    """The table is read as it is now; of a table that is gone nothing is said."""
    table = write_captioned(tmp_path, caption=lambda name, number: "long " * 50 if number else "<b>short</b>")
    config = a_config(captioned(table)).model_dump(mode="json")

    found = image_texts(config, ["cat/000.png", "cat/001.png", "cat/x.png"])

    assert set(found) == {"cat/000.png", "cat/001.png"}
    assert found["cat/000.png"] == "<b>short</b>"
    assert found["cat/001.png"].startswith("long long")
    assert len(found["cat/001.png"]) == 203
    assert image_columns(config, None)(["cat/000.png"]) == {}
    table.unlink()
    assert image_texts(config, ["cat/000.png"]) == {}
    assert image_texts({}, ["cat/000.png"]) == {}
