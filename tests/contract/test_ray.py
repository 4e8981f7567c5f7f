"""The executor contract over Ray, on a small cluster of this machine, and what is Ray's alone."""

from __future__ import annotations

import importlib.util
import json
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner, Result

from ablate import files
from ablate.cli.app import app
from ablate.execute import ray_cluster
from ablate.execute.inline import InlineExecutor
from ablate.execute.ray_cluster import LOCAL, RayExecutor, cluster
from ablate.execute.resources import Need
from ablate.files import sha256_file
from ablate.harness.coordinator import Coordinator, RunUpdate
from ablate.harness.fixed_source import FixedSource
from ablate.protocols import Executor
from ablate.records import Failed, Finished, RunSpec
from ablate.store.work_folder import Store
from tests.contract.executor_contract import (
    ProcessContract,
    children_of_this_process,
    ends_of,
    is_alive,
    pids_in,
    until,
)
from tests.ray_builders import ray_environment
from tests.training_builders import a_config, a_spec, a_task, an_attempt, finished, share_cache

pytestmark = [
    pytest.mark.ray,
    pytest.mark.serial,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra `ray` is not installed"),
]


@pytest.fixture(scope="module", autouse=True)
def address() -> Iterator[str]:
    """A cluster of two processors in a folder of its own; it leaves no process behind."""
    handler = signal.getsignal(signal.SIGTERM)
    with ray_environment() as (patch, folder):
        with cluster(LOCAL, Path(folder), processors=2):
            import ray

            assert signal.getsignal(signal.SIGTERM) is handler
            found = ray.get_runtime_context().gcs_address
            patch.setenv("RAY_ADDRESS", found)
            yield found
        assert signal.getsignal(signal.SIGTERM) is handler


class TestRayExecutor(ProcessContract):
    """A Ray task a run."""

    imports = (
        "from contextlib import ExitStack\nfrom ablate.execute.ray_cluster import RayExecutor, cluster\n"
        "from ablate.execute.resources import Need\nstack = ExitStack()"
    )
    opened_by = "stack.enter_context(cluster(None, work)) or RayExecutor(work=work, need=Need())"

    def open(self, work: Path) -> RayExecutor:
        return RayExecutor(work=work, need=Need())

    def processes(self) -> set[int]:
        """Those of runs: Ray keeps its workers for the next."""
        return {pid for pid in children_of_this_process() if "ablate.execute.worker" in command_of(pid)}

    def test_a_ray_worker_that_dies_takes_its_run_with_it(self, executor: Executor, work: Path) -> None:
        """Nothing trains on unheard; the log says what happened."""
        attempt = an_attempt(self.task(work, do="children"))
        executor.start(attempt)
        pids = pids_in(attempt)
        psutil.Process(pids[0]).parent().kill()

        (end,) = ends_of(executor, 1)

        assert end.code == -signal.SIGKILL
        assert "worker died" in end.note
        until(lambda: not any(map(is_alive, pids)))
        assert "Ray: " in (attempt / "run.log").read_text()

    def test_what_ray_makes_of_processors_changes_no_number_of_threads(self, work: Path) -> None:
        """Two processors would be two threads, and other last bits than the pool's."""
        executor = RayExecutor(work=work, need=Need(processors=2))
        result = self.result(executor, work)

        assert executor.slots == 1
        assert isinstance(result, Finished)
        assert result.metrics["threads"] == 1.0

    def test_no_more_runs_are_handed_over_than_fit(self, work: Path) -> None:
        """Two processors carry two; fewer where fewer were asked for."""
        assert RayExecutor(work=work, need=Need()).slots == 2
        assert RayExecutor(work=work, need=Need(), most=1).slots == 1

    def test_a_run_whose_node_does_not_answer_is_given_up(
        self, executor: RayExecutor, work: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its attempt writes nowhere but in its own folder, and ends itself with Ray's worker."""
        monkeypatch.setattr(ray_cluster, "FORCE_SECONDS", 0.3)
        attempt = an_attempt(self.task(work, do="children"))
        executor.start(attempt)
        pids = pids_in(attempt)
        carrier = psutil.Process(pids[0]).parent()
        carrier.suspend()
        executor.kill(attempt)

        assert ends_of(executor, 1)[0].code == -signal.SIGKILL
        assert "out of reach" in (attempt / "run.log").read_text()
        carrier.kill()
        until(lambda: not any(map(is_alive, pids)))

    def test_a_node_with_other_code_refuses_the_run(self, executor: Executor, work: Path) -> None:
        """A result must be what the digest beside it says."""
        spec = self.task(work).spec
        attempt = an_attempt(a_task(work, spec, far=True, source_digest="another"))
        executor.start(attempt)
        ends_of(executor, 1)
        result = Store(work).last_failure(spec.fingerprint)

        assert result is not None
        assert "different code of pranks:train" in result.message

    def test_a_run_that_cannot_be_started_has_an_exit(self, executor: Executor, work: Path) -> None:
        """As where the node cannot write to the work folder."""
        attempt = an_attempt(self.task(work))
        (attempt / "run.log").mkdir()
        executor.start(attempt)

        (end,) = ends_of(executor, 1)
        assert end.code == -signal.SIGKILL
        assert end.note.startswith("Ray: IsADirectoryError")


def command_of(pid: int) -> str:
    """The command line of a process; empty where it is gone."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


# --- training ---------------------------------------------------------------------------------------------------

TRAINED = a_spec(a_config())
TOY = a_spec({"epochs": 3, "seconds": 0.3}, trainer="ablate.toy:train")


def made_of(result: Finished) -> Mapping[str, Any]:
    """Metrics, and the bits of outcomes and weights."""
    return {"metrics": result.metrics, "digests": result.digests} | {
        name: sha256_file(result.folder / path) for name, path in result.files.items()
    }


def run_one(executor: Executor, work: Path, spec: RunSpec, *, victim: str | None) -> Finished:
    """The run's result by the coordinator, after the victim was killed behind the first epoch of the first attempt."""
    results = []

    def listen(news: RunUpdate) -> None:
        if news.kind == "started":
            attempts.append(news.attempt)
        if news.event is not None and news.event.kind == "started":
            pids.append(int(news.event.data["process"]))
        if victim and len(attempts) == 1 and news.event is not None and news.event.kind == "epoch":
            run = psutil.Process(pids[0])
            (run if victim == "the run" else run.parent()).kill()
        if news.kind == "ended" and not news.again:
            results.append(news.result)

    attempts: list[Path] = []
    pids: list[int] = []
    # A checkpoint each epoch, so that the second attempt goes on and does not begin anew.
    task = a_task(work, spec, checkpoint_seconds=0.0)
    Coordinator(FixedSource([spec]), executor, Store(work), task, listen).run()
    assert len(attempts) == (2 if victim else 1)
    return finished(results[0])


@pytest.mark.parametrize(
    ("spec", "victim"), [(TRAINED, None), (TOY, "the run"), (TOY, "Ray's worker")], ids=["whole", "run", "worker"]
)
def test_a_run_ends_with_the_same_bits_as_in_this_process(
    spec: RunSpec, victim: str | None, digits: Path, tmp_path: Path
) -> None:
    """Also one whose process, or the Ray worker that carried it, was killed on the way: the harness tries again."""
    expected = made_of(run_one(InlineExecutor(), share_cache(digits, tmp_path / "inline"), spec, victim=None))
    result = run_one(RayExecutor(work=digits, need=Need()), digits, spec, victim=victim)
    failures = [one for one in Store(digits).results(spec.fingerprint) if isinstance(one, Failed)]

    assert made_of(result) == expected
    assert [failure.reason for failure in failures] == (["killed"] if victim else [])


# --- commands ---------------------------------------------------------------------------------------------------

STUDY = {
    "study": "small",
    "trainer": "ablate.toy:train",
    "base": {"images": 40, "epochs": 1},
    "one_at_a_time": {"more": {"gain": 5.0}},
    "evidence": {"test": {"folds": 2}, "replicates": [2], "val": 0.2},
    "search": {"space": {"noise": [0.5, 2.0, 3.0]}},
}


def called(work: Path, *arguments: str) -> Result:
    """A command about the small study in this process, on the cluster it is connected to."""
    study = work / "small.yaml"
    study.write_text(json.dumps(STUDY))
    common = [str(study), "--work", str(work / "work"), "--executor", "ray", "--no-tracking"]
    return CliRunner().invoke(app, [arguments[0], *common, *arguments[1:]])


def test_a_study_and_a_search_run_on_the_cluster(tmp_path: Path) -> None:
    """By the same commands, with one more option; the second call trains nothing."""
    first = called(tmp_path, "run")
    again = called(tmp_path, "run")
    search = called(tmp_path, "optuna", "--trials", "2")

    assert [first.exit_code, again.exit_code, search.exit_code] == [0, 0, 0], first.output + search.output
    assert "4 runs trained now" in first.output
    assert "Nothing to train" in again.output
    specs = [files.read_json(path)["far"] for path in (tmp_path / "work").glob(".ablate/runs/*/*/spec.json")]
    assert len(specs) > 4
    assert all(specs)


@pytest.mark.parametrize("setting", ["numerics.threads=64", "device=cuda"])
def test_what_no_node_has_is_refused_before_anything_is_written(setting: str, tmp_path: Path) -> None:
    """Ray would wait for it for ever."""
    study = Path(__file__).parents[2] / "studies" / "quickstart.yaml"
    command = ["run", str(study), "--work", str(tmp_path / "work"), "--executor", "ray", "--set", setting]
    refused = CliRunner().invoke(app, command)

    assert refused.exit_code == 2
    assert "no node of the cluster" in refused.output
    assert not (tmp_path / "work").exists()
