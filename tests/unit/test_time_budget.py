"""What of a study fits into a given time, in lines that can be pasted."""

from __future__ import annotations

import json
import re
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ablate.records import Finished, Stamp
from ablate.store.journal import Journal
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.session import Session, open_session
from ablate.workflows.time_budget import scheduled_seconds, time_budget
from tests.command_line import ablate

STUDY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0, images: 300}
one_at_a_time: {BN: {gain: 15.0}, Dropout: {noise: 0.5}, GAP head: {epochs: 4}}
evidence:
  test: {folds: 3}
  replicates: [2, 5]
"""


def a_session(work: Path, *, seconds: float | None = 10.0, text: str = STUDY) -> Session:
    """Four variants of which replicate 0 has finished, each in so many seconds."""
    path = work / "toy.yaml"
    path.write_text(text, encoding="utf-8")
    session = open_session(load_study(path), work)
    for _, spec in session.plan.runs() if seconds is not None else ():
        if spec.replicate.index == 0:
            attempt = session.store.new_attempt(spec)
            stamp = Stamp(source_digest=session.source, data_digest="toy:300")
            found = Finished(folder=attempt, metrics={"accuracy": 0.6}, stamp=stamp, seconds=seconds or 0.0)
            Journal(attempt).append("finished", found.to_json())
    return session


def budget(session: Session, seconds: float, *, workers: int = 1) -> dict[str, Any]:
    return time_budget(session, Options(look=1, workers=workers), f"{seconds:g}s", seconds)


def kinds(found: dict[str, Any]) -> dict[str, list[int]]:
    """What is proposed, and its looks."""
    return {row["kind"]: row["replicates"] for row in found["proposals"]}


@pytest.mark.parametrize(
    ("runs", "workers", "seconds"), [([5, 3, 3], 1, 11), ([5, 3, 3], 2, 6), ([1, 1, 8], 2, 9), ([], 2, 0), ([4], 9, 4)]
)
def test_runs_begin_as_soon_as_a_worker_is_free(runs: list[float], workers: int, seconds: float) -> None:
    """In the order they are begun in, as the harness does it."""
    assert scheduled_seconds(runs, workers) == seconds


def test_all_that_was_planned_is_proposed_where_it_fits(tmp_path: Path) -> None:
    """Sixteen runs of ten seconds are left; nothing of the file changes."""
    found = budget(a_session(tmp_path), 160)
    (row, *others) = found["proposals"]

    assert (row["kind"], row["replicates"], row["runs"], row["estimate_seconds"]) == ("looks", [2, 5], 16, 160.0)
    assert (row["evidence"], row["left_out"]) == ([], [])
    assert [other["kind"] for other in others] == ["one look"]
    assert found["basis"] == "from the finished runs of this study"


def test_fewer_replicates_are_proposed_where_not_all_fit(tmp_path: Path) -> None:
    """With the looks before them, as a single look, and as whatever the end of the time makes of the plan."""
    found = budget(a_session(tmp_path), 125)

    assert kinds(found) == {"looks": [2, 4], "one look": [4], "end": [2, 4]}
    assert [row["runs"] for row in found["proposals"]] == [12, 12, 12]
    assert budget(a_session(tmp_path), 65, workers=2)["proposals"][0]["replicates"] == [2, 4]


def test_fewer_variants_are_named_where_no_look_fits(tmp_path: Path) -> None:
    """The first comparisons of the plan, with what they are judged against."""
    text = STUDY.replace("[2, 5]", "[4, 6]")
    found = budget(a_session(tmp_path, text=text), 70)
    row = found["proposals"][-1]

    assert kinds(found) == {"looks": [2], "end": [2], "fewer variants": [4]}
    assert (row["variants"], row["left_out"]) == (["baseline", "only BN"], ["only Dropout", "only GAP head"])
    assert row["estimate_seconds"] == 60.0


def test_where_nothing_fits_the_time_of_the_least_is_told(tmp_path: Path) -> None:
    """Two variants, a second replicate each."""
    found = budget(a_session(tmp_path), 15)

    assert found["proposals"] == []
    assert found["note"].endswith("'BN' fits with 2 replicates of each of its variants: that takes 20 s")


def test_before_the_first_run_nothing_is_known_of_time(tmp_path: Path) -> None:
    """The command that finds it out stands beside."""
    found = budget(a_session(tmp_path, seconds=None), 100)

    assert found["proposals"] == []
    assert "nothing is known of the seconds a run takes" in found["note"]
    assert "--only" in found["note"]


@pytest.mark.parametrize("within", ["125s", "45s"])
def test_every_line_that_is_printed_works_as_it_stands(tmp_path: Path, within: str) -> None:
    """Commands are typed as printed; lines for the study file are pasted below `evidence:`."""
    text = STUDY.replace("[2, 5]", "[4, 6]" if within == "45s" else "[2, 5]")
    a_session(tmp_path, text=text)
    shown = ablate(tmp_path, "plan", "toy.yaml", "--within", within, "--workers", "1")
    told = json.loads(ablate(tmp_path, "plan", "toy.yaml", "--within", within, "--workers", "1", "--json").stdout)
    schema = json.loads((resources.files("ablate.report") / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(told, schema)
    commands = re.findall(r"^   (ablate run .*)$", shown.output, re.MULTILINE)
    lines = re.findall(r"under evidence:  (.*)$", shown.output, re.MULTILINE)

    assert commands == [row["command"] for row in told["within"]["proposals"]] != []
    assert lines
    tried = {"looks", "one look", "end"} if within == "125s" else {"fewer variants"}
    for row in (row for row in told["within"]["proposals"] if row["kind"] in tried):
        done = ablate(tmp_path, *shlex.split(row["command"])[1:], "--no-tracking", "--executor", "inline", "--json")
        assert done.exit_code == 0, (row["command"], done.output)
        trained = {one["name"]: one["n"] for one in json.loads(done.stdout)["variants"]}
        if row["kind"] != "end":
            assert {trained[name] for name in row["variants"]} <= set(range(2, row["replicates"][-1] + 1))
    for line in lines:
        pasted = re.sub(r"  replicates: .*\n", "", text) if line.startswith("replicates") else text
        path = tmp_path / "pasted.yaml"
        path.write_text(pasted + "".join(f"  {one}\n" for one in line.split("  and  ")), encoding="utf-8")
        assert ablate(tmp_path, "check", "pasted.yaml").exit_code == 0, line


def test_shares_that_no_longer_fit_are_taken_out(tmp_path: Path) -> None:
    """A file that divides the error among two looks says nothing of three."""
    text = STUDY + "  shares: [0.3, 0.7]\n"
    rows = {row["kind"]: row for row in budget(a_session(tmp_path, text=text), 125)["proposals"]}

    assert rows["looks"]["evidence"] == ["replicates: [2, 4]"]
    assert rows["one look"]["evidence"] == ["replicates: [4]", "shares: null"]
    assert '--set "evidence.shares=null"' in rows["one look"]["command"]


def test_looks_stay_as_planned_once_results_were_shown(tmp_path: Path) -> None:
    """Only how far to go is left to choose. Before, each proposal says the smallest difference that it would show."""
    session = a_session(tmp_path)
    assert ablate(tmp_path, "run", "toy.yaml", "--no-tracking", "--executor", "inline").exit_code == 0
    shown = open_session(session.study, tmp_path)
    found, short = budget(shown, 1e6), budget(shown, 1e-6)
    for name in ("declared.json", "report.json"):  # as if nobody had been shown anything
        (tmp_path / ".ablate/studies/toy" / name).unlink()
    before = budget(shown, 1e6)
    points = {row["kind"]: row["visible_step"][-1]["points"] for row in before["proposals"]}

    assert [(row["kind"], row["replicates"], row["evidence"]) for row in found["proposals"]] == [("go on", [5], [])]
    assert "--look 2" in found["proposals"][0]["command"]
    assert short["proposals"] == []
    assert "looks stay as planned" in short["note"]
    assert before["proposals"][0]["visible_basis"].startswith("from the noise of the comparisons")
    assert points["one look"] < points["looks"]


def test_a_command_typed_elsewhere_names_the_work_folder(tmp_path: Path) -> None:
    """It works where it was printed."""
    session = a_session(tmp_path)

    assert all(f"--work {tmp_path}" in row["command"] for row in budget(session, 160)["proposals"])
