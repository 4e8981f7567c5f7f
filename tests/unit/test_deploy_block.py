"""The block `deploy:`: what it asks for in which order, what is refused, and which rows come of it."""

from __future__ import annotations

from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.study.deploy_schema import DEFAULT, DeployBlock, FineTune
from ablate.study.plan import make_plan
from ablate.workflows.deploy.rows import Network, trained_networks, wanted_rows
from tests.study_builders import a_study_file, read_study

PRUNE: dict[str, Any] = {"prune": {"channels": 0.3, "fine_tune": {"epochs": 3, "lr": 1e-3}}}


def a_block(*steps: Any, **more: Any) -> DeployBlock:
    """The block of a study file with these steps."""
    block = read_study(a_study_file(deploy={"steps": list(steps), **more})).deploy
    assert block is not None
    return block


def test_a_study_says_what_is_made_of_its_runs() -> None:
    """With the usual margin and batch, unless it says otherwise."""
    block = a_block(PRUNE, {"int8": "aware"}, "onnx", tolerable=0.5)

    assert block.prune is not None
    assert (block.prune.channels, block.int8, block.forms) == (0.3, "aware", ("onnx",))
    assert (block.tolerable, block.batch) == (0.5, 32)
    assert block.aware == FineTune(epochs=3, lr=1e-3)
    assert a_block({"int8": "aware"}, "onnx").aware == FineTune()
    assert a_block({"int8": "aware", "fine_tune": {"epochs": 7}}, "onnx").aware == FineTune(epochs=7)
    assert a_block("onnx").aware is None
    assert read_study(a_study_file()).deploy is None


def test_what_is_made_of_runs_is_no_part_of_them() -> None:
    """Every fingerprint stays."""
    plain, deployed = (read_study(a_study_file(**more)) for more in ({}, {"deploy": {"steps": ["onnx"]}}))

    assert [spec.fingerprint for _, spec in make_plan(plain).runs()] == [
        spec.fingerprint for _, spec in make_plan(deployed).runs()
    ]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], r"deploy\.steps"),
        (["onnx", "onnx"], r"steps has onnx twice"),
        (["onnx", PRUNE], r"in the order prune, onnx"),
        ([{"int8": "after_training"}, "pt2"], r"no kind of file that holds it. Add onnx or openvino"),
        ([{**PRUNE, "int8": "aware"}, "onnx"], r"either prune or int8"),
        ([{}, "onnx"], r"either prune or int8"),
        ([{**PRUNE, "fine_tune": {}}, "onnx"], r"inside prune, or beside int8: aware"),
        ([{"prune": {"channels": 1.0}}, "onnx"], r"channels"),
        (["onxx"], r"onnx"),
    ],
)
def test_a_block_that_cannot_be_met_is_refused(steps: list[Any], said: str) -> None:
    """With file and line, before anything is read of the runs."""
    with pytest.raises(StudyError, match=said):
        a_block(*steps)


@pytest.mark.parametrize("tolerable", [0, 100, 150])
def test_a_loss_that_no_accuracy_can_have_is_refused(tolerable: float) -> None:
    """Points of accuracy, above 0 and below 100."""
    with pytest.raises(StudyError, match="tolerable"):
        a_block("onnx", tolerable=tolerable)


def test_the_usual_rows() -> None:
    """The original and the pruned network in torch, then each library's file in full precision and in INT8."""
    rows = wanted_rows(DEFAULT)

    assert [(row.name, row.parent) for row in rows] == [
        ("original", ""),
        ("pruned", "original"),
        ("pruned ONNX", "pruned"),
        ("pruned ONNX INT8", "pruned ONNX"),
        ("pruned OpenVINO", "pruned"),
        ("pruned OpenVINO INT8", "pruned OpenVINO"),
    ]
    assert [row.file for row in rows[2:]] == ["pruned.onnx", "pruned-int8.onnx", "pruned.xml", "pruned-int8.xml"]
    assert trained_networks(rows) == [Network(0.3, FineTune())]
    assert {row.network.label for row in rows} == {"original", "30 % of the channels pruned"}


def test_files_trained_aware_are_of_a_network_of_their_own() -> None:
    """What is in full precision is not: its parent is the same network by the same library all the same."""
    rows = wanted_rows(a_block({"int8": "aware", "fine_tune": {"epochs": 1}}, "onnx", "pt2"))

    assert [(row.name, row.parent) for row in rows] == [
        ("original", ""),
        ("ONNX", "original"),
        ("ONNX INT8, trained aware", "ONNX"),
        ("torch.export", "original"),
    ]
    assert [row.file for row in rows[1:]] == ["network.onnx", "network-aware-int8.onnx", "network.pt2"]
    assert [one.variant for one in trained_networks(rows)] == ["aware of INT8"]
    both = trained_networks(wanted_rows(a_block(PRUNE, {"int8": "aware"}, "onnx")))
    assert [one.variant for one in both] == ["pruned 0.3", "pruned 0.3, aware of INT8"]
