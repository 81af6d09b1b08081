"""Where settings come from: options, then QA_* variables, then `qa.toml`, then the defaults. Owns all their names.

Options are those of the command line or the arguments of `qa.open`. `qa.toml` is data: unknown keys and wrong types are
refused with the key's name, and nothing in it is run or fetched.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from index.errors import DocumentsError, UsageError

SETTINGS_FILE = "qa.toml"
DEFAULT_DOCS = "docs_src"
_ENVIRONMENT_PREFIX = "QA_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can choose. tests/benchmarks/DECISIONS.md says why the defaults are what they are."""

    docs: Path = Path(DEFAULT_DOCS)
    """The documents folder, absolute."""
    model: str | None = None
    """Name or folder of a Sentence Transformers model; None is the model that comes with the install."""
    reranker: str | None = None
    """Name or folder of a cross-encoder, or 'none'; None is the one that comes with the install."""
    passages: int = 5
    """Number of the closest passages that an answer lists, 1..100."""
    threshold: float | None = None
    """Confidence from which an answer is given, 0..1; None is the calibrated default."""
    refresh: bool = True
    """False answers from the index as it is, and reports what is stale."""
    theme: str | None = None
    """Theme of the app; None is the one chosen last."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys of the app, by action."""


_KINDS: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "docs": (str, "text in quotation marks"),
    "model": (str, "text in quotation marks"),
    "reranker": (str, "text in quotation marks"),
    "passages": (int, "a whole number"),
    "threshold": ((int, float), "a number"),
    "refresh": (bool, "true or false"),
    "theme": (str, "text in quotation marks"),
    "keys": (dict, "a table, [keys]"),
}
"""The type of each setting, and the type in words."""

_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})


def load_settings(
    options: Mapping[str, Any], environment: Mapping[str, str] | None = None, start: Path | None = None
) -> Settings:
    """Settings from all four sources.

    :param options: the values that were chosen, by name; None if one was not.
    :param environment: the variables; those of this process unless given.
    :param start: the folder from which `qa.toml` and the documents folder are looked for, going up; the working
        directory unless given.
    :raises UsageError: if a value makes no sense.
    :raises DocumentsError: if there is no documents folder.
    """
    environment = os.environ if environment is None else environment
    start = _find_start() if start is None else start
    found = find_settings_file(start)
    values: dict[str, Any] = {}
    if found is not None:
        values |= _load_file(found)
    values |= _read_environment(environment)
    chosen = {name: value for name, value in options.items() if value is not None}
    for name, value in chosen.items():
        _check_type(name, value, "")
    _check_ranges(chosen, "")
    values |= chosen
    values["docs"] = _resolve_docs(values.get("docs"), start)
    return Settings(**values)


def build_options(settings: Settings, *names: str) -> list[str]:
    """The command-line options that give another `qa` process the folder and the named settings that were chosen."""
    options = ["--docs", str(settings.docs)]
    for name in names:
        if (value := getattr(settings, name)) is not None:
            options += [f"--{name}", str(value)]
    return options


def find_settings_file(start: Path) -> Path | None:
    """The nearest `qa.toml` going up; the search ends at a folder that has a `docs_src/`."""
    for folder in (start, *start.parents):
        if _is_there((folder / SETTINGS_FILE).is_file):
            return folder / SETTINGS_FILE
        if _is_there((folder / DEFAULT_DOCS).is_dir):
            return None
    return None


def _is_there(look: Callable[[], bool]) -> bool:
    """False also without the permission to look: the parents of the working directory may be closed."""
    try:
        return look()
    except PermissionError:
        return False


def _find_start() -> Path:
    """The working directory.

    :raises UsageError: if it was deleted.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            "the folder that this was started in is gone; change to another and start it again."
        ) from error


def _resolve_docs(named: Any, start: Path) -> Path:
    """The documents folder: the one named, otherwise the nearest `docs_src/` going up.

    :raises DocumentsError: if none is named or found.
    """
    if named is not None:
        return _resolve_named(start, str(named))
    for folder in (start, *start.parents):
        if _is_there((folder / DEFAULT_DOCS).is_dir):
            return folder / DEFAULT_DOCS
    raise DocumentsError(
        f"no documents folder: there is no {DEFAULT_DOCS}/ or {SETTINGS_FILE} in {start} or above it; "
        "name one with --docs DIR."
    )


def _resolve_named(start: Path, named: str) -> Path:
    """Resolve a path that was named with an option or a variable.

    :raises DocumentsError: if it is a file.
    """
    path = _resolve(start, named)
    if _is_there(path.is_file):
        import shlex

        raise DocumentsError(
            f"{path} is a file, not a folder of articles; pass its folder: --docs {shlex.quote(str(path.parent))}"
        )
    return path


def _resolve(start: Path, named: str) -> Path:
    """An absolute path.

    :raises UsageError: if no path can have that name: it is empty, holds a NUL, or names the home folder of nobody.
    """
    if not named:
        raise UsageError("the path of the documents folder is empty; name a folder with --docs DIR.")
    try:
        return (start / Path(named).expanduser()).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise UsageError(
            f"{named!r} cannot be the path of a folder ({error}); name another with --docs DIR."
        ) from error


def _load_file(path: Path) -> dict[str, Any]:
    """:raises UsageError: if the file cannot be read, is no TOML, or has an unknown name or a wrong value."""
    # tomllib takes 6 ms and is needed only if there is a settings file.
    import tomllib

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML ({error}); correct it or remove it.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); make it readable or remove it.") from error
    for name, value in values.items():
        _check_known(name, str(path))
        _check_type(name, value, f"{path}: ")
    _check_ranges(values, f"{path}: ")
    if "docs" in values:
        values["docs"] = _resolve(path.parent, values["docs"])
    if "keys" in values and not all(isinstance(key, str) for key in values["keys"].values()):
        raise UsageError(f'{path}: in [keys] each action needs one key as text, such as "ctrl+o".')
    return values


def _check_known(name: str, where: str) -> None:
    """:raises UsageError: if there is no such setting; the message names one with a similar name."""
    known = [item.name for item in fields(Settings)]
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}."
    raise UsageError(f"{where}: there is no setting '{name}'; {hint}")


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """:raises UsageError: if a variable has a wrong value."""
    values: dict[str, Any] = {}
    for name in ("docs", "model", "reranker", "theme"):
        if text := environment.get(_ENVIRONMENT_PREFIX + name.upper()):
            values[name] = text
    for name, convert in (("passages", int), ("threshold", float)):
        if text := environment.get(_ENVIRONMENT_PREFIX + name.upper()):
            values[name] = _converted(name, text, convert)
            _check_ranges({name: values[name]}, f"{_ENVIRONMENT_PREFIX}{name.upper()}: ")
    if text := environment.get("QA_REFRESH"):
        if text.lower() not in _TRUE | _FALSE:
            raise UsageError(f"QA_REFRESH={text!r} is neither yes nor no; set it to 1 or 0, or unset it.")
        values["refresh"] = text.lower() in _TRUE
    return values


def _converted(name: str, text: str, convert: type[int] | type[float]) -> int | float:
    try:
        return convert(text)
    except ValueError as error:
        raise UsageError(
            f"{_ENVIRONMENT_PREFIX}{name.upper()}={text!r} is not a number; set one or unset it."
        ) from error


def _check_type(name: str, value: Any, where: str) -> None:
    """Refuse a value of another type.

    :param where: the file that the value comes from, with a colon; empty for an option.
    :raises UsageError: if the type is wrong.
    """
    expected, words = _KINDS[name]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise UsageError(f"{where}the value of '{name}' has the wrong type; write {words}.")


def _check_ranges(values: Mapping[str, Any], where: str) -> None:
    """Refuse numbers that make no sense.

    :param where: the file or the variable that the values come from, with a colon; empty for an option.
    :raises UsageError: if a number is out of range.
    """
    passages = values.get("passages")
    if passages is not None and not 1 <= passages <= 100:
        raise UsageError(f"{where}{passages} passages cannot be shown; choose a number from 1 to 100.")
    threshold = values.get("threshold")
    if threshold is not None and not 0.0 <= threshold <= 1.0:
        raise UsageError(f"{where}a threshold of {threshold} has no meaning; choose a number from 0 to 1.")
