"""Study files for tests of the study side: sane defaults; a test overrides the one thing it is about."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.records import Variant
from ablate.study.load import load_study
from ablate.study.plan import Plan, make_plan
from ablate.study.study import Study

NORM: Mapping[str, Any] = {"model.norm": {"name": "batch"}}
WIDE: Mapping[str, Any] = {"model.width": 16}
DECAY: Mapping[str, Any] = {"optimizer.weight_decay": 0.1}
FACTORS: Mapping[str, Any] = {"BN": NORM, "wide": WIDE}


def a_study_file(
    *, base: Mapping[str, Any] | None = None, evidence: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The content of a study file over the small trainer; a chain of two steps unless `more` says otherwise."""
    designs = {"chain", "one_at_a_time", "leave_one_out", "factorial", "compare", "search"}
    content: dict[str, Any] = {
        "study": "small",
        "trainer": "tests.small_trainer:train",
        "base": {"optimizer": {"lr": 0.1}} | dict(base or {}),
        "evidence": {"test": {"folds": 3}, "replicates": [3]} | dict(evidence or {}),
    }
    return content | ({} if designs & set(more) else {"chain": FACTORS}) | more


def read_study(content: Any, *, sets: Sequence[str] = (), other_design: str | None = None) -> Study:
    """The study of such a content, or of a text, read from a file that does not stay."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return load_study(path, sets=sets, design=other_design)


def a_plan(*, sets: Sequence[str] = (), other_design: str | None = None, **blocks: Any) -> Plan:
    """The plan of `a_study_file(**blocks)`."""
    return make_plan(read_study(a_study_file(**blocks), sets=sets, other_design=other_design))


def by_name(plan: Plan) -> dict[str, Variant]:
    """The variants of a plan under their names."""
    return {variant.name: variant for variant in plan.variants}
