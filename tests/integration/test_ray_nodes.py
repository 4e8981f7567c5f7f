"""A cluster of two nodes loses one in the middle of a study."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ablate.records import Failed
from ablate.session import Options, open_session
from ablate.study.load import load_study
from ablate.workflow import run_study
from tests.contract.executor_contract import children_of_this_process, is_alive, until
from tests.invariants import check, ends_of

pytestmark = [
    pytest.mark.ray,
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
def two_nodes() -> Iterator[tuple[Any, Any]]:
    """A cluster of two nodes of one processor each, and the node that is not its head."""
    before = children_of_this_process()
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        small = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=small)
        node = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
        yield cluster, node
        cluster.shutdown()
    until(lambda: not any(map(is_alive, children_of_this_process() - before)))
    shutil.rmtree(folder, ignore_errors=True)


def test_a_node_that_dies_costs_an_attempt_and_no_result(two_nodes: tuple[Any, Any], tmp_path: Path) -> None:
    """Its runs are tried again on the node that is left, and end with the bits they would have had."""
    cluster, node = two_nodes
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


def is_run(process: psutil.Process) -> bool:
    """Whether the process carries out an attempt."""
    return "ablate.execute.worker" in process.cmdline()
