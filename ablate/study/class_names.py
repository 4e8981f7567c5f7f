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
    asked = of_class(study.evidence.metric)
    known = dict.fromkeys(name for found in looks.values() for name in found.classes)
    if asked is None or not known or asked.name in known:
        return
    names = list(known)
    shown = [*names[:MANY], "..."] if len(names) > MANY else names
    raise StudyError(
        f"{study.document.where(('evidence', 'metric'))}: evidence.metric is {study.evidence.metric}, and the data "
        f"have no class {asked.name!r}",
        hint=f"{near_match(asked.name, names)}Classes: {', '.join(shown)}.",
    )
