"""Results of measuring files, with sane defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ablate.deploy.records import Claim, DeployResult, Machine, Preprocessing, Row, SpeedUp, Step, Timing

MACHINE = Machine(
    cpu="AMD EPYC 9654",
    cores=2,
    instruction_sets=("avx2", "avx512-vnni"),
    threads=1,
    load=(0.2, 1.1),
    platform="Linux-6.1",
    versions={"torch": "2.14.1", "onnxruntime": "1.32.0"},
)

HOW = Preprocessing(
    image_size=224,
    classes=("cat", "d_o_g"),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    study="pets",
    variant="BN",
    replicate=0,
    fingerprint="0123456789abcdef",
)


def a_row(name: str, milliseconds: float | None = None, **fields: Any) -> Row:
    """A row of two replicates; fields of its step are those that a step has."""
    of_step = {key: fields.pop(key) for key in list(fields) if key in Step.__dataclass_fields__}
    step = Step(name=name, path=f"/files/{name.replace(' ', '-')}.onnx", **({"engine": "onnxruntime"} | of_step))
    known: dict[str, Any] = {
        "steps": (step, replace(step, path=f"/files/1/{name}.onnx")),
        "bytes": 4_500_000,
        "accuracy": (0.742, 0.738),
        "changed": 0.012,
        "largest_difference": 0.31,
        "single": None,
        "batch": None,
        "load_seconds": 0.05,
        "peak_bytes": 210_000_000,
    }
    if milliseconds is not None:
        known["single"] = Timing(batch=1, calls=240, p50=milliseconds / 1000, p95=1.2 * milliseconds / 1000)
        known["batch"] = Timing(batch=32, calls=200, p50=20 * milliseconds / 1000, p95=22 * milliseconds / 1000)
    return Row(**(known | fields))


def a_deployment(**fields: Any) -> DeployResult:
    """Four rows: torch, onnxruntime, its INT8, and a pruned one that lost too much."""
    counted = {"parameters": 4_500_000, "multiply_adds": 120_000_000}
    rows = (
        replace(
            a_row("original", 120.0, engine="torch", bytes=18_000_000, accuracy=(0.747, 0.745), **counted),
            changed=0.0,
            largest_difference=0.0,
        ),
        a_row(
            "ONNX",
            60.0,
            bytes=18_100_000,
            accuracy=(0.747, 0.745),
            what_was_done="exported by torch.onnx",
            parent="original",
            claim=Claim(word="non_inferior", difference=0.0, lo=-0.001, hi=0.001, basis="images and replicates"),
            speed_up=SpeedUp(whole=2.0, network=1.0, engine=2.0, precision=1.0),
            **counted,
        ),
        a_row(
            "INT8",
            37.5,
            precision="int8",
            what_was_done="quantised after training, calibrated on 300 training images",
            parent="ONNX",
            claim=Claim(word="non_inferior", difference=-0.006, lo=-0.009, hi=-0.003, basis="images and replicates"),
            speed_up=SpeedUp(whole=3.2, network=1.0, engine=2.0, precision=1.6),
        ),
        a_row(
            "pruned | 30 %",
            30.0,
            accuracy=(0.61, 0.63),
            claim=Claim(word="inferior", difference=-0.126, lo=-0.15, hi=-0.1, basis="images and replicates"),
            speed_up=SpeedUp(whole=4.0),
        ),
    )
    known: dict[str, Any] = {
        "rows": rows,
        "test_set": "pets",
        "images": 1800,
        "replicates": 2,
        "classes": HOW.classes,
        "tolerable": 1.0,
        "machine": MACHINE,
        "seed": 3,
    }
    return DeployResult(**(known | fields))
