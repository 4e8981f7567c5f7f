"""How the error rate is spread over planned looks."""

from __future__ import annotations

import pytest

from ablate.stats.alpha_shares import look_shares


@pytest.mark.parametrize(("looks", "shares"), [([5], (1.0,)), ([5, 10, 20], (0.1, 0.2, 0.7)), ([5, 15], (0.25, 0.75))])
def test_a_look_spends_its_share_of_the_error_rate(looks: list[int], shares: tuple[float, ...]) -> None:
    """All of them together spend it once."""
    assert look_shares(looks) == shares
    assert sum(look_shares(looks)) == pytest.approx(1)
