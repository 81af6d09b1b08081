"""Every error a user can meet, as one tree. Each message is one sentence that names the thing and the next step.

QaError
├── UsageError                 wrong usage; exit code 2
└── UnusableError              documents or index cannot be used; exit code 3
    ├── DocumentsError         no folder, nothing in it, not readable
    │   └── UnreadableFileError  one file; reported as skipped, never stops the others
    ├── ModelError             files missing, damaged, unknown name
    └── IndexFolderError       the index folder
        ├── IndexDamagedError  checksums or database do not hold
        ├── IndexStaleError    articles changed and a refresh was not allowed
        ├── IndexLockedError   another process is writing
        └── StorageError       disk full, read-only, I/O error
"""

from __future__ import annotations


class NotWantedError(Exception):
    """Stops work whose result is no longer wanted. No user ever sees it, so it is not a QaError."""


class QaError(Exception):
    """Base of all errors that are reported to the user as one sentence, without a traceback."""


class UsageError(QaError):
    """The request makes no sense: an empty question, an option out of range."""


class UnusableError(QaError):
    """Documents, models or index cannot be used as they are."""


class DocumentsError(UnusableError):
    """The documents folder is missing, empty or not readable."""


class UnreadableFileError(DocumentsError):
    """One file cannot be read. Its message is a clause without a full stop, fit for `Skipped.reason`."""


class ModelError(UnusableError):
    """A model's files are missing or damaged, or its name is not known."""


class IndexFolderError(UnusableError):
    """The index folder cannot be used."""


class IndexDamagedError(IndexFolderError):
    """The index folder's contents are inconsistent, or were not written by this program."""


class IndexStaleError(IndexFolderError):
    """Articles changed since the index was built, and a refresh was not allowed."""


class IndexLockedError(IndexFolderError):
    """Another process is writing the index."""


class StorageError(IndexFolderError):
    """The system refused to write: no space, no permission, an I/O error."""
