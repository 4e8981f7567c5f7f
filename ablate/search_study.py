"""best.yaml: the best setting of a search as a study that runs, against the baseline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ablate.confirming import is_baseline
from ablate.records import Folds

if TYPE_CHECKING:
    from ablate.workflows.search.result import SearchRun


def best_study(found: SearchRun) -> str:
    """The study file's text: the search's base, its best setting as the one step of a chain.

    Where the baseline itself came out best there is nothing to compare: the study then is the search again.
    """
    question = found.question
    study, best = question.study, found.best
    assert best is not None
    changes = {} if is_baseline(question, best) else question.space.overrides(best.point)
    name = f"{question.name.removesuffix('-search')[:50]}-best".replace("@", "-")
    evidence = study.evidence.model_dump(mode="json", exclude_defaults=True)
    for size in ("negligible", "worthwhile"):  # stated is stated, though it be the default of another metric
        if size in study.evidence.model_fields_set:
            evidence[size] = getattr(study.evidence, size)
    lines = [
        f"# The best setting of {question.name}, {best.name}: it was chosen on validation images, as the best of "
        f"{sum(trial.values is not None for trial in found.tried)} trials.",
    ]
    if isinstance(study.protocol.test, Folds):
        lines += [
            "# With folds, the test images of replicates 1 and up were among those the search trained on. A",
            "# confirmation (confirm: in the search) reads fold 0 alone, which no trial saw.",
        ]
    content: dict[str, Any] = {"study": name}
    if study.question:
        content["question"] = f"Is the best setting of {question.name} better than its baseline?"
    if study.trainer.path != "ablate.training:train":
        content["trainer"] = study.trainer.path
    content["base"] = study.base
    if changes:
        content["chain"] = {"best setting": changes}
    else:
        content["search"] = study.search.model_dump(mode="json", exclude_defaults=True) if study.search else {}
    content["evidence"] = _without_families(evidence)
    lines += [f"{key}: {flow(value)}" if key != "base" else _block(key, value) for key, value in content.items()]
    return "\n".join(lines) + "\n"


def _without_families(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in evidence.items() if key != "families"}


def _block(key: str, value: Mapping[str, Any]) -> str:
    return "\n".join([f"{key}:", *(f"  {flow(name)}: {flow(item)}" for name, item in value.items())])


def flow(value: Any) -> str:
    """A value in YAML's flow style, which is JSON but for the quotes of plain words."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str():
            return _word(value)
        case None | bool() | int() | float():
            return json.dumps(value)
        case _:
            return _word(str(value))


def _word(text: str) -> str:
    """Bare where no reader could take it for anything but itself, else quoted."""
    is_plain = text[:1].isalpha() and all(sign.isalnum() or sign in "_.-" for sign in text)
    words = ("null", "true", "false", "none", "yes", "no", "on", "off", "nan", "inf")
    return text if is_plain and text.isascii() and text.lower() not in words else json.dumps(text, ensure_ascii=False)
