"""A run of a command: what comes of it, and every way in which nothing does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest

from ablate.command import checkpoints, output, process, watchers
from ablate.command.answers import read_answers
from ablate.errors import TrainerError
from ablate.execute.live import ask_to_stop
from ablate.execute.pool import CAN_FORK, ForkPool
from ablate.protocols import Run
from ablate.records import Failed, Finished
from ablate.splits.rules import Folds, Protocol
from ablate.store.journal import read_result
from tests.command_builders import SCRIPT, a_block, a_command_task, carry_out, events
from tests.training_builders import an_attempt, finished

PRINTS = [sys.executable, "train.py", "{seed}"]
LOGS = Path(__file__).parents[1] / "fixtures" / "logs"
NAMES = {
    "tensorboard/bn_seed0": "test/accuracy",
    "lightning/lightning_logs/version_0": "test_acc",
    "wandb/offline-run-20261130_024432-run0": "test/accuracy",
}
WRITES = "import sys; seed, folder = sys.argv[1:3]; open(folder + '/result.json', 'w').write("


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No journal here has to survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def failure(work: Path, script: str, **asked: Any) -> Failed:
    """Why a run failed."""
    result = carry_out(work, script, **asked)
    assert isinstance(result, Failed), result
    return result


def test_a_result_in_a_json_file_is_that_of_the_run(tmp_path: Path) -> None:
    """The script was given a seed and a folder, and knows nothing else."""
    found = finished(carry_out(tmp_path, SCRIPT))

    assert 0.5 <= found.metrics["accuracy"] < 0.6
    assert found.files == {"result": "files/result.json"}


@pytest.mark.parametrize(
    ("content", "metrics", "expected"),
    [
        ('{"test": {"acc": 0.5}, "name": "x", "loss": 1.5}', {"accuracy": "test.acc"}, {"accuracy": 0.5}),
        ('{"Acc@1": 76.5, "loss": 2}', {"accuracy": {"key": "Acc@1", "percent": True}}, {"accuracy": 0.765}),
        ('{"accuracy": 0.5, "loss": 1.5, "seed": SEED}', {}, {"accuracy": 0.5, "loss": 1.5}),
        ("accuracy,loss\\n0.5,1.5\\n", {}, {"accuracy": 0.5, "loss": 1.5}),
        ("metric,value\\naccuracy,0.5\\n", {}, {"accuracy": 0.5}),
        ("metric,value\\naccuracy,50%\\nerror,0.8 %\\n", {}, {"accuracy": 0.5, "error": 0.008}),
        ("metric,value\\nacc,0.8%\\n", {"accuracy": {"key": "acc", "percent": True}}, {"accuracy": 0.008}),
        ("epoch,accuracy,loss\\n1,0.4,2\\n2,0.5,1.5\\n", {}, {"accuracy": 0.5, "loss": 1.5}),
    ],
)
def test_numbers_are_read_by_the_names_the_script_has_for_them(
    tmp_path: Path, content: str, metrics: dict[str, Any], expected: dict[str, float]
) -> None:
    """JSON and CSV; with `metrics:` those alone."""
    found = finished(carry_out(tmp_path, f"{WRITES}'{content}'.replace('SEED', seed))", a_block(metrics=metrics)))

    assert found.metrics == pytest.approx(expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"accuracy": 0.5, "accuracy": 0.6}', "'accuracy' appears twice"),
        ("accuracy,accuracy\\n1,2", "the column 'accuracy' appears twice"),
        ("metric,value\\naccuracy,0.5\\naccuracy,0.6", "result.json:3: 'accuracy' appears twice"),
        ("accuracy,loss\\n0.5,1\\n0.6,2", "has 2 rows and no column `epoch`"),
        ('{"acc": 0.5}', "has no 'accuracy'; it has acc"),
        ('{"accuracy": 85.3}', "which is not a fraction"),
        ('{"accuracy": 0.5, "seed": -1}', "is of another run: it says seed -1"),
        ('{"accuracy"', "is not JSON"),
        ("[1]", "holds no object"),
        ('{"accuracy": null}', "accuracy = nan"),
        ('{"accuracy": NaN}', "accuracy = nan"),
        (f'{{"accuracy": 1{"0" * 400}}}', "inf"),
        ('metric,value\\naccuracy,"0.5' + "x" * 140_000, "result.json:2: field larger than field limit"),
    ],
)
def test_a_result_that_cannot_be_meant_fails_the_run(tmp_path: Path, content: str, message: str) -> None:
    """Never a number in a table."""
    assert message in failure(tmp_path, f"{WRITES}'{content}')").message


def test_a_script_that_ends_well_without_a_result_says_what_there_is(tmp_path: Path) -> None:
    """Its files, or that there are none."""
    nothing = failure(tmp_path, "pass")
    another = failure(tmp_path, "import sys; open(sys.argv[2] + '/results.json', 'w')", replicate=1)

    assert "there is no result.json in the folder it was given. There is nothing in it" in nothing.message
    assert "There is: results.json." in another.message


def test_a_script_that_fails_is_quoted(tmp_path: Path) -> None:
    """Its last line in the message, the lines before it and the command where a traceback would be."""
    found = failure(tmp_path, "print('loading'); raise ValueError('bad \\x1b[31mlr')")

    assert found.reason == "error"
    assert "ended with exit code 1: ValueError: bad lr" in found.message
    assert "loading" in found.traceback
    assert "train.py" in found.traceback.splitlines()[0]
    assert "\x1b" not in found.traceback


def test_an_error_is_quoted_whatever_is_printed_behind_it(tmp_path: Path) -> None:
    """Output that was kept back comes when Python ends: after the traceback."""
    program = "import atexit; atexit.register(print, 'bye'); raise ValueError('bad lr')"

    assert "exit code 1: ValueError: bad lr" in failure(tmp_path, program).message


def test_memory_that_ran_out_is_told_from_other_failures(tmp_path: Path) -> None:
    """Another try may find more of it."""
    assert failure(tmp_path, "raise RuntimeError('CUDA out of memory')").reason == "oom"


def test_a_script_that_asks_for_input_gets_none(tmp_path: Path) -> None:
    """It fails at once, and the message says why."""
    assert "It asked for input, and a run has none" in failure(tmp_path, "input('Continue? ')").message


def test_megabytes_of_output_reach_the_log_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its end is kept, whole lines are heard to the last, and memory does not grow with it."""
    monkeypatch.setattr(output, "LOGGED", 10_000)
    script = "import sys\nfor i in range(20): sys.stdout.write('x' * 99_999 + '\\n')\nprint('acc: 0.5')"
    block = a_block(command=PRINTS, results={"stdout": "acc: (?P<accuracy>[0-9.]+)"})
    monkeypatch.setattr(output.Output.__dataclass_fields__["budget"], "default_factory", lambda: [10_000])
    found = finished(carry_out(tmp_path, script, block))
    logged = capsys.readouterr().out

    assert found.metrics == {"accuracy": 0.5}
    assert len(logged) < 40_000
    assert "characters left out ...]" in logged
    assert "acc: 0.5" in logged


def test_binary_output_does_no_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written out in the log, and what stands between it is read."""
    script = "import os; os.write(1, bytes(range(256)) * 50 + b'\\nacc: 0.25\\n' + b'\\xff\\xfe')"
    found = finished(carry_out(tmp_path, script, a_block(command=PRINTS, results={"stdout": "acc: (?P<accuracy>.*)"})))

    assert found.metrics == {"accuracy": 0.25}
    assert "\x00" not in capsys.readouterr().out


def test_lines_of_json_are_curves_and_results(tmp_path: Path) -> None:
    """The last value of each key counts; epochs are in the journal, counted from 1."""
    script = (
        "import json\nfor e in range(3): print(json.dumps({'epoch': e, 'accuracy': e / 10}), 'x' * 0)\nprint('{no')"
    )
    found = finished(carry_out(tmp_path, script, a_block(command=PRINTS, results={"stdout": "json"})))
    epochs = [event["data"] for event in events(found.folder) if event["kind"] == "epoch"]

    assert found.metrics == {"accuracy": 0.2}
    assert [(one["epoch"], one["metrics"]["accuracy"]) for one in epochs] == [(1, 0.0), (2, 0.1), (3, 0.2)]
    assert found.epoch == 3


def test_an_epoch_is_told_before_the_script_has_ended(tmp_path: Path) -> None:
    """Patterns on several lines; the epoch that was printed first is not waited with."""
    script = """
import pathlib, sys, time
for epoch in (1, 2):
    print("epoch", epoch, flush=True); print("acc: 0.%d" % epoch, flush=True)
journal = pathlib.Path(sys.argv[2]).parent / "journal.jsonl"
deadline = time.time() + 60
while '"epoch"' not in journal.read_text() and time.time() < deadline: time.sleep(0.05)
print("seen: %d" % ('"epoch"' in journal.read_text()))
"""
    patterns = [r"epoch (?P<epoch>\d+)", r"acc: (?P<accuracy>[0-9.]+)", r"seen: (?P<seen>\d)"]
    found = finished(carry_out(tmp_path, script, a_block(results={"stdout": patterns})))

    assert [event["kind"] for event in events(found.folder)].count("epoch") == 2
    assert found.metrics == {"accuracy": 0.2, "seen": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.csv", "epoch,val_acc\\n1,0.25\\n2,0.5\\n"),
        ("log.jsonl", '{"epoch": 1, "val_acc": 0.25}\\n{"epoch": 2, "val_acc": 0.5}\\n'),
    ],
)
def test_curves_may_be_elsewhere_than_the_result(tmp_path: Path, name: str, content: str) -> None:
    """A table with a column `epoch`, or an object a line."""
    script = f"{SCRIPT}\nopen(folder + '/{name}', 'w').write('{content}')"
    found = finished(carry_out(tmp_path, script, a_block(curves={"file": "log.*"})))
    epochs = [event["data"] for event in events(found.folder) if event["kind"] == "epoch"]

    assert [(one["epoch"], one["metrics"]) for one in epochs] == [(1, {"val_acc": 0.25}), (2, {"val_acc": 0.5})]


def test_of_very_many_steps_some_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first so many, then every tenth of those that follow, and so on; the last value counts all the same."""
    monkeypatch.setattr(watchers, "MOST_EPOCHS", 10)
    told: list[int] = []
    curve = watchers.Curve(lambda epoch, metrics: told.append(epoch))
    curve.follow({"loss": [(step, 1.0) for step in range(1, 201)]}, ended=True)

    assert told == [*range(1, 11), *range(20, 111, 10), 200]


def test_answers_become_scores_by_image(tmp_path: Path) -> None:
    """Their mean is the accuracy; groups stay beside them."""
    script = '''
import sys
open(sys.argv[2] + "/answers.csv", "w").write("""id,target,predicted,group
a,cat,cat,p1
b,dog,cat,p1
c,dog,dog,p2
d,cat,cat,p3
""")
'''
    found = finished(carry_out(tmp_path, script, a_block(answers="answers.csv")))
    table = np.load(found.folder / str(found.images))

    assert found.metrics == {"accuracy": 0.75}
    assert table["id"].tolist() == ["a", "b", "c", "d"]
    assert table["score"].tolist() == [1, 0, 1, 1]
    assert table["group"].tolist() == ["p1", "p1", "p2", "p3"]
    assert table["classes"][table["predicted"]].tolist() == ["cat", "cat", "dog", "cat"]


def test_a_metric_that_is_computed_from_answers_need_not_be_written(tmp_path: Path) -> None:
    """The balanced accuracy of the classes the script named."""
    script = """
import sys
open(sys.argv[2] + "/answers.csv", "w").write("id,target,predicted\\na,0,0\\nb,0,0\\nc,0,0\\nd,1,0\\n")
"""
    protocol = Protocol(test=Folds(count=5), metric="balanced_accuracy")
    found = finished(carry_out(tmp_path, script, a_block(answers="answers.csv"), protocol=protocol))

    assert found.metrics == {"accuracy": 0.75, "balanced_accuracy": 0.5}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("id,target,predicted\\na,1,1\\na,1,2\\n", "answers.csv:3: the image 'a' appears twice, first on line 2"),
        ("id,target\\na,1\\n", "answers.csv:1: there is no column 'predicted'"),
        ("id,target,predicted\\na,1\\n", "answers.csv:2: the row has another number of cells"),
        ("id,target,predicted,score\\na,1,1,maybe\\n", "answers.csv:2: the score 'maybe' is not a number"),
        ("id,target,predicted\\n", "answers.csv has no row"),
        ("id,target,predicted\\na,1,1\\nb,1,0\\n", "says accuracy 0.9, and the mean score in answers.csv is 0.5"),
    ],
)
def test_answers_that_cannot_be_meant_fail_the_run(tmp_path: Path, rows: str, message: str) -> None:
    """With file and line."""
    script = f"import sys; open(sys.argv[2] + '/answers.csv', 'w').write('{rows}'); print('acc: 0.9')"
    block = a_block(answers="answers.csv", results={"stdout": "acc: (?P<accuracy>.*)"})

    assert message in failure(tmp_path, script, block=block).message


SPLITS = """
import json, sys
parts = json.load(open(sys.argv[1]))
rows = [f"{name},{int(name[1:]) % 3},0" for name in parts["ANSWERED"]]
open(sys.argv[2] + "/answers.csv", "w").write("\\n".join(["id,target,predicted", *rows]))
"""


def test_a_script_that_takes_the_split_is_tested_on_its_images(tmp_path: Path) -> None:
    """Answers to others are refused; all variants of a replicate meet the same."""
    rows = [f"i{number},{number % 3}" for number in range(30)]
    (tmp_path / "images.csv").write_text("\n".join(["id,target", *rows]))
    block = a_block(
        command=[sys.executable, "train.py", "{split}", "{folder}"], images="images.csv", answers="answers.csv"
    )
    found = finished(carry_out(tmp_path, SPLITS.replace("ANSWERED", "test"), block))
    other = failure(tmp_path, SPLITS.replace("ANSWERED", "fit"), block=block, replicate=1)

    assert found.parts == {"fit": 24, "val": 0, "test": 6}
    assert "are others, of parts.fit" in other.message


def test_a_search_reads_the_number_of_validation_alone(tmp_path: Path) -> None:
    """The test number beside it goes nowhere."""
    sealed = Protocol(test=Folds(count=5), val=0.1, sealed=True)
    block = a_block(results={"file": "result.json", "validation": "val_acc"})
    found = finished(carry_out(tmp_path, f"""{WRITES}'{{"accuracy": 0.9, "val_acc": 0.5}}')""", block, protocol=sealed))

    assert found.metrics == {"accuracy": 0.5}


def test_its_own_trackers_are_named_after_the_study(tmp_path: Path) -> None:
    """Grouped, and in its own folder."""
    script = """
import json, os
print(json.dumps({"accuracy": 1} | {name: 0 for name in os.environ if name[:5] in ("WANDB", "MLFLO")}))
"""
    block = a_block(command=PRINTS, results={"stdout": "json"})
    found = finished(carry_out(tmp_path, script, block))

    assert set(found.metrics) - {"accuracy"} >= {
        "WANDB_RUN_GROUP", "WANDB_NAME", "WANDB_TAGS", "WANDB_DIR", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_NAME",
    }  # fmt: skip


def test_a_run_that_the_script_logs_to_mlflow_itself_is_read(tmp_path: Path) -> None:
    """From the files that MLflow's client would write at the place it is given."""
    script = """
import os, pathlib, urllib.parse
root = pathlib.Path(urllib.parse.unquote(os.environ["MLFLOW_TRACKING_URI"].removeprefix("file://")))
run = root / "1" / "abc"
(run / "metrics" / "val").mkdir(parents=True)
(run / "meta.yaml").write_text("")
(run / "metrics" / "val" / "acc").write_text("1 0.25 0\\n2 0.5 1\\n")
"""
    block = a_block(command=PRINTS, results={"mlflow": True}, metrics={"accuracy": "val/acc"})
    found = finished(carry_out(tmp_path, script, block))

    assert found.metrics == {"accuracy": 0.5}
    assert found.epoch == 2


@pytest.mark.parametrize(
    ("logs", "results", "expected"),
    [
        ("tensorboard/bn_seed0", {"tensorboard": "."}, 3),
        ("lightning/lightning_logs/version_0", {"lightning": "."}, 3),
        ("wandb/offline-run-20261130_024432-run0", {"wandb": "."}, None),
    ],
)
def test_what_other_loggers_leave_is_read(
    tmp_path: Path, logs: str, results: dict[str, str], expected: int | None
) -> None:
    """Files that the packages themselves have written; with epochs where they number them."""
    script = f"import shutil, sys; shutil.copytree({str(LOGS / logs)!r}, sys.argv[2], dirs_exist_ok=True)"
    found = finished(carry_out(tmp_path, script, a_block(results=results, metrics={"accuracy": NAMES[logs]})))

    assert 0 < found.metrics["accuracy"] < 1
    assert found.epoch == expected


@pytest.mark.skipif(not CAN_FORK, reason="runs are forked on Linux alone")
def test_children_that_outlive_the_script_are_ended_with_it(tmp_path: Path) -> None:
    """Also where they hold its output open."""
    script = (
        SCRIPT
        + """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(folder + "/child", "w").write(str(child.pid))
"""
    )
    result = in_pool(tmp_path, script)
    child = int((finished(result).folder / "files" / "child").read_text())

    assert not is_alive(child)


@pytest.mark.skipif(not CAN_FORK, reason="runs are forked on Linux alone")
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_stop_ends_the_script_and_its_children(tmp_path: Path, how: Literal["stop", "kill"]) -> None:
    """Asked to stop, or killed as after its time: none of them is left, whatever session it is in."""
    script = """
import subprocess, sys, time
folder = sys.argv[2]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open(folder + "/child.new", "w").write(str(child.pid))
import os; os.rename(folder + "/child.new", folder + "/child")
time.sleep(600)
"""
    result = in_pool(tmp_path, script, how=how)
    (child,) = tmp_path.glob(".ablate/runs/*/*/files/child")

    assert (result is None) == (how == "kill")
    assert result is None or (isinstance(result, Failed) and result.reason == "interrupted")
    assert not is_alive(int(child.read_text()))


def in_pool(work: Path, script: str, *, how: str = "") -> Finished | Failed | None:
    """One run in a process of its own. how: it is stopped or killed once the script has written `child`."""
    attempt = an_attempt(a_command_task(work, script, a_block()))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        pool = ForkPool(slots=1, work=work)
        try:
            pool.start(attempt)
            asked = False
            while not pool.finished(0.05):
                if how and not asked and (attempt / "files" / "child").exists():
                    ask_to_stop(attempt, "interrupted") if how == "stop" else pool.kill(attempt)
                    asked = True
        finally:
            pool.close()
    return read_result(attempt)


def is_alive(number: int) -> bool:
    """Whether a process is there and no zombie; one that was just killed has a moment to go."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.05)
    return True


def test_a_script_that_does_not_heed_a_stop_is_ended(tmp_path: Path) -> None:
    """After the time it is given."""
    command = process.start(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(600)",
        ],
        cwd=tmp_path,
        environment=dict(os.environ),
        on_line=lambda line: None,
    )
    while "on" not in "".join(command.out[0].ending):
        command.wait(0.05)
    command.ask_to_end(grace=0.1)

    assert command.process.returncode == -9


RESUMES = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[2])
begun = int(pathlib.Path(sys.argv[4]).read_text()) if len(sys.argv) > 3 else 0
(folder / "last.ckpt").write_text(str(begun + 1))
os.utime(folder / "last.ckpt", (1, 1))
if not begun:
    (folder.parent / "stop").write_text("interrupted")
    time.sleep(600)
(folder / "result.json").write_text('{"accuracy": %g}' % (begun / 10))
"""


def test_an_interrupted_script_goes_on_by_its_own_flag(tmp_path: Path) -> None:
    """From a copy of the checkpoint that it had written."""
    block = a_block(resume={"file": "*.ckpt", "words": ["--resume", "{checkpoint}"]})
    first = failure(tmp_path, RESUMES, block=block)
    second = finished(carry_out(tmp_path, RESUMES, block))

    assert first.reason == "interrupted"
    assert second.metrics == {"accuracy": 0.1}


def test_a_checkpoint_torn_by_a_stop_is_not_kept(tmp_path: Path) -> None:
    """The newest that was left alone for a while before is; of a script that ends by itself the last one."""
    script = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[2])
if len(sys.argv) > 3:
    (folder / "result.json").write_text('{"accuracy": %s}' % pathlib.Path(sys.argv[4]).read_text())
    sys.exit()
def save(*_): (folder / "b.ckpt").write_text("0.5"); sys.exit()
(folder / "a.ckpt").write_text("0.25")
os.utime(folder / "a.ckpt", (1, 1))
(folder / "b.ckpt").write_text("{torn")
HANDLE
(folder.parent / "stop").write_text("interrupted")
time.sleep(600)
"""
    block = a_block(resume={"file": "*.ckpt", "words": ["--resume", "{checkpoint}"]})
    handles = script.replace("HANDLE", "signal.signal(signal.SIGTERM, save)")
    found = []
    for number, one in enumerate((script.replace("HANDLE", ""), handles)):
        (tmp_path / str(number)).mkdir()
        failure(tmp_path / str(number), one, block=block)
        found.append(finished(carry_out(tmp_path / str(number), one, block)).metrics["accuracy"])

    assert found == [0.25, 0.5]


def test_a_checkpoint_that_a_run_failed_from_is_passed_over(tmp_path: Path) -> None:
    """The next attempt goes on from the one before it, and from nothing where there is none."""
    block = a_block(resume={"file": "*.ckpt", "words": ["--resume", "{checkpoint}"]})
    broken = RESUMES.replace("write_text(str(begun + 1))", "write_text('x')")
    first, second = (failure(tmp_path, broken, block=block) for _ in range(2))
    third = failure(tmp_path, broken, block=block)

    assert [one.reason for one in (first, second, third)] == ["interrupted", "error", "interrupted"]


def test_a_checkpoint_may_vanish_or_grow_while_it_is_kept(tmp_path: Path) -> None:
    """A script that rotates its checkpoints does not fail by that; the next older one is kept."""
    for age, name in enumerate(("gone", "grows", "whole")):
        (tmp_path / f"{name}.ckpt").write_text(name)
        os.utime(tmp_path / f"{name}.ckpt", (9 - age, 9 - age))
    kept: list[str] = []

    class Disk:
        """Takes checkpoints, and is slow."""

        def checkpoint(self, write: Callable[[Path], None]) -> None:
            (tmp_path / "gone.ckpt").unlink(missing_ok=True)
            write(tmp_path / "copy")
            kept.append((tmp_path / "copy").read_text())

    checkpoints.keep(cast("Run", Disk()), tmp_path, "*.ckpt")

    assert kept == ["grows"]


def test_what_a_command_prints_last_is_heard(tmp_path: Path) -> None:
    """Also where the exit is seen before the pipes were read to their end."""
    lines: list[str] = []
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    command = process.Command(ended, own_group=True, out=(output.Output(lines.append), output.Output()))
    before = command.wait(0.001)
    for piece in (b"last\n", b""):
        command._chunks.put((0, piece))
    command._chunks.put((1, b""))

    assert (before, command.wait(1.0), lines) == (None, 0, ["last"])


def test_a_line_that_comes_in_many_small_pieces_is_one_line() -> None:
    """Each piece is looked at once, and the end that is kept for messages is made of few."""
    lines: list[str] = []
    taken = output.Output(lines.append)
    for byte in ("x" * 20_000 + "\r\nacc: 1\n\nlast").encode():
        taken.take(bytes([byte]))
    taken.close()

    assert [line for line in lines if line] == ["x" * 20_000, "acc: 1", "last"]
    assert len(taken.ending) < 50
    assert output.tail_of(taken).endswith("acc: 1\nlast")


def test_a_quote_that_is_not_closed_in_answers_names_the_line() -> None:
    """Whatever Python's reader of CSV makes of it."""
    with pytest.raises(TrainerError, match=r"answers.csv:\d+: field larger than field limit"):
        read_answers(b'id,target,predicted\na,1,1\nb,1,"x\n' + b"c,1,1\n" * 50_000, "answers.csv")


def test_what_is_infinite_has_diverged(tmp_path: Path) -> None:
    """As with any trainer."""
    assert (
        failure(
            tmp_path,
            f"""{WRITES}'{{"accuracy": 0.5, "loss": Infinity}}')""",
            block=a_block(metrics={"accuracy": "accuracy", "loss": "loss"}),
        ).reason
        == "diverged"
    )
