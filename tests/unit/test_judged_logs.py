"""What of somebody's logs is grouped, guessed, asked about and left out; and a search's one question."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ablate.errors import NotInstalled, StudyError
from ablate.readers.logged import LoggedRun
from ablate.readers.repeats import Repeats, find_repeats, parts_of_name
from ablate.readers.tensorboard_events import read_scalars
from ablate.readers.tested import Ask
from tests.contract.reader_contract import LOGS, judged
from tests.unit.test_public_names import HEAVY, RUN, loaded_by

STUDY = LOGS / "optuna" / "study.db"


def run(name: str, value: float = 0.5, labels: Mapping[str, str] = {}, **keys: object) -> LoggedRun:
    """A run that reports acc."""
    return LoggedRun(name, {key: str(text) for key, text in keys.items()}, {"acc": value}, labels=labels)


def grouped(*runs: LoggedRun, by: str | None = None, replicate: str | None = None) -> Repeats:
    """The runs with their variants."""
    return find_repeats(runs, "acc", Ask(by=by, replicate=replicate), "runs")


def variants(found: Repeats) -> list[str]:
    """The variant of each run."""
    return [one.variant for one in found.runs]


# --- which runs repeat each other -----------------------------------------------------------------


def test_every_parameter_that_differs_names_the_variants_but_the_seed() -> None:
    """Also under dots and prefixes; a model is called by its name alone; bookkeeping is named and left."""
    found = grouped(
        run("x1", **{"model": "vgg", "optim.lr": 0.1, "train.seed": 0, "out_dir": "a", "depth": 3}),
        run("x2", **{"model": "vgg", "optim.lr": 0.1, "train.seed": 1, "out_dir": "b", "depth": 3}),
        run("x3", **{"model": "resnet", "optim.lr": 0.2, "train.seed": 0, "out_dir": "c", "depth": 3}),
    )

    assert variants(found) == ["vgg, optim.lr=0.1"] * 2 + ["resnet, optim.lr=0.2"]
    assert [(note.key, note.values["keys"]) for note in found.notes] == [
        ("logged.repeats", ("model", "optim.lr")),
        ("logged.bookkeeping", ("out_dir",)),
    ]


def test_where_no_two_runs_agree_the_command_asks() -> None:
    """A seed of another name: --replicate or --by settle it."""
    runs = [run(f"x{i}", use_bn=i % 2, chance=i) for i in range(4)]
    with pytest.raises(StudyError, match="no two of the 4 runs have the same parameters") as refused:
        grouped(*runs)
    assert "--replicate KEY" in refused.value.hint

    assert variants(grouped(*runs, replicate="chance")) == ["use_bn=0", "use_bn=1"] * 2
    assert variants(grouped(*runs, by="use_bn")) == ["0", "1", "0", "1"]
    assert variants(grouped(*runs, by="use_bn,chance"))[3] == "use_bn=1, chance=3"


def test_two_runs_that_differ_are_two_variants() -> None:
    """Nothing is to be asked: there is one comparison, of single runs."""
    assert variants(grouped(run("a", lr=0.1), run("b", lr=0.2))) == ["lr=0.1", "lr=0.2"]


def test_groups_then_names_tell_variants_where_parameters_do_not() -> None:
    """W&B's group; then bn_seed0, bn/1, fold2-bn."""
    labelled = [run(f"run-{i}", labels={"group": "ab"[i % 2]}, seed=i) for i in range(4)]

    assert variants(grouped(*labelled)) == ["a", "b", "a", "b"]
    assert variants(grouped(run("bn_seed0"), run("bn/seed1"), run("plain/0"))) == ["bn", "bn", "plain"]
    with pytest.raises(StudyError, match="nothing says which of the 3 runs are of one variant"):
        grouped(run("fast-fish-1", seed=0), run("calm-ox-2", seed=1), run("red-ant-3", seed=2))
    with pytest.raises(StudyError, match="no parameter but a seed differs"):
        grouped(run("seed0"), run("seed1"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("bn_seed0", ("bn", "seed", "0")),
        ("exp/bn/version_12", ("exp/bn", "version", "12")),
        ("fold3-bn", ("bn", "fold", "3")),
        ("bn/7", ("bn", "run", "7")),
        ("seed=4", ("", "seed", "4")),
        ("resnet18", ("resnet18", "", "")),
        ("fast-fish-1", ("fast-fish-1", "", "")),
    ],
)
def test_a_runs_name_says_its_variant_and_seed(name: str, parts: tuple[str, str, str]) -> None:
    """A number alone is one only as a folder's name."""
    assert parts_of_name(name) == parts


def test_a_run_that_was_stored_twice_counts_once() -> None:
    """The same parameters, seed and result; without a seed nothing is known, and both count."""
    found = grouped(run("a", 0.51, bn=0, seed=1), run("a", 0.51, bn=0, seed=1), run("b", 0.51, bn=1, seed=1))

    assert variants(found) == ["bn=0", "bn=1"]
    assert found.notes[-1].values == {"runs": 1}
    assert len(grouped(run("a", bn=0), run("a", bn=0), run("b", bn=1)).runs) == 3


# --- what is left out ---------------------------------------------------------------------------


def test_runs_that_end_at_different_steps_are_told(tmp_path: Path) -> None:
    """One of them may have been stopped early."""
    for version, (rows, bn) in enumerate([(3, "true"), (3, "true"), (3, "false"), (2, "false")]):
        folder = tmp_path / f"version_{version}"
        folder.mkdir()
        lines = [f"{epoch},{epoch},0.{60 + 10 * version + epoch}" for epoch in range(rows)]
        (folder / "metrics.csv").write_text("\n".join(["epoch,step,test_acc", *lines, ""]), encoding="utf-8")
        (folder / "hparams.yaml").write_text(f"bn: {bn}\nseed: {version}\n", encoding="utf-8")

    told = "\n".join(judged(tmp_path).notices.cautions)

    assert "different steps, from 1 to 2" in told
    assert "Of each run the last value of test_acc counts" in told


def test_a_single_run_is_no_comparison(tmp_path: Path) -> None:
    """Of any logger; and a table whose cells nothing separates says how it is pasted."""
    with pytest.raises(StudyError, match="a single run with test/accuracy, bn_seed0") as refused:
        judged(LOGS / "tensorboard" / "bn_seed0")
    assert "the folder above" in refused.value.hint
    with pytest.raises(StudyError, match="is the curve of a single run"):
        judged(LOGS / "lightning" / "lightning_logs" / "version_1" / "metrics.csv")
    (tmp_path / "table.txt").write_text("Method  CIFAR-10\nbase  95.3\nours  95.9\n", encoding="utf-8")
    with pytest.raises(StudyError, match="has a single column") as refused:
        judged(tmp_path / "table.txt")
    assert "`ablate judge - < table.txt`" in refused.value.hint


def test_a_cut_off_file_of_metrics_is_refused_by_name(tmp_path: Path) -> None:
    """Its last value may not be the run's last."""
    folder = tmp_path / "version_0"
    folder.mkdir()
    (folder / "metrics.csv").write_text("epoch,step,acc\n0,0,0.5\n1,1,0.", encoding="utf-8")
    with pytest.raises(StudyError, match=r"version_0/metrics\.csv is cut off"):
        judged(tmp_path)

    events = next((LOGS / "tensorboard" / "bn_seed0").glob("*tfevents*"))
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / events.name).write_bytes(events.read_bytes()[:-3])
    with pytest.raises(StudyError, match=r"is cut off after .* bytes"):
        judged(tmp_path / "cut")


def test_unfinished_runs_of_an_export_are_left_out_and_counted(tmp_path: Path) -> None:
    """And so are those without the metric; where none is left, the command says what they report."""
    text = (LOGS / "wandb_export.csv").read_text(encoding="utf-8")
    path = tmp_path / "export.csv"
    path.write_text(text.replace('"bn_seed3","finished"', '"bn_seed3","crashed"').replace('"0.929"', '""'), "utf-8")

    findings = judged(path)
    assert {row.name: row.n for row in findings.variants} == {"use_bn=false": 4, "use_bn=true": 2}
    told = "\n".join(findings.notices.cautions)
    assert "1 run of the experiment did not finish" in told
    assert "because test/accuracy is missing: 1 run" in told
    assert "Columns taken as results, by their names: loss and test/accuracy" in told
    path.write_text(text.replace('"finished"', '"running"'), "utf-8")
    with pytest.raises(StudyError, match="none of them finished"):
        judged(path)


def test_folders_train_and_validation_are_parts_of_one_run(tmp_path: Path) -> None:
    """As Keras makes them: their names stand before the tags, here and where a run is followed."""
    for source in sorted((LOGS / "tensorboard_names").rglob("*tfevents*")):
        for part in ("train", "validation"):
            target = tmp_path / source.relative_to(LOGS / "tensorboard_names").parent / part / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    with pytest.raises(StudyError, match="report train/test/accuracy, validation/test/accuracy") as refused:
        judged(tmp_path)

    assert "--metric 'validation/test/accuracy'" in refused.value.hint
    assert {row.name: row.n for row in judged(tmp_path, metric="validation/test/accuracy").variants} == {
        "plain": 4,
        "bn": 4,
    }
    assert set(read_scalars(tmp_path / "bn" / "seed0")) == {"train/test/accuracy", "validation/test/accuracy"}


def test_hydras_configuration_tells_the_parameters_of_runs_without_their_own(tmp_path: Path) -> None:
    """In the folder of a run's start, above its logger's; where it was written is bookkeeping under any name."""
    for i, (depth, seed) in enumerate([(2, 0), (2, 1), (4, 0), (4, 1)]):
        start = tmp_path / "outputs" / f"2026-01-05_10-00-0{i}"
        (start / ".hydra").mkdir(parents=True)
        config = f"seed: {seed}\nmodel:\n  depth: {depth}\npaths:\n  output_dir: {start}\n"
        (start / ".hydra" / "config.yaml").write_text(config, encoding="utf-8")
        (start / "csv" / "version_0").mkdir(parents=True)
        (start / "csv" / "version_0" / "hparams.yaml").write_text("{}\n", encoding="utf-8")
        text = f"epoch,step,test/acc\n0,9,0.{80 + depth + seed}\n"
        (start / "csv" / "version_0" / "metrics.csv").write_text(text, encoding="utf-8")
    findings = judged(tmp_path / "outputs")

    assert {row.name: row.n for row in findings.variants} == {"model.depth=2": 2, "model.depth=4": 2}
    assert any("made: paths.output_dir" in line for line in findings.notices.cautions)


# --- files and folders --------------------------------------------------------------------------


def test_a_folder_that_holds_nothing_known_says_what_is(tmp_path: Path) -> None:
    """Empty, or runs of two loggers; a database of nobody, and MLflow's with the command for it."""
    with pytest.raises(StudyError, match="holds no runs that are known here") as refused:
        judged(tmp_path)
    assert "TensorBoard" in refused.value.hint
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "metrics.csv").write_text("epoch,acc\n0,1\n", encoding="utf-8")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "events.out.tfevents.1").write_bytes(b"")
    with pytest.raises(StudyError, match=r"holds runs of TensorBoard \(1\) and Lightning \(1\)"):
        judged(tmp_path)
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("CREATE TABLE experiments (id)")
        database.execute("CREATE TABLE runs (id)")
    database.close()
    with pytest.raises(StudyError, match="neither Optuna nor trackio") as refused:
        judged(tmp_path / "x.db")
    assert "--tracking-uri sqlite:///" in refused.value.hint


def test_a_database_with_damaged_names_is_refused(tmp_path: Path) -> None:
    """SQLite quotes them in its own message, which then is no text."""
    content = (LOGS / "trackio" / "ablation.db").read_bytes()
    damaged = tmp_path / "ablation.db"
    for before, after in ((b"CREATE TABLE", b"CRE\xffTE TABLE"), (b"tablemetrics", b"table\xff\xfe\xfdrics")):
        assert before in content
        damaged.write_bytes(content.replace(before, after))
        with pytest.raises(StudyError) as refused:
            judged(damaged)
        assert "ablation.db" in refused.value.message


def test_an_empty_event_file_is_a_run_without_the_metric(tmp_path: Path) -> None:
    """Nothing was logged; the others are judged."""
    for source in (LOGS / "tensorboard").rglob("*tfevents*"):
        target = tmp_path / source.relative_to(LOGS / "tensorboard")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "events.out.tfevents.1").write_bytes(b"")

    assert any("test/accuracy is missing: 1 run" in line for line in judged(tmp_path).notices.cautions)


def test_a_projects_folder_of_trackio_names_its_file() -> None:
    """The database is what is judged."""
    with pytest.raises(StudyError, match="is a folder") as refused:
        judged(LOGS / "trackio")
    assert "ablation.db" in refused.value.hint


def test_no_loggers_package_is_loaded() -> None:
    """Nor torch, nor MLflow: their files are read without them."""
    loaded = loaded_by(RUN.format(arguments=["judge", str(LOGS / "tensorboard")]))

    assert loaded & (HEAVY - {"scipy"} | {"tensorboard", "google", "wandb", "lightning", "trackio"}) == set()


# --- W&B's server -------------------------------------------------------------------------------

SERVER = """\
class Run:
    id, group, job_type, state = "1", None, None, "finished"
    def __init__(self, name, bn, seed, acc):
        self.name, self.config = name, {"bn": bn, "seed": seed, "_wandb": {}}
        self.summary = {"test_acc": acc, "_step": 3, "note": "x"}
class Api:
    def runs(self, project, order):
        if project != "ada/cats":
            raise ValueError(f"could not find project {project}")
        values = [.90, .91, .94, .95]
        return [Run(f"r{i}", i > 1, i % 2, value) for i, value in enumerate(values)]
"""


def test_a_project_on_wandbs_server_is_read_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in of the package's two calls; a project that is not there is an error in words."""
    (tmp_path / "wandb.py").write_text(SERVER, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    findings = judged("wandb:ada/cats")
    assert {row.name: row.n for row in findings.variants} == {"bn=false": 2, "bn=true": 2}
    with pytest.raises(StudyError, match="could not find project ada/dogs"):
        judged("wandb:ada/dogs")
    with pytest.raises(StudyError, match="names no project"):
        judged("wandb:a/b/c")
    del sys.modules["wandb"]


def test_without_wandbs_package_the_error_names_it_and_the_way_around() -> None:
    """The extra, or a table exported as CSV."""
    with pytest.raises(NotInstalled, match="this needs wandb") as refused:
        judged("wandb:ada/cats")

    assert "pip install wandb" in refused.value.hint
    assert "export the table of runs as CSV" in refused.value.hint


# --- a search -----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [STUDY, LOGS / "optuna" / "journal.log"])
def test_the_best_trial_is_compared_with_the_first(source: Path) -> None:
    """Single runs are no verdict; what chance alone would do is said, and what to do."""
    findings = judged(f"{source}::search")
    (effect,) = findings.effects
    told = "\n".join(findings.notices.cautions)

    assert (effect.compared.variant, effect.compared.reference) == ("trial 10", "trial 0")
    assert effect.decision.reason == "single run"
    assert effect.measured.difference == pytest.approx(0.03124, abs=1e-5)
    assert "the best of 11 complete trials (not complete: 1), chosen by the number that is compared" in told
    assert "ahead of the first by about 1.6 standard deviations" in told


@pytest.mark.parametrize("source", [STUDY, LOGS / "optuna" / "journal.log"])
def test_repeats_of_the_best_are_compared_without_the_value_it_was_chosen_by(source: Path) -> None:
    """Three repeats of it, against the first with its own."""
    findings = judged(f"{source}::repeated", metric="accuracy")

    assert {row.name: row.n for row in findings.variants} == {"trial 0": 4, "trial 10": 3}
    assert findings.effects[0].decision.verdict == "better"
    assert any("The value they were chosen by is not counted" in line for line in findings.notices.cautions)


def test_a_trial_may_be_named_as_the_reference_and_a_parameter_as_the_variants() -> None:
    """--baseline N, --by PARAMETER."""
    assert judged(f"{STUDY}::search", baseline="3").effects[0].compared.reference == "trial 3"
    assert {row.name for row in judged(f"{STUDY}::search", by="norm").variants} == {"none", "batch"}
    with pytest.raises(StudyError, match="no complete trial '5'"):
        judged(f"{STUDY}::search", baseline="5")


def test_which_study_is_asked_where_there_are_several(tmp_path: Path) -> None:
    """And one that is not there is answered with those that are; a search that found nothing says so."""
    with pytest.raises(StudyError, match="holds several studies") as refused:
        judged(STUDY)
    assert "study.db::NAME. There are: search, repeated" in refused.value.hint
    with pytest.raises(StudyError, match="holds no study 'serch'"):
        judged(f"{STUDY}::serch")
    with pytest.raises(StudyError, match="holds no studies of Optuna"):
        judged(f"{LOGS / 'trackio' / 'ablation.db'}::x")
    journal = tmp_path / "journal.log"
    journal.write_text(journal_of([0.9, 0.8, 0.7]), encoding="utf-8")
    with pytest.raises(StudyError, match="the best trial has the parameters of trial 0"):
        judged(journal)


def test_a_journal_that_is_cut_off_loses_its_last_line_alone(tmp_path: Path) -> None:
    """As Optuna reads it; a broken line before it is refused by number."""
    journal = tmp_path / "journal.log"
    text = journal_of([0.5, 0.6, 0.9], directions=[2])
    journal.write_text(text[:-20], encoding="utf-8")
    assert judged(journal).effects[0].compared.variant == "trial 1"

    lines = text.splitlines()
    journal.write_text("\n".join([*lines[:2], "{", *lines[2:], ""]), encoding="utf-8")
    with pytest.raises(StudyError, match=r"journal\.log:3: is no line"):
        judged(journal)


def test_of_several_objectives_one_is_named(tmp_path: Path) -> None:
    """By its number, where they have no names; less is better where the study says so."""
    journal = tmp_path / "journal.log"
    journal.write_text(journal_of([[0.9, 3], [0.8, 2], [0.95, 1]], directions=[2, 1]), encoding="utf-8")
    with pytest.raises(StudyError, match="has 2 objectives"):
        judged(journal)

    assert judged(journal, metric="value 0").effects[0].compared.variant == "trial 2"
    assert judged(journal, metric="value 1").study.metric.goal == "min"


def journal_of(values: list[float] | list[list[float]], directions: list[int] | None = None) -> str:
    """The lines of a study with a parameter `x` a trial."""
    lines: list[dict[str, object]] = [{"op_code": 0, "study_name": "s", "directions": directions or [2]}]
    for i, value in enumerate(values):
        distribution = json.dumps({"name": "IntDistribution", "attributes": {"low": 0, "high": 9}})
        lines += [
            {"op_code": 4, "study_id": 0},
            {
                "op_code": 5,
                "trial_id": i,
                "param_name": "x",
                "param_value_internal": float(i),
                "distribution": distribution,
            },
            {"op_code": 6, "trial_id": i, "state": 1, "values": value if isinstance(value, list) else [value]},
        ]
    return "".join(json.dumps({**line, "worker_id": "w"}) + "\n" for line in lines)
