"""Questions over a folder of articles, answered with verbatim, checkable quotes.

    import qa

    with qa.open("articles/") as corpus:
        answer = corpus.ask("Did China condemn the invasion?")

`import qa` loads nothing else: each name is imported when it is first used.
"""

__all__ = [
    "Answer",
    "Citation",
    "Corpus",
    "DocumentsError",
    "IndexDamagedError",
    "IndexFolderError",
    "IndexLockedError",
    "IndexStaleError",
    "ModelError",
    "QaError",
    "Settings",
    "StorageError",
    "Turn",
    "UnusableError",
    "UsageError",
    "open",
]

# Type checkers know it by its name. Importing `typing` takes 5 ms, before `qa.__main__` can handle Ctrl-C.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from index.errors import (
        DocumentsError,
        IndexDamagedError,
        IndexFolderError,
        IndexLockedError,
        IndexStaleError,
        ModelError,
        QaError,
        StorageError,
        UnusableError,
        UsageError,
    )
    from qa.corpus import Corpus, open  # noqa: A004 - used as qa.open, like gzip.open
    from qa.settings import Settings
    from qa.types import Answer, Citation, Turn
else:
    _HOMES = {"Corpus": "qa.corpus", "open": "qa.corpus", "Settings": "qa.settings"} | dict.fromkeys(
        ("Answer", "Citation", "Turn"), "qa.types"
    )

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'qa' has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(_HOMES.get(name, "index.errors")), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
