"""Loggers' files while they grow, and what else is peculiar to one of them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.readers.lightning_csv import read_metrics_csv
from ablate.readers.settings_files import read_config, read_hparams
from ablate.readers.tensorboard_events import read_events, read_scalars
from ablate.readers.wandb_run import read_runs as wandb_runs
from ablate.readers.wandb_run import read_summary
from ablate.readers.wire import WireError, fields_of
from tests.contract.reader_contract import LOGS

EVENTS = sorted((LOGS / "tensorboard" / "bn_seed1").glob("*tfevents*"))[0]


def test_an_event_file_gives_its_scalars_in_the_order_of_writing() -> None:
    """Single precision, as TensorBoard keeps them; tensors in double."""
    found = read_scalars(EVENTS.parent)

    assert [step for step, _ in found["test/accuracy"]] == [0, 1, 2]
    assert [value for _, value in found["test/accuracy"]] == pytest.approx([0.734, 0.944, 0.934], abs=1e-6)
    tensors = read_scalars(LOGS / "tensorboard_names" / "bn" / "seed1")["test/accuracy"]
    assert tensors == [(0, pytest.approx(0.734, abs=1e-12)), (1, pytest.approx(0.944)), (2, 0.934)]


def test_a_file_that_grows_is_read_up_to_its_last_whole_record_and_on_from_there(tmp_path: Path) -> None:
    """At every length: no error, no value twice, none lost."""
    content = EVENTS.read_bytes()
    whole = read_events(EVENTS)
    growing = tmp_path / EVENTS.name
    points, end = [], 0
    for size in range(0, len(content) + 1, 7):
        growing.write_bytes(content[:size])
        found = read_events(growing, end)
        points += found.points
        end = found.end
        assert read_scalars(tmp_path) is not None
    growing.write_bytes(content)
    points += read_events(growing, end).points

    assert tuple(points) == whole.points
    assert whole.whole
    assert whole.end == len(content)


def test_a_damaged_event_file_names_the_byte(tmp_path: Path) -> None:
    """And one that never was one."""
    content = bytearray(EVENTS.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / EVENTS.name
    damaged.write_bytes(content)

    with pytest.raises(StudyError, match="damaged, at byte"):
        read_events(damaged)
    damaged.write_bytes(b"id,target\n" * 9)
    with pytest.raises(StudyError, match="no event file of TensorBoard"):
        read_scalars(tmp_path)


def test_of_many_values_the_first_are_kept() -> None:
    """So that a script that logs without end fills no memory."""
    assert sum(map(len, read_scalars(EVENTS, at_most=2).values())) == 2


def test_a_metrics_csv_that_grows_is_read_without_its_last_row(tmp_path: Path) -> None:
    """By epoch, column by column, empty cells left out."""
    path = tmp_path / "version_0" / "metrics.csv"
    path.parent.mkdir()
    path.write_text("epoch,step,acc,loss\n0,9,0.5,\n0,9,,1.25\n1,19,0.6,\n1,19,,0.7", encoding="utf-8")

    assert read_metrics_csv(tmp_path) == {"acc": [(0, 0.5), (1, 0.6)], "loss": [(0, 1.25)]}
    assert read_metrics_csv(tmp_path / "nothing") == {}


def test_a_wandb_summary_gives_its_finite_numbers(tmp_path: Path) -> None:
    """Without W&B's own, and without what is being written."""
    path = tmp_path / "files" / "wandb-summary.json"
    path.parent.mkdir()
    tree = {"acc": 0.5, "loss": "NaN", "_step": 3, "best": {"acc": 0.75}, "image": {"_type": "image-file", "size": 3}}
    path.write_text(json.dumps(tree), encoding="utf-8")
    assert read_summary(tmp_path) == {"acc": 0.5, "best.acc": 0.75}

    path.write_text(json.dumps(tree)[:20], encoding="utf-8")
    assert read_summary(tmp_path) == {}
    assert read_summary(tmp_path / "nothing") == {}


def test_a_wandb_run_without_its_log_is_read_from_its_files(tmp_path: Path) -> None:
    """As they are where a run was synced and downloaded."""
    folder = tmp_path / "run-20260105_100000-abc" / "files"
    folder.mkdir(parents=True)
    (folder / "wandb-summary.json").write_text('{"test/acc": 0.5, "_step": 7}', encoding="utf-8")
    (folder / "config.yaml").write_text("_wandb:\n  value: {}\nlr:\n  desc: null\n  value: 0.1\n", encoding="utf-8")
    (run,) = wandb_runs(tmp_path)

    assert (run.metrics, run.ends, run.keys) == ({"test/acc": 0.5}, {"test/acc": 7}, {"lr": "0.1"})


def test_a_wandb_log_that_is_cut_off_is_of_a_run_that_did_not_finish(tmp_path: Path) -> None:
    """What it says at its end is missing."""
    log = sorted((LOGS / "wandb").rglob("*.wandb"))[0]
    (tmp_path / log.name).write_bytes(log.read_bytes()[:-5])

    assert wandb_runs(log)[0].finished
    assert not wandb_runs(tmp_path / log.name)[0].finished


def test_hyperparameters_of_somebodys_classes_are_read_as_plain_data(tmp_path: Path) -> None:
    """Nothing of theirs is imported; nested ones get dotted names."""
    path = tmp_path / "hparams.yaml"
    path.write_text(
        "lr: 0.1\nmodel: !!python/object:their.Model\n  depth: 3\npath: !!python/object/apply:os.system ['x']\n",
        encoding="utf-8",
    )

    assert read_hparams(path) == {"lr": "0.1", "model.depth": "3", "path": '["x"]'}
    path.write_text("a: [1\nb: 2", encoding="utf-8")
    with pytest.raises(StudyError, match=r"hparams\.yaml:\d+: is not YAML"):
        read_config(path)


def test_yaml_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    """Aliases of aliases: a line that is a thousand million."""
    lines = ["a0: &a0 {x: 1, y: 2, z: 3}"]
    lines += [f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}, z: *a{i - 1}}}" for i in range(1, 25)]
    path = tmp_path / "hparams.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(StudyError, match="more than 5,000 parameters"):
        read_hparams(path)


@pytest.mark.parametrize(
    "message", [b"\x80" * 11, b"\x0a\x05ab", b"\x07", b"\x00\x01", struct.pack("<B", 0x09) + b"abc"]
)
def test_bytes_that_are_no_message_are_told_from_one(message: bytes) -> None:
    """Numbers without end, fields longer than the message, kinds and fields that do not exist."""
    with pytest.raises(WireError):
        list(fields_of(message))
