"""Ablation studies of image classifiers: which change made the model better, by how much, how sure?

From Python, the walk of the commands: load_study, make_plan, run_study, results_frame,
estimate_effects, render_report. On arrays and data frames of your own, without a study: compare, judge, and in a test
assert_no_worse. For a trainer of your own: Settings, Run, Outcome; for what may stand beside it
(`describe`, `prepare`, `examine`, `explain`): Description, Prepared, Examination, Explained and what they are made of.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ablate.inspection import (
        Description,
        Embedding,
        Examination,
        Explained,
        ExplainedImage,
        FeatureMaps,
        Heatmap,
        Layer,
        ModelAnswer,
        NearPair,
        Neighbours,
    )
    from ablate.protocols import Run
    from ablate.records import Cost, Outcome, Prepared
    from ablate.report.page.render import render_report
    from ablate.settings import IdentityDefault, NotIdentity, Settings
    from ablate.splits.rules import Replicate
    from ablate.stats.arrays import Comparison, assert_no_worse, compare
    from ablate.stats.effects import estimate_effects
    from ablate.stats.frame import results_frame
    from ablate.study.load import load_study
    from ablate.study.plan import make_plan
    from ablate.workflows.judge_frame import JudgedTable, judge
    from ablate.workflows.options import Options
    from ablate.workflows.run import run_study

__all__ = [
    "Comparison",
    "Cost",
    "Description",
    "Embedding",
    "Examination",
    "Explained",
    "ExplainedImage",
    "FeatureMaps",
    "Heatmap",
    "IdentityDefault",
    "JudgedTable",
    "Layer",
    "ModelAnswer",
    "NearPair",
    "Neighbours",
    "NotIdentity",
    "Options",
    "Outcome",
    "Prepared",
    "Replicate",
    "Run",
    "Settings",
    "assert_no_worse",
    "compare",
    "estimate_effects",
    "judge",
    "load_study",
    "make_plan",
    "render_report",
    "results_frame",
    "run_study",
]

_HOMES = {
    "Comparison": "ablate.stats.arrays",
    "Cost": "ablate.records",
    "Description": "ablate.inspection",
    "Embedding": "ablate.inspection",
    "Examination": "ablate.inspection",
    "Explained": "ablate.inspection",
    "ExplainedImage": "ablate.inspection",
    "FeatureMaps": "ablate.inspection",
    "Heatmap": "ablate.inspection",
    "IdentityDefault": "ablate.settings",
    "JudgedTable": "ablate.workflows.judge_frame",
    "Layer": "ablate.inspection",
    "ModelAnswer": "ablate.inspection",
    "NearPair": "ablate.inspection",
    "Neighbours": "ablate.inspection",
    "NotIdentity": "ablate.settings",
    "Options": "ablate.workflows.options",
    "Outcome": "ablate.records",
    "Prepared": "ablate.records",
    "Replicate": "ablate.splits.rules",
    "Run": "ablate.protocols",
    "Settings": "ablate.settings",
    "assert_no_worse": "ablate.stats.arrays",
    "compare": "ablate.stats.arrays",
    "estimate_effects": "ablate.stats.effects",
    "judge": "ablate.workflows.judge_frame",
    "load_study": "ablate.study.load",
    "make_plan": "ablate.study.plan",
    "render_report": "ablate.report.page.render",
    "results_frame": "ablate.stats.frame",
    "run_study": "ablate.workflows.run",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: a trainer that needs Settings must not wait for pandas.
    if name not in _HOMES:
        raise AttributeError(f"module 'ablate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
