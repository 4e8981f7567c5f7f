"""Images with text: what a caption becomes, what it is joined with, and that no test caption is learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ablate.errors import DataError, SettingError, TrainerError
from ablate.records import Outcome
from ablate.splits.rules import Protocol, Share
from ablate.store.journal import read_history
from ablate.training.checks import refuse_impossible
from ablate.training.config import Config
from ablate.training.config.text import Embeddings, OwnEncoder, TfIdf
from ablate.training.cost import describe_network
from ablate.training.data.parts import load_parts
from ablate.training.frozen_features import with_stored_features
from ablate.training.loop import train_network
from ablate.training.models import make_network
from ablate.training.numerics import set_up
from ablate.training.start import untrained
from ablate.training.text.encoders import fit_encoder, open_encoder
from tests.text_builders import CLASSES, FUSION, captioned, tells_class, write_captioned
from tests.training_builders import PROTOCOL, a_config, a_live_run, a_spec

CAPTIONS = ["a cat sits on a mat", "a dog sits", "the cat"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_captioned(tmp_path_factory.mktemp("captioned"))


def train(config: Config, work: Path, protocol: Protocol = PROTOCOL) -> tuple[Outcome, list[Any]]:
    run = a_live_run(work, a_spec(config, protocol=protocol))
    outcome = train_network(config, run)
    return outcome, [event.data["metrics"] for event in read_history(run.folder) if event.kind == "epoch"]


# --- networks ---------------------------------------------------------------------------------


def test_parameters_are_those_of_the_join_counted_by_hand() -> None:
    """VGG16's convolutions, then 512 + 5,000 numbers to 256 and to 17 classes."""
    config = a_config(
        {
            "data": {"source": {"name": "csv", "file": "t.csv", "text": "caption"}, "classes": 17, "image_size": 64}
            | {"channels": 3, "normalize": None},
            "model": {
                "name": "fusion",
                "image": {"name": "vgg16", "head": {"name": "gap"}},
                "text": {"name": "tfidf"},
            },
        }
    )

    convolutions = 14_714_688
    assert describe_network(config).parameters == convolutions + (512 + 5000) * 256 + 256 + 256 * 17 + 17


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        # two 3x3 convolutions to 4 and 8 channels, then (8 + 50) numbers to 16 and to 2
        ({}, (9 * 4 + 4) + (9 * 4 * 8 + 8) + (8 + 50) * 16 + 16 + 16 * 2 + 2),
        ({"text": None}, (9 * 4 + 4) + (9 * 4 * 8 + 8) + 8 * 16 + 16 + 16 * 2 + 2),
        ({"image": None}, 50 * 16 + 16 + 16 * 2 + 2),
        ({"image": None, "hidden": []}, 50 * 2 + 2),
        # an fc head gives what its last hidden layer makes of the image
        (
            {"image": {"name": "vgg", "blocks": [1], "width": 4, "head": {"name": "fc", "hidden": [10], "pool": 2}}},
            (9 * 4 + 4) + 4 * 4 * 10 + 10 + (10 + 50) * 16 + 16 + 16 * 2 + 2,
        ),
    ],
    ids=["both", "image", "text", "linear", "fc"],
)
def test_either_branch_alone_is_the_join_without_the_other(
    table: Path, changes: dict[str, Any], parameters: int
) -> None:
    """The same layers behind it, fewer numbers into them."""
    assert describe_network(a_config(captioned(table, **changes))).parameters == parameters


def test_logits_depend_on_both_image_and_text(table: Path) -> None:
    """Neither is lost on the way."""
    network = make_network(a_config(captioned(table))).eval()
    images, text = torch.rand(2, 1, 8, 8), torch.rand(2, 50)

    logits = network(images, text)

    assert logits.shape == (2, 2)
    assert not torch.allclose(logits, network(images.flip(0), text))
    assert not torch.allclose(logits, network(images, text.flip(0)))


def test_a_network_that_does_not_end_in_a_linear_layer_is_refused(table: Path) -> None:
    """Its feature would not be known."""
    changes = captioned(table, image={"name": "torchvision:squeezenet1_1"})
    changes["data"] |= {"channels": 3, "image_size": 64, "normalize": None}

    with pytest.raises(TrainerError, match="ends in Conv2d"):
        describe_network(a_config(changes))


def test_a_network_by_name_can_be_the_image_branch(table: Path) -> None:
    """Its classifier gives way to the join."""
    changes = captioned(table, image={"name": "torchvision:resnet18"}, hidden=[])
    changes["data"] |= {"channels": 3, "image_size": 64, "normalize": None}

    # torchvision's resnet18 has 11,689,512 parameters, 513,000 of them in its last layer
    assert describe_network(a_config(changes)).parameters == 11_689_512 - 513_000 + (512 + 50) * 2 + 2


# --- what is refused before anything is trained ------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {**FUSION}, "data": {"source": {"name": "digits"}}}, "needs a text for each image"),
        ({"model": {"name": "fusion"}}, "both null"),
        ({"mixing": {"name": "mixup"}}, "mixing changes images alone"),
        ({"adversarial": {"eps": 0.1, "steps": 1, "step_size": 0.1}}, "adversarial changes images alone"),
        ({"robustness": {"eps": 0.1, "steps": 1, "step_size": 0.1}}, "robustness changes images alone"),
        ({"quantization_aware": {}}, "networks that read texts are not exported"),
        ({"model": {"name": "vgg", "blocks": [1], "head": {"name": "gap"}}}, "has no place for them"),
        ({"model": {**FUSION, "text": {"name": "bert"}}}, "bert"),
        ({"model": {**FUSION, "text": {"name": "tfidf", "words": 0}}}, "greater than or equal to 1"),
    ],
    ids=["no column", "no branch", "mixing", "adversarial", "robustness", "INT8", "no place", "unknown", "no words"],
)
def test_settings_that_do_not_fit_are_refused(table: Path, changes: dict[str, Any], words: str) -> None:
    """Without a look at the data."""
    with pytest.raises(ValidationError, match=words):
        a_config(captioned(table) | changes)


def test_weights_of_another_vocabulary_are_refused(table: Path) -> None:
    """A column would be given what was learnt for another word."""
    config = a_config(captioned(table), weights={"run": "other/baseline"})

    with pytest.raises(SettingError, match="weights of other words"):
        refuse_impossible(config, PROTOCOL)

    fresh = a_config(captioned(table), weights={"run": "other/baseline", "fresh": ["head"]})
    refuse_impossible(fresh, PROTOCOL)


@pytest.mark.parametrize(
    ("rows", "caption", "column", "words"),
    [
        ((), tells_class, "title", "no column 'title'"),
        (("cat/000.png,cat,\n",), tells_class, "caption", "line 162: no caption"),
        ((), lambda name, number: "always the same", "caption", "are the same"),
        ((), lambda name, number: f"{number % 10} !", "caption", "no word of two letters"),
    ],
    ids=["column", "empty", "equal", "no vocabulary"],
)
def test_captions_that_say_nothing_are_refused_before_training(
    tmp_path: Path, rows: Sequence[str], caption: Any, column: str, words: str
) -> None:
    """Each by a sentence of its own."""
    table = write_captioned(tmp_path, caption=caption, rows=rows)
    changes = captioned(table)
    changes["data"]["source"]["text"] = column
    config = a_config(changes)
    run = a_live_run(tmp_path / "work", a_spec(config))

    with pytest.raises(DataError, match=words):
        load_parts(config, run, set_up(config))


def test_captions_in_another_encoding_are_refused(tmp_path: Path) -> None:
    """Wrong letters would be other words."""
    table = write_captioned(tmp_path, per_class=3)
    table.write_bytes(table.read_bytes() + "cat/000.png,cat,Stra\xdfe\n".encode("latin-1"))
    config = a_config(captioned(table))

    with pytest.raises(DataError, match="UTF-8"):
        load_parts(config, a_live_run(tmp_path / "work", a_spec(config)), set_up(config))


# --- TF-IDF ------------------------------------------------------------------------------------


def test_tfidf_is_that_of_the_formula() -> None:
    """Counts times ln((1 + n) / (1 + df)) + 1, rows of length 1; columns in the order of the alphabet."""
    encoder = fit_encoder(TfIdf(name="tfidf", words=6), CAPTIONS)
    idf = {1: np.log(4 / 2) + 1, 2: np.log(4 / 3) + 1}
    # cat, dog, mat, on, sits, the: in 2, 1, 1, 1, 2 and 1 of 3 texts
    row = np.array([idf[2], 0, idf[1], idf[1], idf[2], 0])

    assert encoder.state["words"] == ["cat", "dog", "mat", "on", "sits", "the"]
    assert encoder.encode([""], CAPTIONS[:1])[0] == pytest.approx(row / np.linalg.norm(row), rel=1e-6)


def test_a_stored_vocabulary_gives_the_same_numbers() -> None:
    """Bit for bit, and 0 in the columns that no word fills."""
    config = TfIdf(name="tfidf", words=20)
    fitted = fit_encoder(config, CAPTIONS)

    again = open_encoder(config, fitted.state)
    rows = again.encode(["", ""], ["a cat on fire", "zebra"])

    assert rows.tobytes() == fitted.encode(["", ""], ["a cat on fire", "zebra"]).tobytes()
    assert rows.shape == (2, 20)
    assert not rows[1].any()
    assert not rows[:, 6:].any()


def test_a_word_of_test_captions_alone_is_in_no_vocabulary(tmp_path: Path) -> None:
    """Nor one of validation captions alone: the words are those of the fit part."""
    table = write_captioned(tmp_path, caption=lambda name, number: f"shared word{name}{number}")
    config = a_config(captioned(table, text={"name": "tfidf", "words": 500}))
    parts = load_parts(config, a_live_run(tmp_path / "work", a_spec(config)), set_up(config))
    assert parts.encoder is not None

    def words(indices: Sequence[int]) -> set[str]:
        return {parts.images.texts[index].split()[1] for index in indices}

    found = set(parts.encoder.state["words"])
    assert found == words(parts.split.fit) | {"shared"}
    assert len(parts.split.val)
    assert len(parts.split.test)
    assert not found & (words(parts.split.val) | words(parts.split.test))


def test_each_image_has_the_numbers_of_its_own_caption(table: Path, tmp_path: Path) -> None:
    """In every part, in the part's order."""
    config = a_config(captioned(table))
    parts = load_parts(config, a_live_run(tmp_path, a_spec(config)), set_up(config))
    assert parts.encoder is not None

    for part, indices in ((parts.fit, parts.split.fit), (parts.val, parts.split.val), (parts.test, parts.split.test)):
        texts = [tells_class(parts.images.ids[i][:3], int(parts.images.ids[i][4:7])) for i in indices]
        (rows,) = part.text_of(part.places())
        assert rows.numpy().tobytes() == parts.encoder.encode([], texts).tobytes()


# --- vectors and functions of one's own ---------------------------------------------------------


def vectors(file: Path, **arrays: Any) -> Embeddings:
    np.savez(file, **({"id": np.array(["a", "b"]), "vector": np.eye(2, 3, dtype=np.float32)} | arrays))
    return Embeddings(name="embeddings", file=str(file), size=3)


def test_vectors_are_found_by_the_id(tmp_path: Path) -> None:
    """Whatever order the file has."""
    encoder = fit_encoder(vectors(tmp_path / "v.npz"), [])

    assert encoder.encode(["b", "a"], []).tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"vector": np.eye(2, 4)}, "have 4 numbers, and base.model.text.size is 3"),
        ({"vector": np.array([[0, 1, np.nan], [1, 2, 3]])}, "1 vector is not finite: a"),
        ({"id": np.array(["a", "b", "c"])}, "3 ids and 2 vectors"),
        ({"id": np.array(["a", "a"])}, "'a' appears twice"),
        ({"id": np.array(["a", "b"], dtype=object)}, "pickled"),
        ({"id": np.array([1, 2])}, "'id' has shape"),
        ({"vector": np.eye(2, 3, dtype=np.int64)}, "'vector' has shape"),
    ],
    ids=["width", "nan", "count", "twice", "pickle", "numbers", "integers"],
)
def test_vectors_that_cannot_be_used_are_refused(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    """What is wrong, where, and how to write them."""
    with pytest.raises(DataError, match=words):
        fit_encoder(vectors(tmp_path / "v.npz", **arrays), [])


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    """A pickle, for one, is never opened."""
    (tmp_path / "v.npz").write_bytes(b"\x80\x04N.")

    with pytest.raises(DataError, match="cannot be read as vectors"):
        fit_encoder(Embeddings(name="embeddings", file=str(tmp_path / "v.npz"), size=3), [])
    with pytest.raises(DataError, match="there is no file"):
        fit_encoder(Embeddings(name="embeddings", file=str(tmp_path / "gone.npz"), size=3), [])
    np.savez(tmp_path / "half.npz", id=np.array(["a"]))
    with pytest.raises(DataError, match="no array 'vector'"):
        fit_encoder(Embeddings(name="embeddings", file=str(tmp_path / "half.npz"), size=3), [])


def test_an_image_without_a_vector_is_named(tmp_path: Path) -> None:
    """With what the file does hold."""
    encoder = fit_encoder(vectors(tmp_path / "v.npz"), [])

    with pytest.raises(DataError, match=r"no vector for 1 of 2 images: cat/001.jpg"):
        encoder.encode(["a", "cat/001.jpg"], [])


def test_other_vectors_than_a_run_had_are_not_taken_for_its_own(tmp_path: Path) -> None:
    """Its weights were trained on the old ones."""
    config = vectors(tmp_path / "v.npz")
    state = fit_encoder(config, []).state
    vectors(tmp_path / "v.npz", vector=np.ones((2, 3)))

    with pytest.raises(DataError, match="has changed since the run"):
        open_encoder(config, state)


OWN = """
import numpy as np

def lengths(texts, scale=1):
    return np.array([[len(text) * scale, text.count("a")] for text in texts], dtype=float)

def wide(texts):
    return np.zeros((len(texts), 3))

def none(texts):
    return np.full((len(texts), 2), np.nan)

def broken(texts):
    raise KeyError("mat")

def words(texts):
    return [["a", "b"] for _ in texts]

def centred(texts):
    rows = lengths(texts)
    return rows - rows.mean(0)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"own_text_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_a_function_of_ones_own_encodes_the_texts(own: str) -> None:
    """With its options; of no texts it is not asked."""
    config = OwnEncoder(name=f"{own}:lengths", size=2, options={"scale": 2})
    encoder = fit_encoder(config, CAPTIONS)

    assert encoder.encode(["", ""], ["a cat", "aa"]).tolist() == [[10, 2], [4, 2]]
    assert encoder.encode([], []).shape == (0, 2)
    assert open_encoder(config, encoder.state).encode([""], ["a"]).tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("wide", r"shape \(2, 3\) and type float64 for 2 texts, not one of shape \(2, 2\)"),
        ("none", "NaN or infinity for the text 'a cat'"),
        ("broken", "raised KeyError"),
        ("words", "type <U1"),
        ("centred", "other numbers of a text alone than among others"),
        ("length", "has no function 'length'. Did you mean 'lengths'"),
    ],
)
def test_a_function_that_breaks_its_promise_is_refused(own: str, function: str, words: str) -> None:
    """Among them one that learns from the texts it is shown: test captions would change what others become."""
    with pytest.raises(DataError) as caught:
        fit_encoder(OwnEncoder(name=f"{own}:{function}", size=2), CAPTIONS).encode(["", ""], ["a cat", "dogs"])
    caught.match(words.split(". Did")[0])


def test_a_module_that_is_not_there_is_named() -> None:
    """Before anything is trained."""
    with pytest.raises(DataError, match="no_such_module"):
        fit_encoder(OwnEncoder(name="no_such_module:encode", size=2), CAPTIONS)


# --- training ----------------------------------------------------------------------------------


def test_text_is_learnt_from(table: Path, tmp_path: Path) -> None:
    """Of noise with captions that name the class, the network with text is right and the one without is not."""
    more: dict[str, Any] = {"optimizer": {"name": "adam", "lr": 0.03}, "epochs": 8}
    both, _ = train(a_config(captioned(table), **more), tmp_path)
    text, _ = train(a_config(captioned(table, image=None), **more), tmp_path)
    image, _ = train(a_config(captioned(table, text=None), **more), tmp_path)

    assert both.metrics["accuracy"] == 1
    assert text.metrics["accuracy"] == 1
    assert image.metrics["accuracy"] < 0.8
    assert "text" in both.files
    assert "text" not in image.files


def test_pieces_of_a_batch_carry_their_own_texts(table: Path, tmp_path: Path) -> None:
    """Micro-batches add up to the whole batch."""
    _, whole = train(a_config(captioned(table)), tmp_path / "whole")
    _, pieces = train(a_config(captioned(table), numerics={"micro_batch": 5}), tmp_path / "pieces")

    assert [one["train/loss"] for one in pieces] == pytest.approx([one["train/loss"] for one in whole], rel=1e-4)


def test_a_frozen_image_branch_is_computed_once_for_all_replicates_and_texts(table: Path, tmp_path: Path) -> None:
    """The same losses as computed each time; what is stored knows nothing of a vocabulary."""
    frozen = {"freeze": {"modules": ["image"]}, "optimizer": {"name": "sgd", "lr": 0.1}}
    config = a_config(captioned(table), **frozen)
    assert config.freeze is not None
    plain = config.model_copy(update={"freeze": config.freeze.model_copy(update={"cache": False})})

    quick, quick_epochs = train(config, tmp_path)
    slow, slow_epochs = train(plain, tmp_path)

    assert quick.metrics["accuracy"] == slow.metrics["accuracy"]
    assert [one["train/loss"] for one in quick_epochs] == pytest.approx(
        [one["train/loss"] for one in slow_epochs], rel=1e-4
    )
    fewer_words = a_config(captioned(table, text={"name": "tfidf", "words": 3}), **frozen)
    image_only = a_config(captioned(table, text=None), **frozen)
    for one in (fewer_words, image_only):
        train(one, tmp_path)
    folders = list((tmp_path / ".ablate" / "cache" / "features").glob("*/features.bin"))
    assert len(folders) == 1
    assert any("computed once, up to image" in note for note in describe_network(config).notes)


def test_the_short_training_gives_the_joined_logits(table: Path, tmp_path: Path) -> None:
    """Stored image features beside the text are what the whole network makes of both."""
    config = a_config(captioned(table), freeze={"modules": ["image"]})
    run, mode = a_live_run(tmp_path, a_spec(config)), set_up(config)
    parts, trained = load_parts(config, run, mode), untrained(config, run, mode)
    short = with_stored_features(config, run, parts, mode, trained)
    assert short.trained.whole is trained.network
    few = parts.test.places()[:7]

    with torch.inference_mode():
        whole = trained.network.eval()(parts.test.images_of(few), *parts.test.text_of(few))
        found = short.trained.network.eval()(short.parts.test.images_of(few), *short.parts.test.text_of(few))

    assert torch.allclose(whole, found, atol=1e-6)


def test_changed_captions_are_other_data(table: Path, tmp_path: Path) -> None:
    """So are captions where there were none; pixels alone do not make a data set."""

    def digest(file: Path, changes: dict[str, Any]) -> str:
        config = a_config(changes)
        return load_parts(config, a_live_run(tmp_path / "work", a_spec(config)), set_up(config)).images.digest

    plain = captioned(table)
    plain["data"]["source"].pop("text")
    without = digest(table, plain | {"model": FUSION["image"]})
    with_text = digest(table, captioned(table))
    other = write_captioned(tmp_path / "other", caption=lambda name, number: f"{tells_class(name, number)} again")

    assert len({without, with_text, digest(other, captioned(other))}) == 3
    assert with_text == digest(table, captioned(table, text=None))


def test_several_labels_can_be_told_from_text_too(tmp_path: Path) -> None:
    """A column of labels joined by | and a loss of its own."""
    table = write_captioned(tmp_path)
    lines = table.read_text().splitlines()
    lines[1::4] = [line.replace(",cat,", ",cat|dog,").replace(",dog,", ",cat|dog,") for line in lines[1::4]]
    table.write_text("\n".join(lines))
    changes = captioned(table)
    changes["data"]["multi_label"] = True
    config = a_config(changes, loss={"name": "binary_cross_entropy"})

    outcome, _ = train(config, tmp_path / "work", Protocol(test=Share(share=30), val=20))

    assert set(outcome.metrics) == {"accuracy", "macro_f1", "mean_average_precision", "loss"}
    assert len(CLASSES) == 2
