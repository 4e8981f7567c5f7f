"""The user's cache folder: what can be found out again on this machine, and takes a while."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """The folder, of this user on this machine; it may not exist yet."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "ablate"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ablate"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ablate"
