"""What `ablate pull` prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.cli.show import note, say, say_json, say_table

if TYPE_CHECKING:
    from ablate.study.study import Study

_SHOWN = 8
"""So many runs that were refused are named."""


def show_studies(uri: str, *, as_json: bool) -> None:
    """The studies in a store, with how many of their runs can be put back."""
    from ablate.safety.addresses import without_secrets
    from ablate.track.open import open_reader

    rows = []
    for study in open_reader(uri).studies():
        finished = [run for run in study.runs if run.finished]
        rows.append({
            "study": study.name,
            "finished": len({run.fingerprint for run in finished}),
            "recorded": len({run.fingerprint for run in finished if run.recorded}),
        })  # fmt: skip
    if as_json:
        say_json(rows)
    elif rows:
        say_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
        note("`ablate pull STUDY` restores the recorded runs of a study file; trials of searches cannot be restored.")
    else:
        say(f"There is no study of ablate in {without_secrets(uri)}.")


def pull_and_show(study: Study, work: Path, uri: str, *, weights: bool, as_json: bool) -> int:
    """Pull, and say what came of it; 1 where a run was refused."""
    from ablate.report.wording.numbers import counted
    from ablate.workflows.pull import pull_study

    def tell(done: int, of: int) -> None:
        if done and done % 100 == 0 and not as_json:
            note(f"{done} of {of} runs ...")

    found = pull_study(study, work, uri, weights=weights, on_progress=tell)
    if as_json:
        say_json(asdict(found))
        return int(bool(found.refused))
    say(f"{counted(found.taken, 'run')} restored, {found.here} already here; the study plans {found.wanted}.")
    if found.kept:
        say(f"{found.kept} have a result of this folder's own, which was left as it is.")
    if found.unrecorded:
        say(
            f"{found.unrecorded} finished runs were stored by an earlier version, without what is needed to put them "
            "back. `ablate sync` on the machine that has them adds it."
        )
    if found.without:
        how = "are larger than the store accepts" if weights else "were left there; --weights brings them too"
        note(f"{found.without} files of weights {how}.")
    for name, reason in list(found.refused.items())[:_SHOWN]:
        note(f"Refused: {name}: {reason}.")
    if found.refused:
        note(
            f"{len(found.refused)} runs were refused, and nothing was written for them. `ablate run` trains them again."
        )
    if study.search is not None:
        note("Trials of its search stay where they are: a search lives in Optuna's storage.")
    return int(bool(found.refused))
