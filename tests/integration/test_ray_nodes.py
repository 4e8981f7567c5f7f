"""A cluster of two nodes loses one in the middle of a study."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablate.execute import ray_cluster
from ablate.execute.ray_cluster import RayExecutor
from ablate.execute.resources import need_of
from ablate.harness.coordinator import Coordinator, RunUpdate
from ablate.harness.fixed_source import FixedSource
from ablate.records import Failed, Finished
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.run import run_study
from ablate.workflows.session import open_session
from tests.contract.executor_contract import is_alive, until, with_pranks
from tests.invariants import check, ends_of
from tests.ray_builders import ray_environment
from tests.training_builders import a_spec, a_task

pytestmark = [
    pytest.mark.ray,
    pytest.mark.serial,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra `ray` is not installed"),
]

STUDY = {
    "study": "nodes",
    "trainer": "ablate.toy:train",
    "base": {"images": 40, "epochs": 40, "seconds": 6.0},
    "one_at_a_time": {"more": {"gain": 5.0}},
    "evidence": {"test": {"folds": 2}, "replicates": [2]},
}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster without nodes; what is started in it is gone when the test is over."""
    with ray_environment():
        from ray.cluster_utils import Cluster

        cluster = Cluster()
        yield cluster
        cluster.shutdown()


def a_node(cluster: Any, **has: Any) -> Any:
    """One more node, of one processor; the first is the head."""
    return cluster.add_node(num_cpus=1, object_store_memory=100 << 20, include_dashboard=False, **has)


def test_a_node_that_dies_costs_an_attempt_and_no_result(cluster: Any, tmp_path: Path) -> None:
    """Its runs are tried again on the node that is left, and end with the bits they would have had."""
    _head, node = a_node(cluster), a_node(cluster)
    path = tmp_path / "nodes.yaml"
    path.write_text(json.dumps(STUDY))
    study = load_study(path)
    whole = tmp_path / "whole"
    run_study(study, work=whole, options=Options(track=False, workers=2))
    work = tmp_path / "work"
    command = [sys.executable, "-m", "ablate", "run", str(path), "--work", str(work), "--no-tracking"]
    command += ["--executor", "ray", "--ray-address", cluster.address]
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True) as ablate:
        heartbeats = work / ".ablate" / "runs"
        until(lambda: len(list(heartbeats.glob("*/*/heartbeat"))) == 2)
        running = {child.pid for child in psutil.Process().children(recursive=True) if is_run(child)}
        cluster.remove_node(node, allow_graceful=False)
        until(lambda: sum(map(is_alive, running)) == 1)
        output, _ = ablate.communicate(timeout=180)
    session = open_session(study, work)
    results = [result for _, spec in session.plan.runs() for result in session.store.results(spec.fingerprint)]
    failures = [result for result in results if isinstance(result, Failed)]

    assert ablate.returncode == 0, output
    assert [failure.reason for failure in failures] == ["killed"]
    assert "Ray: " in (failures[0].folder / "run.log").read_text()
    outside = tmp_path / "outside"
    outside.mkdir()
    check(session, reference=ends_of(open_session(study, whole)), exit_code=0, outside=outside)


def test_all_runs_of_a_replicate_go_to_nodes_with_one_kind_of_card(cluster: Any, tmp_path: Path) -> None:
    """Ray is told which; the cards are made up, and the nodes that have them are two."""
    for kind in ("A100", "T4"):
        a_node(cluster, num_gpus=1, resources={f"accelerator_type:{kind}": 1})
    deeds = [(replicate, number) for replicate in range(3) for number in range(2)]
    found: dict[int, set[float]] = {}

    def listen(news: RunUpdate) -> None:
        if isinstance(news.result, Finished):
            found.setdefault(news.spec.replicate.index, set()).add(news.result.metrics["node"])

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(with_pranks(tmp_path)))
        specs = [a_spec({"number": number}, trainer="pranks:train", replicate=index) for index, number in deeds]
        with ray_cluster.cluster(cluster.address, tmp_path):
            need = need_of(1, ["auto"], slots_per_gpu=1, nodes=ray_cluster.nodes())
            executor = RayExecutor(work=tmp_path, need=need)
            assert executor.slots == 2
            Coordinator(FixedSource(specs), executor, Store(tmp_path), a_task(tmp_path, specs[0]), listen).run()

    assert [len(nodes) for nodes in found.values()] == [1, 1, 1]
    assert len(set.union(*found.values())) == 2


def is_run(process: psutil.Process) -> bool:
    """Whether the process carries out an attempt."""
    return "ablate.execute.worker" in process.cmdline()
