"""Where the project is, and where the evaluation sets are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("QA_SHARED", ROOT.parent / "shared"))
"""Evaluation sets and articles that are not part of the project. Tests that need them are skipped if they are
missing."""
