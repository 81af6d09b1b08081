"""Finds the folder for everything that can be made again: optimised model files, checked sums, indexes of documents
folders that cannot be written."""

from __future__ import annotations

import os
from pathlib import Path


def find_cache_folder() -> Path:
    """`QA_CACHE_DIR` if it is set, else the user's cache folder. It may not exist yet."""
    named = os.environ.get("QA_CACHE_DIR")
    if named:
        return Path(named)
    from platformdirs import user_cache_path  # 2 ms

    return user_cache_path("qa")
