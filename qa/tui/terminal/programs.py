"""The only place that names other programs: the editor, and what opens an original. Never through a shell."""

from __future__ import annotations

import codecs
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath

from index.errors import UsageError

_TAKE_PLUS_LINE = {"vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "joe", "jed", "mg", "kak", "ne", "ed"}
_TAKE_PATH_COLON_LINE = {"hx", "helix", "subl", "zed"}
_TAKE_GOTO = {"code", "codium", "cursor"}
_MOST_READ = 20_000_000  # bytes
_HEAD = 1024
_WORDS_LOOKED_FOR = 6


def build_editor_command(path: Path, line: int, environment: Mapping[str, str] | None = None) -> list[str]:
    """The command that opens `path` at `line` (1-based) in $VISUAL or $EDITOR, as a list. An editor that is not known
    to accept a line gets only the file.

    :raises UsageError: if no editor is named or the name cannot be read.
    """
    environment = os.environ if environment is None else environment
    named = environment.get("VISUAL") or environment.get("EDITOR")
    if not named or not named.strip():
        raise UsageError("no editor is set; set the variable EDITOR, for example to nano.")
    try:
        command = shlex.split(named)
    except ValueError as error:
        raise UsageError(f"EDITOR cannot be read ({error}); set it to the name of a program.") from error
    # A name that begins with '-' would be read as an option; an absolute path never begins with it.
    target = str(path.absolute())
    return command + _at_line(PurePath(command[0]).stem.lower(), target, line)


def _at_line(program: str, target: str, line: int) -> list[str]:
    if program in _TAKE_PLUS_LINE:
        return [f"+{line}", target]
    if program in _TAKE_PATH_COLON_LINE:
        return [f"{target}:{line}"]
    if program in _TAKE_GOTO:
        return ["--goto", f"{target}:{line}"]
    return [target]


def find_line(path: Path, line: int, words: str) -> int:
    """The line (1-based) of the file itself at which `words` begin. It differs from the line in the article's text if
    the text was extracted (HTML) or the file was changed since.

    :param line: of the article's text; returned if the file cannot be read.
    :raises UsageError: if the file is not text.
    """
    try:
        data = path.read_bytes()[:_MOST_READ]
    except OSError:
        return line
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return line
    if b"\0" in data[:_HEAD] or data.startswith((b"%PDF-", b"PK\3\4")):
        raise UsageError(f"{path.name} is not a text file; press o to open it in its own program.")
    text = data.decode("utf-8", "replace")
    first = words.split("\n", 1)[0].strip()
    lines = text.split("\n")
    if line <= len(lines) and first in lines[line - 1]:
        return line
    # Two words of a page may be separated by a line end or a tag.
    pattern = r"(?:\s|<[^<>]*>)+".join(map(re.escape, words.split()[:_WORDS_LOOKED_FOR]))
    found = re.search(pattern, text) if pattern else None
    return text.count("\n", 0, found.start()) + 1 if found is not None else min(line, len(lines))


def is_graphical_editor(command: list[str]) -> bool:
    """True for an editor with its own window, which does not need the terminal."""
    return PurePath(command[0]).stem.lower() in _TAKE_GOTO | {"subl", "zed", "gedit", "kate"}


def build_opener_command(path: Path) -> list[str]:
    """The command that opens a file in its own program.

    :raises UsageError: if this system has none.
    """
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    if shutil.which(opener) is None:
        raise UsageError(f"{opener} is not installed, so {path} cannot be opened; press e to use the editor instead.")
    return [opener, str(path.absolute())]
