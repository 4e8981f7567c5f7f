"""What a page needs to judge again by other thresholds, and that its script gives the words of the engine."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.report.page.what_if import look_json, what_if_json
from ablate.report.wording.language import ENGLISH
from ablate.stats.looks import MENDABLE, SO_FAR, Seen, judge_looks
from ablate.stats.student import Estimate, Grouped, student_answer
from ablate.stats.verdict import Goal, Rules, unassessable
from ablate.stats.what_if import LookSeen, MemberSeen, Withheld, looks_seen
from tests.builders import a_study, findings_of

NODE = shutil.which("node")
LOOKS, SHARES = (3, 5, 10), (0.1, 0.2, 0.7)
SIZES = [None, 0.0, 0.002, 0.01, 0.03]
TEMPLATES = resources.files("ablate.report") / "templates"


def an_estimate(rng: np.random.Generator, replicates: int, centre: float) -> Estimate:
    """One comparison: images may or may not be known, and may have been tested once or more often."""
    se = float(10 ** rng.uniform(-3, -1.8))
    known, floor = rng.random() < 0.7, rng.choice([None, 0.0, 0.3 * se**2, se**2])
    return Estimate(
        n_replicates=replicates, n_images=400 if known else None, image_part=None, run_part=None, image_floor=floor,
        by_replicate=(), basis="images",
        **student_answer(
            float(rng.normal(centre, se)), se, float(rng.uniform(1, 400)), n_units=replicates, level=0.95
        ),
    )  # fmt: skip


class Drawn:
    """A family at its looks, drawn at random; reasons of every sort, some asked whether they are no worse."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.members = int(rng.integers(1, 6))
        self.up_to = int(rng.integers(1, 4))
        self.goal: Goal = "max" if rng.random() < 0.6 else "min"
        self.tolerable = None if rng.random() < 0.3 else 0.01
        self.asked = [i for i in range(self.members) if rng.random() < 0.3]
        self.planned = (8, 0.7) if rng.random() < 0.2 else None
        centres = rng.choice([0.0, 0.004, -0.01, 0.02], size=self.members)
        self.found = [[an_estimate(rng, n, centre) for centre in centres] for n in LOOKS]
        whys = [*MENDABLE, f"{SO_FAR}too few", "different test sets"]
        self.reasons = [
            {i: str(rng.choice(whys)) for i in range(self.members) if rng.random() < 0.08} for _ in LOOKS
        ]  # fmt: skip

    def rules(self, negligible: float | None, worthwhile: float | None) -> Rules:
        return Rules(negligible=negligible, worthwhile=worthwhile, tolerable=self.tolerable, goal=self.goal)

    def engine(self, rules: Rules) -> list[tuple[str, bool, bool]]:
        """Verdict, whether negligible, whether the test set is too small, by the statistics of the package."""
        answers = judge_looks(
            lambda number, _: (self.found[number - 1], self.reasons[number - 1]), rules, LOOKS, SHARES,
            up_to=self.up_to, asked=self.asked, planned=self.planned,
        )  # fmt: skip
        found = []
        for judged in (answer.judged for answer in answers):
            needed = judged.needed is not None and judged.needed.unit == "images"
            found.append((judged.verdict, judged.supplement == "negligible", needed))
        return found

    def seen(self) -> tuple[LookSeen, ...]:
        rows = []
        for i in range(self.members):
            reasons = [unassessable(self.found[at], self.reasons[at]) for at in range(self.up_to)]
            rows.append([Seen(self.found[at][i], reasons[at].get(i, "")) for at in range(self.up_to)])
        last = self.planned or (LOOKS[-1], SHARES[-1])
        return looks_seen(rows, self.rules(None, None), SHARES, last=last, asked=self.asked)


@pytest.mark.skipif(NODE is None, reason="Node is not installed; a browser runs the same in tests/integration")
def test_the_page_s_rule_gives_the_engine_s_words(tmp_path: Path) -> None:
    """Of families with reasons, looks and claims of every sort, under every pair of thresholds."""
    jobs, expected = [], []
    for seed in range(200):
        drawn = Drawn(seed)
        looks = [look_json(look) for look in drawn.seen()]
        for negligible in SIZES:
            for worthwhile in SIZES:
                rules = drawn.rules(negligible, worthwhile)
                sizes = {"negligible": negligible, "worthwhile": worthwhile}
                asked = {"goal": drawn.goal, "alpha": rules.alpha, "futility": rules.futility}
                jobs.append([looks, asked, sizes])
                expected.append([list(one) for one in drawn.engine(rules)])
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    drive = """
const jobs = JSON.parse(require("fs").readFileSync(process.argv[2], "utf8"));
const told = jobs.map((job) => rejudge(...job).map((one) => [one.verdict, one.negligible, one.tooSmall]));
console.log(JSON.stringify(told));
"""
    (tmp_path / "drive.js").write_text((TEMPLATES / "rejudge.js").read_text(encoding="utf-8") + drive, encoding="utf-8")
    assert NODE is not None
    done = subprocess.run(
        [NODE, "drive.js", "jobs.json"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )

    words = {word for one in expected for word, *_ in one}
    assert words == {"better", "worse", "same", "no_worthwhile_gain", "undecided", "not_assessable"}
    assert any(negligible for one in expected for _, negligible, _ in one)
    assert any(small for one in expected for *_, small in one)
    assert json.loads(done.stdout) == expected


def test_what_cannot_be_judged_is_withheld_with_what_may_come_of_it() -> None:
    """Too few groups may become enough where no image was tested twice; a member may wait for runs of its look."""
    few = replace(an_estimate(np.random.default_rng(1), 3, 0.0), grouped=Grouped(3, 3.0, 0.4, 1.0), image_floor=None)
    rows = [[Seen(few, "too few groups of images")], [Seen(None, "runs of this look are still missing")]]
    (look,) = looks_seen(rows, Rules(negligible=None, worthwhile=None), (1.0,), last=(3, 1.0))

    assert look.members == (Withheld(may_change=True, waits=False), Withheld(may_change=True, waits=True))


def test_nothing_is_predicted_at_the_last_look_nor_of_claims_nobody_made() -> None:
    """The chance is of looks to come, that of `no worse` of those it was asked of."""
    one = Seen(an_estimate(np.random.default_rng(2), 3, 0.0), "")
    rules = Rules(negligible=None, worthwhile=None, tolerable=0.01)
    first, last = looks_seen([[one, one]], rules, (0.4, 0.6), last=(10, 0.6), asked=[0])
    (unasked,) = looks_seen([[one]], rules, (0.4, 0.6), last=(10, 0.6))

    assert isinstance(first.members[0], MemberSeen)
    assert isinstance(last.members[0], MemberSeen)
    assert isinstance(unasked.members[0], MemberSeen)
    assert first.members[0].chance is not None
    assert first.members[0].chance_no_worse is not None
    assert (last.members[0].chance, last.members[0].chance_no_worse) == (None, None)
    assert unasked.members[0].chance_no_worse is None


def test_a_slider_s_sizes_hold_the_registered_one_as_it_was_stated(tmp_path: Path) -> None:
    """Whatever its decimals; a threshold that nobody stated is none of them."""
    findings = findings_of(a_study(evidence={"negligible": 0.37, "worthwhile": 2.0}), tmp_path)
    data: Any = what_if_json(findings, ENGLISH)

    assert data["negligible"] == pytest.approx(0.0037)
    for name in ("negligible", "worthwhile"):
        sizes = [size for size, _ in data["sizes"][name]]
        assert data[name] in sizes
        assert sizes == sorted(set(sizes))
        assert sizes[0] == 0
    assert all(isfinite(size) for size in sizes)
    unsaid = replace(findings, what_if=None)
    assert what_if_json(unsaid, ENGLISH) is None


def test_every_word_of_a_report_can_be_judged_again(tmp_path: Path) -> None:
    """Each comparison of a family, and the total of a chain, with the word it has."""
    findings = findings_of(a_study(), tmp_path)
    data: Any = what_if_json(findings, ENGLISH)
    told = {
        key: word for family in data["families"] for key, (word, _) in zip(family["keys"], family["words"], strict=True)
    }

    assert {row.compared.key: row.decision.verdict for row in findings.effects}.items() <= told.items()
    assert len(told) == len(findings.effects) + (findings.total is not None)
