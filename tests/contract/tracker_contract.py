"""What every tracker promises, whatever stores the runs: subclass TrackerContract and give it a `store`."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from ablate import records
from ablate.protocols import VariantFiles
from tests.contract.tracking_builders import (
    NOON,
    Attempt,
    Shown,
    Store,
    a_card,
    a_finished_attempt,
    a_label,
    a_summary,
    at,
    eventually,
    run_named,
    tell,
    track,
)

OWN_GROUPS = ("test", "work")
"""Metrics that trackers add to those of the trainer."""


class TrackerContract:
    """The promises; `store` and `tmp_path` are fixtures."""

    def test_study_variants_and_replicates_are_nested_runs(self, store: Store, tmp_path: Path) -> None:
        """A replicate lies below its variant, a variant below its study."""
        track(store, *(a_finished_attempt(tmp_path, a_label("dropout", index)) for index in (0, 1)))

        parents = {run.name: run.parent for run in store.shown()}
        assert parents["toy"] is None
        assert parents["dropout"] == "toy"
        assert parents["dropout r0"] == parents["dropout r1"] == "dropout"

    def test_a_run_shows_what_was_asked(self, store: Store, tmp_path: Path) -> None:
        """Parameters, tags and the full configuration tell a run from its siblings."""
        label = a_label("dropout", 1)
        track(store, a_finished_attempt(tmp_path, label))

        run = run_named(store, "dropout r1")
        assert run.params == {"lr": "0.001", "model.dropout": "0.5", "replicate": "1"}
        assert json.loads(run.artifacts["config.json"]) == label.spec.config
        expected = {
            "ablate.study": "toy",
            "ablate.variant": "dropout",
            "ablate.replicate": "1",
            "ablate.fingerprint": label.fingerprint,
            "ablate.changes": "model.dropout: 0.5",
            "team": "vision",
        }
        assert expected.items() <= run.tags.items()
        assert run.tags["ablate.run_uid"]

    def test_a_run_is_shown_while_it_trains(self, store: Store, tmp_path: Path) -> None:
        """An epoch can be seen before the run ends."""
        tracker = store.tracker()
        tracker.begin(a_card())
        tell(tracker, Attempt(tmp_path, a_label()).started().epochs(1))

        def is_shown() -> bool:
            live = [run for run in store.shown() if run.name == "baseline r0" and run.values("train/loss")]
            return [run.status for run in live] == ["RUNNING"]

        assert eventually(is_shown)
        assert tracker.end(a_summary(), timeout=60)

    def test_an_epoch_is_one_point_at_its_own_time(self, store: Store, tmp_path: Path) -> None:
        """Step is the epoch, time is the journal's, not that of the tracker."""
        track(store, a_finished_attempt(tmp_path, a_label()))

        history = run_named(store, "baseline r0").history
        assert history["val/accuracy"] == [(1, 0.01, at(1)), (2, 0.02, at(2)), (3, 0.03, at(3))]

    def test_a_finished_run_shows_its_test_metrics_once(self, store: Store, tmp_path: Path) -> None:
        """Test metrics are written at the end, at the epoch whose weights were tested."""
        track(store, Attempt(tmp_path, a_label()).started().epochs(1, 2, 3).finished(epoch=2))

        run = run_named(store, "baseline r0")
        assert run.history["test/accuracy"] == [(2, 0.75, at(4))]
        assert run.status == "FINISHED"
        assert (run.started, run.ended) == (at(0), at(4))

    def test_a_finished_run_shows_its_cost_and_its_data(self, store: Store, tmp_path: Path) -> None:
        """Parameters and seconds are metrics whose section comes after the curves; the data set is an input."""
        cost = records.Cost(parameters=1234, train_seconds=4.5, flops=10, steps=20, images_seen=30)
        stamp = records.Stamp(data_digest="d" * 64, source_digest="s" * 64)
        track(store, Attempt(tmp_path, a_label()).started().finished(cost=cost, stamp=stamp))

        run = run_named(store, "baseline r0")
        assert run.values("work/parameters") == [1234]
        assert run.values("work/train_seconds") == [4.5]
        assert {name.partition("/")[0] for name in run.history} == {"test", "work"}, "sections are sorted by name"
        assert not {"work/flops", "work/steps", "work/images_seen"} & set(run.history), "these are in result.json"
        assert run.tags["ablate.data_digest"] == "d" * 64
        assert run.data == ("pets",)

    def test_a_finished_run_keeps_its_files(self, store: Store, tmp_path: Path) -> None:
        """Weights, outcomes, predictions and the confusion matrix are artifacts."""
        attempt = Attempt(tmp_path, a_label()).started()
        (attempt.folder / "weights.bin").write_bytes(b"weights")
        names, prob = np.array(["a.jpg", "b.jpg"]), np.array([[0.9, 0.1], [0.8, 0.2]], dtype=np.float16)
        target = np.array([0, 1])
        np.savez(attempt.folder / "outcomes.npz", id=names, target=target, score=target, prob=prob)
        track(store, attempt.finished(images="outcomes.npz", files={"weights": "weights.bin"}))

        artifacts = run_named(store, "baseline r0").artifacts
        assert artifacts["weights.bin"] == b"weights"
        assert artifacts["outcomes.npz"] == (attempt.folder / "outcomes.npz").read_bytes()
        table = json.loads(artifacts["predictions.json"])
        assert table["data"][1][: table["columns"].index("predicted") + 1] == ["b.jpg", 1, 1, 0]
        assert json.loads(artifacts["confusion_matrix.json"])["data"] == [[0, 1, 0], [1, 1, 0]]
        assert artifacts["confusion_matrix.png"].startswith(b"\x89PNG")

    def test_a_file_outside_the_attempt_is_not_taken(self, store: Store, tmp_path: Path) -> None:
        """A path that leads out of the attempt's folder is left alone."""
        (tmp_path / "secret").write_text("secret")
        attempt = Attempt(tmp_path, a_label()).started()
        outside = {"up": "../../../../secret", "absolute": str(tmp_path / "secret")}
        track(store, attempt.finished(files=outside))

        run = run_named(store, "baseline r0")
        assert run.status == "FINISHED"
        assert b"secret" not in run.artifacts.values()

    @pytest.mark.parametrize(
        ("reason", "status"),
        [("diverged", "FAILED"), ("oom", "FAILED"), ("killed", "KILLED"), ("interrupted", "KILLED")],
    )
    def test_a_failed_run_says_why(
        self, store: Store, tmp_path: Path, reason: records.FailureReason, status: str
    ) -> None:
        """Reason and message are tags, the traceback an artifact, and no test metric appears."""
        attempt = Attempt(tmp_path, a_label()).started().epochs(1)
        track(store, attempt.failed(reason, message="loss is NaN", traceback="Traceback: ..."))

        run = run_named(store, "baseline r0")
        assert (run.status, run.ended) == (status, at(2))
        assert run.tags["ablate.failure"] == reason
        assert run.tags["ablate.failure_message"] == "loss is NaN"
        assert run.artifacts["traceback.txt"] == b"Traceback: ..."
        assert not [name for name in run.history if name.startswith("test/")]

    def test_telling_everything_again_changes_nothing(self, store: Store, tmp_path: Path) -> None:
        """A journal may be replayed, by the same tracker or after a restart."""
        attempts = [
            a_finished_attempt(tmp_path, a_label("baseline", 0)),
            Attempt(tmp_path, a_label("baseline", 1)).started().epochs(1).failed("diverged"),
            Attempt(tmp_path, a_label("dropout", 0)).started().epochs(1),
            Attempt(tmp_path, a_label("dropout", 0), "002", at=NOON + 500)
            .started()
            .resumed("001", 1)
            .epochs(2)
            .finished(),
        ]
        track(store, *attempts)
        before = store.shown()
        track(store, *attempts, *attempts)

        assert store.shown() == before

    def test_an_epoch_told_twice_is_one_point(self, store: Store, tmp_path: Path) -> None:
        """Neither a repeated event nor a repeated epoch of a resumed attempt adds a point."""
        first = Attempt(tmp_path, a_label()).started().epochs(1, 2, 3)
        second = Attempt(tmp_path, a_label(), "002", at=NOON + 500).started().resumed("001", 2)
        second.epochs(3, 4).finished(epoch=4)
        tracker = store.tracker()
        tracker.begin(a_card())
        for attempt in (first, first, second):
            tell(tracker, attempt)

        assert tracker.end(a_summary(), timeout=60)
        steps = [step for step, _, _ in run_named(store, "baseline r0").history["train/loss"]]
        assert steps == [1, 2, 3, 4]

    def test_a_resumed_attempt_continues_its_run(self, store: Store, tmp_path: Path) -> None:
        """A run that was killed, resumed and finished is one run without a failure."""
        killed = Attempt(tmp_path, a_label()).started().epochs(1, 2).failed("killed")
        track(store, killed)
        resumed = Attempt(tmp_path, a_label(), "002", at=NOON + 500).started().resumed("001", 2)
        track(store, killed, resumed.epochs(3).finished(epoch=3))

        run = run_named(store, "baseline r0")
        assert run.status == "FINISHED"
        assert run.tags["ablate.attempts"] == "001 002"
        assert run.tags["ablate.failure"] == ""
        assert len(run.values("train/loss")) == 3

    def test_a_resumed_attempt_is_recognised_by_its_journal(self, store: Store, tmp_path: Path) -> None:
        """An attempt continues its run although nobody says that it resumed, or what."""
        track(store, Attempt(tmp_path, a_label()).started().epochs(1, 2))
        Attempt(tmp_path, a_label(), "002", at=NOON + 500).started().resumed("001", 2).epochs(3)
        third = Attempt(tmp_path, a_label(), "003", at=NOON + 900).started().resumed("002", 3)
        third.epochs(4).finished(epoch=4)
        tracker = store.tracker()
        tracker.begin(a_card())
        tell(tracker, third, [event for event in third.events() if event.kind != "resumed"])

        assert tracker.end(a_summary(), timeout=60)
        assert len(run_named(store, "baseline r0").values("train/loss")) == 4

    def test_an_attempt_that_began_afresh_supersedes_the_run(self, store: Store, tmp_path: Path) -> None:
        """Two trainings are never sewn into one curve; the older one leaves the variant's group."""
        old = a_finished_attempt(tmp_path, a_label())
        new = Attempt(tmp_path, a_label(), "002", at=NOON + 500).started().epochs(1, 2, scale=2.0)
        track(store, old)
        track(store, old, new.finished({"accuracy": 0.9}))

        run, gone = run_named(store, "baseline r0"), run_named(store, "baseline (superseded)")
        assert run.values("train/loss") == [2.0, 1.0]
        assert run.values("test/accuracy") == [0.9]
        assert gone.values("test/accuracy") == [0.75]
        assert gone.tags["ablate.superseded"] == "002"
        assert gone.tags["ablate.variant"] != "baseline"

    def test_an_attempt_that_left_no_epoch_leaves_no_second_run(self, store: Store, tmp_path: Path) -> None:
        """What died before its first epoch is continued by the next attempt."""
        died = Attempt(tmp_path, a_label()).started().failed("oom")
        again = a_finished_attempt(tmp_path, a_label(), "002", at=NOON + 500)
        track(store, died)
        track(store, died, again)

        assert run_named(store, "baseline r0").status == "FINISHED"
        assert len(store.shown()) == 3

    def test_a_result_brings_its_history_along(self, store: Store, tmp_path: Path) -> None:
        """A run shared with another study is complete though only its end is told."""
        attempt = a_finished_attempt(tmp_path, a_label())
        tracker = store.tracker()
        tracker.begin(a_card())
        tell(tracker, attempt, attempt.events()[-1:])

        assert tracker.end(a_summary(), timeout=60)
        run = run_named(store, "baseline r0")
        assert run.values("val/accuracy") == [0.01, 0.02, 0.03]
        assert run.started == at(1)

    def test_a_run_nobody_ended_is_closed_with_the_study(self, store: Store, tmp_path: Path) -> None:
        """No run stays RUNNING for ever; if its end is heard of later, it is told."""
        attempt = Attempt(tmp_path, a_label()).started().epochs(1)
        track(store, attempt)
        closed = run_named(store, "baseline r0")
        track(store, attempt.epochs(2).finished(epoch=2))

        run = run_named(store, "baseline r0")
        assert (closed.status, closed.ended) == ("KILLED", at(1))
        assert (run.status, run.ended) == ("FINISHED", at(3))
        assert len(run.values("train/loss")) == 2

    def test_values_that_are_no_numbers_are_told_apart(self, store: Store, tmp_path: Path) -> None:
        """NaN stays NaN; infinity is a tag, as stores turn it into a huge number."""
        metrics = {"train/loss": None, "val/loss": "inf", "val/accuracy": 0.5}
        track(store, Attempt(tmp_path, a_label()).started().epoch(1, metrics).failed("diverged"))

        run = run_named(store, "baseline r0")
        assert [math.isnan(value) for value in run.values("train/loss")] == [True]
        assert run.values("val/loss") == []
        assert run.tags["ablate.infinite.val/loss"] == "inf at step 1"
        assert run.values("val/accuracy") == [0.5]

    def test_any_name_becomes_a_key(self, store: Store, tmp_path: Path) -> None:
        """Names with signs that stores refuse are kept apart, not refused."""
        names = ["f1/cat (grey)", "f1/cat [grey]", "a//b", "/lead", "../up", "50 %", "é", ".", "", "x" * 300]
        metrics = {name: float(number) for number, name in enumerate(names)}
        track(store, Attempt(tmp_path, a_label()).started().epoch(1, metrics).finished())

        history = run_named(store, "baseline r0").history
        values = sorted(history[name][0][1] for name in history if name.split("/")[0] not in OWN_GROUPS)
        assert values == sorted(metrics.values())

    def test_long_texts_and_odd_names_are_stored(self, store: Store, tmp_path: Path) -> None:
        """A change of ten thousand characters and a variant called by quotes are no obstacle."""
        odd = """it's a "test" & <b>`x`</b> % é"""
        card = a_card(
            changes={odd: "x" * 10_000}, core={odd: {"layers": "y" * 10_000, "empty": ""}}, question="q" * 30_000
        )
        tracker = store.tracker()
        tracker.begin(card)
        tell(tracker, a_finished_attempt(tmp_path, a_label(odd)))

        assert tracker.end(a_summary(description="z" * 10_000, variants={odd: {"n": 1}}), timeout=60)
        run = run_named(store, f"{odd} r0")
        assert run.params["layers"].startswith("yyy")
        assert run.params["layers"].endswith("…")

    def test_each_report_shows_its_summary_at_a_step_of_its_own(self, store: Store, tmp_path: Path) -> None:
        """Two reports on equally many replicates stay apart, the newer one counts; the same told again adds nothing."""
        attempt = a_finished_attempt(tmp_path, a_label())
        for value in (0.5, 0.75, 0.75):
            track(store, attempt, summary=a_summary(variants={"baseline": {"accuracy": value}}))

        history = run_named(store, "baseline").history["variant/accuracy"]
        assert [(step, value) for step, value, _ in history] == [(1, 0.5), (2, 0.75)]

    def test_attempts_of_another_machine_are_not_mistaken_for_those_here(self, store: Store, tmp_path: Path) -> None:
        """Both begin at 001: no curve is sewn together, and what was finished there stays until it is finished here."""
        there = Attempt(tmp_path / "there", a_label()).started().epochs(1, 2, 3).finished(epoch=3)
        here = Attempt(tmp_path / "here", a_label(), at=NOON + 500).started().epochs(1, 2, scale=2.0)
        track(store, there)
        tracker = store.tracker()
        tracker.begin(a_card())
        tell(tracker, here)
        assert tracker.end(a_summary(), timeout=60)
        curves = sorted(run.values("train/loss") for run in store.shown() if run.name == "baseline r0")
        track(store, here.finished(epoch=2))

        assert curves == [[1.0, 0.5, pytest.approx(1 / 3)], [2.0, 1.0]]
        assert run_named(store, "baseline r0").values("train/loss") == [2.0, 1.0]
        assert run_named(store, "baseline (superseded)").values("test/accuracy") == [0.75]

    def test_the_summary_is_shown_on_variants_and_study(self, store: Store, tmp_path: Path) -> None:
        """Summary metrics lie on the variant, table and report on the study."""
        report = tmp_path / "report"
        (report / "figures").mkdir(parents=True)
        (report / "report.md").write_text("# Report")
        (report / "figures" / "steps.svg").write_text("<svg/>")
        attempts = [a_finished_attempt(tmp_path, a_label(index=index)) for index in (0, 1)]
        track(store, *attempts, summary=a_summary(files=report))

        study, variant = run_named(store, "toy"), run_named(store, "baseline")
        assert variant.history["variant/accuracy"] == [(2, 0.75, at(4))]
        assert (variant.status, variant.ended) == ("FINISHED", at(4))
        assert study.tags["mlflow.note.content"] == "| step | accuracy |"
        assert study.artifacts["report/report.md"] == b"# Report"
        assert study.artifacts["report/figures/steps.svg"] == b"<svg/>"
        assert study.artifacts["study.yaml"] == b"study: toy\n"
        assert (study.status, study.started, study.ended) == ("FINISHED", at(0), at(4))

    def test_a_failed_study_is_shown_as_failed(self, store: Store, tmp_path: Path) -> None:
        """The study fails with its summary, a variant with one of its replicates."""
        good = a_finished_attempt(tmp_path, a_label("baseline", 0))
        bad = Attempt(tmp_path, a_label("baseline", 1)).started().failed("error")
        track(store, good, bad, summary=a_summary(failed=True))

        assert run_named(store, "toy").status == "FAILED"
        assert run_named(store, "baseline").status == "FAILED"

    def test_a_study_without_runs_can_end(self, store: Store) -> None:
        """A study all of whose runs are still to come has a run of its own and its variants."""
        track(store)

        assert {run.name for run in store.shown()} == {"toy", "baseline"}

    def test_a_study_can_go_on_after_its_end(self, store: Store, tmp_path: Path) -> None:
        """A further look adds replicates below the same study and moves its summary."""
        first, second = (a_finished_attempt(tmp_path, a_label(index=i), at=NOON + 100 * i) for i in (0, 1))
        tracker = store.tracker()
        for attempts in ([first], [first, second]):
            tracker.begin(a_card())
            for attempt in attempts:
                tell(tracker, attempt)
            assert tracker.end(a_summary(variants={"baseline": {"n": len(attempts)}}), timeout=60)

        assert len(store.shown()) == 4
        assert run_named(store, "baseline").values("variant/n") == [1, 2]
        assert run_named(store, "toy").status == "FINISHED"

    def test_studies_do_not_mix(self, store: Store, tmp_path: Path) -> None:
        """One finished run shown by two studies is two runs, each below its own study."""
        attempt = a_finished_attempt(tmp_path, a_label())
        track(store, attempt)
        tracker = store.tracker()
        tracker.begin(a_card(name="toy@3f2a91"))
        tell(tracker, attempt)

        assert tracker.end(a_summary(), timeout=60)
        runs = [run for run in store.shown() if run.name == "baseline r0"]
        assert {run.tags["ablate.study"] for run in runs} == {"toy", "toy@3f2a91"}
        assert {run.tags["ablate.fingerprint"] for run in runs} == {attempt.label.fingerprint}

    def test_the_study_and_its_variants_have_the_judged_metric_by_its_plain_name(
        self, store: Store, tmp_path: Path
    ) -> None:
        """Once, however often the same report is told; beside what was measured in more detail, below `variant/`."""
        headline = {"": {"accuracy baseline": 0.75, "accuracy best variant": 0.8}, "baseline": {"accuracy": 0.75}}
        attempt = a_finished_attempt(tmp_path, a_label())
        for _ in range(2):
            tracker = store.tracker()
            tracker.begin(a_card())
            tell(tracker, attempt)
            assert tracker.end(a_summary(headline=headline), timeout=60)

        study, variant = run_named(store, "toy"), run_named(store, "baseline")
        assert study.values("accuracy baseline") == [0.75]
        assert study.values("accuracy best variant") == [0.8]
        assert variant.values("accuracy") == variant.values("variant/accuracy") == [0.75]

    def test_the_study_s_description_ends_with_its_image(self, store: Store, tmp_path: Path) -> None:
        """An artifact of the same run, by the address it has on MLflow's pages; a long text makes room for it."""
        attempt = a_finished_attempt(tmp_path, a_label())
        track(store, attempt, summary=a_summary(image=b"an image", description="long " * 2000))

        study = run_named(store, "toy")
        note = study.tags["mlflow.note.content"]
        assert study.artifacts["forest.png"] == b"an image"
        assert len(note) <= 8000
        assert re.search(r"\n\n!\[[\w ]+\]\(get-artifact\?path=forest\.png&run_uuid=[\w-]+\)$", note)

    def test_variants_and_replicates_can_be_sorted_as_the_study_has_them(self, store: Store, tmp_path: Path) -> None:
        """By a tag, padded with zeros; a study that ended says each verdict in a tag of its variant's run."""
        attempt = a_finished_attempt(tmp_path, a_label("dropout", 0))
        tracker = store.tracker()
        tracker.begin(a_card())
        tell(tracker, attempt)
        tags = {"dropout": {"ablate.verdict": "no worthwhile gain"}, "": {"ablate.design": "chain"}}
        assert tracker.end(a_summary(tags=tags), timeout=60)

        assert run_named(store, "dropout").tags["ablate.order"] == "0001"
        assert run_named(store, "dropout r0").tags["ablate.order"] == "0001"
        assert run_named(store, "dropout").tags["ablate.verdict"] == "no worthwhile gain"
        assert run_named(store, "toy").tags["ablate.design"] == "chain"

    def test_what_was_made_of_a_variant_lies_at_its_run_once(self, store: Store, tmp_path: Path) -> None:
        """Files of a network that was deployed, in folders; the same files are not sent again, others are."""
        attempt = a_finished_attempt(tmp_path, a_label())
        file = tmp_path / "int8.onnx"
        file.write_bytes(b"a network")

        def shown(digest: str, card: bytes) -> Shown:
            given = VariantFiles({"deploy/INT8/card.md": card}, {"deploy/INT8/int8.onnx": file}, digest)
            tracker = store.tracker()
            tracker.begin(a_card())
            tell(tracker, attempt)
            assert tracker.end(a_summary(given={"baseline": given, "gone": given}), timeout=60)
            return run_named(store, "baseline")

        first, same, other = shown("1", b"as it was"), shown("1", b"not sent"), shown("2", b"renewed")

        assert first.artifacts["deploy/INT8/int8.onnx"] == b"a network"
        assert [run.artifacts["deploy/INT8/card.md"] for run in (first, same, other)] == [
            b"as it was",
            b"as it was",
            b"renewed",
        ]
        assert other.tags["ablate.given"] == "2"
        assert other.status == "FINISHED"
