"""Facts on the evidence as a whole, in the unit they are shown in: what looks can see, noise, optimism."""

from __future__ import annotations

from typing import NamedTuple


class VisibleStep(NamedTuple):
    """The smallest true difference a planned look shows in four studies of five, by the noise seen so far."""

    replicates: int
    difference: float | None


class OptimismRow(NamedTuple):
    """Picking the best epoch on test, as the source did, on our own runs; in shown units.

    See `ablate.stats.optimism.Optimism`. lo, hi: of the optimism, None for a single replicate. Verdicts never
    use any of it.
    """

    variant: str
    as_source: float
    honest: float
    optimism: float
    lo: float | None
    hi: float | None
    n_replicates: int
    n_epochs: int


class SelfTestRow(NamedTuple):
    """The baseline against itself, in shown units; see `ablate.stats.selftest.SelfTest`."""

    kappa: float
    spread: float
    correlation: float | None
    false_verdicts: int
    judged: int
