"""The names of before for what `ablate` exports now: kept for trainers that import them from here."""

from __future__ import annotations

import warnings
from typing import Any

from ablate import inspection

_NAMES = {
    "Answer": "ModelAnswer",
    "Embedding": "Embedding",
    "Explained": "Explained",
    "FeatureMaps": "FeatureMaps",
    "Heatmap": "Heatmap",
    "Neighbours": "Neighbours",
    "Picture": "ExplainedImage",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'ablate.explained' has no attribute {name!r}")
    warnings.warn(
        f"ablate.explained.{name} is ablate.{_NAMES[name]} now; import it from ablate", DeprecationWarning, stacklevel=2
    )
    return getattr(inspection, _NAMES[name])
