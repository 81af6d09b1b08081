"""Two small articles that many tests ask about."""

from __future__ import annotations

from pathlib import Path

TRADE = """\
Beijing weighs its trade with Moscow

9 March 2022

China's trade with Russia grew to $146.9 billion in 2021. That is less than a tenth of its trade with the West.

The foreign ministry's spokesman, Zhao Lijian, announced aid worth 5 million yuan for Ukraine. It consists of daily
necessities.

China has not condemned the invasion. It has asked both sides to talk.

Leave a Reply
"""


HARBOUR = """\
# The harbour of Lindau

## Building

The lighthouse of Lindau was finished in 1856 and is 33 metres high. Its clock was added a year later.

## Use

Three things are forbidden in the harbour:

1. Swimming between the two piers, where the ferries turn.
2. Anchoring in front of the railway station for more than an hour.
"""


def write_articles(folder: Path) -> Path:
    """Writes two small articles, one in plain text and one in Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trade.txt").write_text(TRADE, encoding="utf-8")
    (folder / "harbour.md").write_text(HARBOUR, encoding="utf-8")
    return folder
