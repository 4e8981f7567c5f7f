"""The class a study is judged by, held against those of its data."""

from __future__ import annotations

from collections.abc import Mapping

from ablate.errors import StudyError, near_match
from ablate.metrics import of_class
from ablate.records import Prepared
from ablate.study.study import Study

MANY = 30
"""Classes that an error lists."""


def refuse_unknown_class(study: Study, looks: Mapping[str, Prepared]) -> None:
    """Raise StudyError where the study is judged by a class that its data, as far as they are known, do not have."""
    known = list(dict.fromkeys(name for found in looks.values() for name in found.classes))
    for key, metrics in (("metric", [study.evidence.metric]), ("also", study.evidence.also)):
        for metric in metrics:
            asked = of_class(metric)
            if asked is not None and known and asked.name not in known:
                shown = [*known[:MANY], "..."] if len(known) > MANY else known
                raise StudyError(
                    f"{study.document.where(('evidence', key))}: evidence.{key} is {metric}, and the data have no "
                    f"class {asked.name!r}",
                    hint=f"{near_match(asked.name, known)}Classes: {', '.join(shown)}.",
                )
