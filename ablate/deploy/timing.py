"""Latencies of several networks, taken in turns so that none has the quiet hour of a machine to itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ablate.deploy.records import Timing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CALLS, SECONDS = 200, 5.0
"""A network is timed for as many calls, or for as long, whichever comes first."""
LEAST_CALLS, LEAST_BATCHES = 20, 5
"""But for no fewer, however long they take: of one image, and of more."""
TURN_CALLS, TURN_SECONDS = 10, 0.5
"""Calls of one turn, fewer where they take longer; each turn begins with one that is not counted."""

WARM_UP_CALLS, WARM_UP_SECONDS = 10, 1.0
"""Before the first turn, not counted."""


class Timed(Protocol):
    """What can be timed."""

    def seconds(self, batch: NDArray[np.float32], calls: int, *, at_most: float) -> list[float]:
        """Of single calls."""
        ...


def time_in_turns(
    networks: Sequence[Timed], batches: Sequence[NDArray[np.float32]], rng: np.random.Generator
) -> list[Timing]:
    """A timing of each network on its batch; the order of the turns is drawn anew each round."""
    taken: list[list[float]] = [[] for _ in networks]
    spent = [0.0] * len(networks)
    for network, batch in zip(networks, batches, strict=True):
        network.seconds(batch, WARM_UP_CALLS, at_most=WARM_UP_SECONDS)
    least = [LEAST_CALLS if len(batch) == 1 else LEAST_BATCHES for batch in batches]
    while waiting := [
        i for i, one in enumerate(taken) if len(one) < CALLS and (spent[i] < SECONDS or len(one) < least[i])
    ]:
        for i in rng.permutation(waiting).tolist():
            started = time.perf_counter()
            calls = min(TURN_CALLS, CALLS - len(taken[i]))
            taken[i] += networks[i].seconds(batches[i], calls, at_most=TURN_SECONDS)
            spent[i] += time.perf_counter() - started
    return [timing_of(one, len(batch)) for one, batch in zip(taken, batches, strict=True)]


def timing_of(seconds: Sequence[float], batch: int) -> Timing:
    """Median and 95th percentile, by the smallest of the values below which so many lie: no average of two calls."""
    import numpy as np

    p50, p95 = np.quantile(np.asarray(seconds), [0.5, 0.95], method="inverted_cdf").tolist()
    return Timing(batch=batch, calls=len(seconds), p50=p50, p95=p95)
