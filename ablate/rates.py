"""Which metrics are shares, stored from 0 to 1 and shown in percent. Standard library only."""

from __future__ import annotations

import re

_RATE = re.compile(
    r"accuracy|(^|_)acc(_|$)|^(f1|precision|recall|sensitivity|specificity|auc|auroc|error_rate|top_?\d+)(_|$)|_f1$"
)


def is_rate(name: str) -> bool:
    """Whether a metric is stored as a share and shown in percent; told by its name, whatever part it is of."""
    return _RATE.search(name.rpartition("/")[2]) is not None


def no_fraction(name: str, value: float) -> bool:
    """Whether a number cannot be what a metric of this name is: a rate outside 0 to 1."""
    return is_rate(name) and not 0 <= value <= 1
