"""How the error rate is spread over planned looks. Standard library only: `plan` needs it, too."""

from __future__ import annotations

from collections.abc import Sequence

ADDED = "replicates added after looking"
"""Why a verdict is void: the reason that results and reports know it by."""

OF_THREE = (0.1, 0.2, 0.7)
"""What each of three looks may spend; chosen by simulation, see docs/statistics.md."""
FORMER_OF_THREE = ((0.2, 0.3, 0.5),)
"""What they spent by default in earlier versions (methods 1 and 2)."""


def look_shares(looks: Sequence[int], given: Sequence[float] = ()) -> tuple[float, ...]:
    """The part of alpha that each look may spend: as given, else .1, .2, .7 for three, else by their replicates."""
    if given:
        return tuple(share / sum(given) for share in given)
    if len(looks) == 3:
        return OF_THREE
    return tuple(look / sum(looks) for look in looks)


def were_default(looks: Sequence[int], shares: Sequence[float]) -> bool:
    """Whether an earlier version spent so where a study said nothing."""
    return len(looks) == 3 and tuple(shares) in FORMER_OF_THREE


def looks_at_close(
    looks: Sequence[int], shares: Sequence[float], replicates: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The looks, with their shares, of a study that is closed after so many replicates, at a time no result chose.

    Those planned before are kept; a last one, there, may spend all the error that they leave. Valid by Bonferroni's
    bound over looks, as the planned ones are.
    """
    earlier = tuple(look for look in looks if look < replicates)
    spent = tuple(shares[: len(earlier)])
    return (*earlier, replicates), (*spent, 1 - sum(spent))
