"""The experiment a study is in: found by its name, described, searched."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ablate.protocols import StudyCard
from ablate.track.entities import clipped, key
from ablate.track.saved_views import is_known, tags_of, views_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

MOST_PAGES = 100_000
"""Of a list of runs; a page holds a thousand."""
NAME_LIMIT, TAG_LIMIT = 500, 20_000
VERSION_SECONDS = 10.0


def experiment_tags(card: StudyCard, known: Mapping[str, str], *, version: str) -> dict[str, str]:
    """The tags that an experiment lacks: what its pages show first, and the study's saved views.

    version: of the MLflow that shows them.
    """
    wanted = {
        "mlflow.experiment.primaryMetric.name": key(f"test/{card.metric}"),
        "mlflow.experiment.primaryMetric.greaterIsBetter": "True" if card.goal == "max" else "False",
        "mlflow.note.content": clipped(card.question, TAG_LIMIT),
    }
    if is_known(version):
        wanted |= tags_of(views_of(card), card.name, known, now=round(time.time() * 1000))
    return {name: value for name, value in wanted.items() if known.get(name) != value}


def server_version(uri: str) -> str:
    """What the server says it is; empty where it says nothing."""
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    ask: Any = http_request  # MLflow's own way, so that the user's name and password go along
    known: Any = get_default_host_creds
    try:
        answer = ask(known(uri), "/version", "GET", timeout=VERSION_SECONDS, max_retries=0)
    except (MlflowException, OSError):
        return ""
    return str(answer.text).strip()[:40] if answer.status_code == 200 else ""


def experiment_called(client: MlflowClient, wanted: str) -> tuple[Experiment | None, str]:
    """The experiment a study called `wanted` is in, or None and the name it would have."""
    name = wanted = _printable(wanted)
    for number in range(2, 1000):
        found = client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage == "active":
            return found, name
        name = f"{wanted} ({number})"  # the name of a deleted experiment stays taken
    raise RuntimeError(f"a thousand experiments called {wanted!r} were deleted")


def search_runs(client: MlflowClient, experiment: str, tag: str, value: str) -> Iterator[Run]:
    """The runs of an experiment with a tag of this value; more than these where the value holds a quote."""
    condition = "" if "'" in value else f"tags.`{tag}` = '{value}'"
    token: str | None = ""
    asked: set[str] = set()
    while token is not None:
        if token in asked or len(asked) > MOST_PAGES:
            raise RuntimeError("the tracking store's list of runs has no end")
        asked.add(token)
        page = client.search_runs([experiment], condition, page_token=token or None)
        yield from page
        token = page.token or None


def _printable(name: str) -> str:
    return clipped("".join(sign if sign.isprintable() else "_" for sign in name).strip(), NAME_LIMIT)


def slug(name: str) -> str:
    """A name as part of a path: letters, digits, `-` and `_`, at most 60."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:60]
