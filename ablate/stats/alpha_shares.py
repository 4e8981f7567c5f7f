"""How the error rate is spread over planned looks. Standard library only: `plan` needs it, too."""

from __future__ import annotations

from collections.abc import Sequence

ADDED = "replicates added after looking"
"""Why a verdict is void: the reason that results and reports know it by."""


def look_shares(looks: Sequence[int], given: Sequence[float] = ()) -> tuple[float, ...]:
    """The part of alpha that each look may spend: as given, else .2, .3, .5 for three, else by their replicates."""
    if given:
        return tuple(share / sum(given) for share in given)
    if len(looks) == 3:
        return (0.2, 0.3, 0.5)
    return tuple(look / sum(looks) for look in looks)


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
