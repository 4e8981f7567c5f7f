"""What a study can see: the smallest true difference each planned look shows in four studies of five."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt
from statistics import median

from scipy.special import stdtrit

from ablate.stats.student import Estimate
from ablate.stats.verdict import POWER


def visible_at_looks(
    found: Sequence[Estimate | None], looks: Sequence[int], shares: Sequence[float], *, alpha: float = 0.05
) -> tuple[float | None, ...]:
    """The smallest visible difference at each look, from the noise of comparisons that were made.

    found: the members of one family. The median over them counts, at Holm's first step. Further replicates
    shrink what is not the test images' own; where no image was tested twice yet all of it is taken to shrink,
    so that the figure is a lower bound. Comparisons of single runs, and of runs that do not differ at all,
    say nothing of the noise; None where there are no others.
    """
    known = [
        e for e in found if e is not None and e.n_replicates > 1 and e.standard_error > 0 and isfinite(e.standard_error)
    ]
    if not known:
        return (None,) * len(looks)
    return tuple(
        median(_visible(one, look, alpha * share / len(found)) for one in known)
        for look, share in zip(looks, shares, strict=True)
    )


def _visible(found: Estimate, replicates: int, alpha: float) -> float:
    floor = found.image_floor or 0.0
    shrinking = max(0.0, found.standard_error**2 - floor) * found.n_replicates / replicates
    # Twice the replicates know the noise twice as well, as far as it is the runs' and not the images'.
    df = max(1.0, found.df * (replicates - 1) / (found.n_replicates - 1))
    return -float(stdtrit(df, alpha / 2) + stdtrit(df, 1 - POWER)) * sqrt(floor + shrinking)
