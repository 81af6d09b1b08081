"""Where what can be made again is kept: optimised model files, checked sums, indexes beside read-only folders."""

from __future__ import annotations

import os
from pathlib import Path


def find_cache_folder() -> Path:
    """The folder for what can be made again: `QA_CACHE_DIR`, else the user's cache folder; it need not exist."""
    named = os.environ.get("QA_CACHE_DIR")
    if named:
        return Path(named)
    from platformdirs import user_cache_path  # 2 ms

    return user_cache_path("qa")
