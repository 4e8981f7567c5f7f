"""From the name of a run to a page that shows what its network does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ablate.errors import AblateError
from ablate.inspection import Explained
from ablate.safety.addresses import text_without_secrets
from ablate.store.work_folder import Store
from ablate.workflows.predict import FinishedRun, Reevaluation, companion, compare_metrics, open_run
from ablate.workflows.reopened_run import reopened

FOLDER = "explain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A page that was written, and what the network's accuracy was found to be."""

    page: Path
    retest: Reevaluation
    found: Explained


def write_explanation(
    run: str, *, work: Path | str = ".", layer: str | None = None, out: Path | None = None
) -> Explanation:
    """Look into a finished run and write explain.md with its figures.

    out: the folder; by default `reports/STUDY/explain/VARIANT-REPLICATE/`, where the report finds it.
    """
    place = Path(work).resolve()
    opened = open_run(run, place)
    explain = companion(opened, opened.trainer.explain, "explain")
    from ablate.report.page.explanation import write_explanation

    with reopened(opened.spec, Store(place)) as once_more:
        found: Explained = explain(opened.spec, opened.result, once_more, layer)
        retest = compare_metrics(opened, found.metrics)
        page = write_explanation(found, run, retest.sentence, out or explanation_folder(opened, place))
    return Explanation(page=page, retest=retest, found=found)


def explanation_folder(run: FinishedRun, work: Path) -> Path:
    """Below the study's report; names that differ in odd characters alone stay apart."""
    study, _, rest = run.name.partition("/")
    slug = re.sub(r"[^\w.-]+", "-", rest).strip("-.") or "run"
    apart = "" if slug == re.sub(r"[ /]", "-", rest) else f"-{run.spec.fingerprint[:6]}"
    return work / "reports" / study / FOLDER / f"{slug}{apart}"


def add_to_mlflow(run: str, folder: Path, *, work: Path, uri: str | None) -> bool:
    """Put the page and its figures among the run's artifacts; False where MLflow has no such run.

    Raises TrackingError for a store that cannot be used.
    """
    from ablate.errors import TrackingError
    from ablate.track.open import add_folder, tracking_uri

    opened = open_run(run, work)
    tags = {
        "ablate.study": run.partition("/")[0],
        "ablate.level": "replicate",
        "ablate.fingerprint": opened.spec.fingerprint,
    }
    address = tracking_uri(uri, work.resolve())
    try:
        return add_folder(address, tags, folder, FOLDER)
    except AblateError:
        raise
    except Exception as error:  # whatever a store raises; the page is written all the same
        reason = text_without_secrets(str(error), address)
        raise TrackingError(f"MLflow did not take the page: {type(error).__name__}: {reason}") from error


def explanations_of(report: Path) -> tuple[tuple[str, str], ...]:
    """The pages beside a report: (name of the run, path from the report's folder)."""
    from ablate.files import read_json

    found = []
    for facts in sorted(report.glob(f"{FOLDER}/*/explain.json")):
        content = read_json(facts)
        if isinstance(content, dict) and "run" in content:
            found.append((str(content["run"]), (facts.parent / "explain.md").relative_to(report).as_posix()))
    return tuple(found)
