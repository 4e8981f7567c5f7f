"""What `ablate deploy` claims of a smaller network, measured: how often a loss of just the margin passes, or is shown.

`python -m tests.calibration.test_deployed` prints the table of docs/adr/0050.
"""

from __future__ import annotations

import numpy as np
import pytest

from ablate.workflows.deploy.judge import judge_rows

MARGIN, ALPHA = 0.01, 0.05
STUDIES = 1000
SHARES = {"losses alone": 0.0, "few gains": 0.002, "more gains": 0.02, "many": 0.05}
"""How often an answer turns right; it turns wrong so often and one point more."""


def claims(
    rng: np.random.Generator,
    *,
    images: int,
    gains: float,
    replicates: int,
    shared: bool,
    luck: float = 0.0,
    group: int = 1,
    lost: str = "one by one",
) -> str:
    """The word for a file that is worse by the margin. shared: every replicate's loses the same images.

    luck: standard deviation of a run's own true loss, in points. group: images of one. lost: `one by one`, or `whole
    groups`, all right answers of a group at once; answers turn right one by one.
    """
    groups = np.arange(images) // group
    right = rng.random((1 if shared else replicates, images)) < 0.9
    first, other = [], []
    fate = rng.random(images)
    for r in range(replicates):
        drawn = fate if shared else rng.random(images)
        before = right[0 if shared else r]
        loss = max(0.0, MARGIN + gains + rng.normal(0, luck / 100))
        by_loss = rng.random(images)[groups] if lost == "whole groups" else drawn
        turned_wrong, turned_right = by_loss < loss / 0.9, drawn < gains / 0.1
        after = np.where(before, ~turned_wrong, turned_right)
        first.append(before.astype(np.int64))
        other.append(after.astype(np.int64))
    which = [groups] * replicates if group > 1 else None
    (found,) = judge_rows([first, other], [np.arange(images)] * replicates, which, tolerable=MARGIN, alpha=ALPHA)
    return found.word


def rates(studies: int = STUDIES, **setting: object) -> tuple[float, float]:
    """Shares of files, worse by the margin, that are called non-inferior and inferior."""
    rng = np.random.default_rng(7)
    words = [claims(rng, **setting) for _ in range(studies)]  # type: ignore[arg-type]
    return words.count("non_inferior") / studies, words.count("inferior") / studies


@pytest.mark.slow
@pytest.mark.parametrize("gains", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize("images", [500, 2000])
def test_one_file_that_is_worse_by_the_margin_passes_in_five_percent(images: int, gains: float) -> None:
    """On new images; nor is it called inferior more often."""
    passed, shown = rates(images=images, gains=gains, replicates=1, shared=True)
    assert passed <= 0.07
    assert shown <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False], ids=["the same images", "others each"])
@pytest.mark.parametrize(("gains", "luck"), [(0.0, 0.0), (0.002, 0.0), (0.02, 0.5)])
def test_five_replicates_that_are_worse_by_the_margin_pass_in_five_percent(
    gains: float,
    luck: float,
    shared: bool,  # noqa: FBT001 - pytest's
) -> None:
    """Whether the runs lose the same images or others, with and without luck of their own."""
    passed, shown = rates(images=500, gains=gains, replicates=5, shared=shared, luck=luck)
    assert passed <= 0.07
    assert shown <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["one by one", "whole groups"])
@pytest.mark.parametrize("gains", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize("group", [5, 20])
def test_a_file_that_is_worse_by_the_margin_on_groups_passes_in_five_percent(
    group: int, gains: float, lost: str
) -> None:
    """Whether single images are lost or all of a group; of 100 groups a few whole ones say little, and 8 % pass."""
    passed, shown = rates(images=2000, gains=gains, replicates=1, shared=True, group=group, lost=lost)
    assert passed <= (0.1 if group == 20 and lost == "whole groups" else 0.07)
    assert shown <= 0.07


def table() -> str:
    """Rates at the margin, for the decision record."""
    lines = ["| images | replicates | answers that turn right | non_inferior | inferior |", "|---|---|---|---|---|"]
    for images, replicates, shared in ((500, 1, True), (2000, 1, True), (500, 5, True), (500, 5, False)):
        which = "" if replicates == 1 else ", the same images" if shared else ", others each"
        for gains in SHARES.values():
            passed, shown = rates(images=images, gains=gains, replicates=replicates, shared=shared)
            lines.append(f"| {images} | {replicates}{which} | {100 * gains:g} % | {passed:.3f} | {shown:.3f} |")
    for group in (5, 20):
        for lost in ("one by one", "whole groups"):
            for gains in SHARES.values():
                passed, shown = rates(images=2000, gains=gains, replicates=1, shared=True, group=group, lost=lost)
                which = f"1, groups of {group}, lost {lost}"
                lines.append(f"| 2000 | {which} | {100 * gains:g} % | {passed:.3f} | {shown:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201
