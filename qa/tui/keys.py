"""Every action of the app with its key: the one table behind bindings, footer, help, command palette and `[keys]`.

A key is changed in `qa.toml` by the action's name: `[keys]` then `articles = "f4"`. An action that several regions
share (such as `down`) is changed for all of them at once. A key so given wins over the box's own editing keys.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from qa.output.safe_text import safe_line


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do."""

    name: str
    """In `[keys]`; unique."""
    keys: str
    """Textual's names of keys, separated by commas; empty where only the palette offers it."""
    action: str
    """What Textual runs."""
    label: str
    """In the footer and the palette; one to three words."""
    told: str
    """What it does, in one clause; in help and palette."""
    footer: bool = False


HELP = Action("help", "f1", "app.help", "Help", "Keys and purpose of what has the focus", True)

EVERYWHERE = (
    HELP,
    Action("articles", "ctrl+o", "articles", "Articles", "All articles: filter, open, what is skipped and why", True),
    Action("sessions", "ctrl+s", "sessions", "Sessions", "Saved conversations: continue, rename, search, delete", True),
    Action("new-session", "ctrl+n", "new_session", "New session", "Start an empty conversation"),
    Action("sources", "f2", "sources", "Sources", "Go to the sources, or back to the conversation"),
    Action("problems", "f3", "problems", "Problems", "Files that are not in the index, and why"),
    Action("refresh", "f5", "refresh_index", "Refresh index", "Look for changed articles and index them now"),
    Action("rebuild", "", "rebuild_index", "Rebuild index", "Build the index from nothing, with the vectors kept"),
    Action("export-markdown", "", "export('markdown')", "Export as Markdown", "Write it out with its citations"),
    Action("export-json", "", "export('json')", "Export as JSON", "Write it out for a program"),
    Action("export-html", "", "export('html')", "Export as HTML", "Write it out as one page"),
    Action("rename", "", "rename_session", "Rename session", "Give this conversation another title"),
)

ASKING = (
    Action("ask", "enter", "submit", "Ask", "Ask the question", True),
    Action("cancel", "escape", "cancel", "Cancel", "Stop the question that runs, then those that wait", True),
    Action("answers", "escape", "answers", "Answers", "Go to the answers, to read, open and copy", True),
    Action("newline", "shift+enter,ctrl+j,alt+enter", "newline", "New line", "Go on in a new line", True),
    Action("earlier", "ctrl+up", "earlier", "Earlier question", "Take an earlier question (up in the first line)"),
    Action("later", "ctrl+down", "later", "Later question", "Take a later question (down in the last line)"),
    Action("search-questions", "ctrl+r", "search_questions", "History", "Search the questions once typed", True),
)
"""Escape is for stopping while a question runs or waits, and for reading when none does."""

MOVING = (
    Action("down", "j,down", "down", "Down", "Next citation, passage or line"),
    Action("up", "k,up", "up", "Up", "Previous citation, passage or line"),
    Action("half-down", "ctrl+d", "half_down", "Half page down", "Half a page down"),
    Action("half-up", "ctrl+u", "half_up", "Half page up", "Half a page up"),
    Action("page-down", "pagedown", "whole_down", "Page down", "A page down"),
    Action("page-up", "pageup", "whole_up", "Page up", "A page up"),
    Action("top", "g,home", "top", "Top", "To the beginning"),
    Action("bottom", "G,end", "bottom", "Bottom", "To the end"),
)

STEPPING = (
    Action("next", "n", "next_place", "Next", "Next citation", True),
    Action("previous", "p", "previous_place", "Previous", "Previous citation", True),
)

READING = (
    Action("open", "enter", "open_place", "Open", "Open the article at the quote", True),
    Action("to-question", "i,escape", "to_question", "Question", "Back to the question box", True),
    Action("fold", "space", "fold", "Fold", "Show or hide the closest passages", True),
    Action("copy-quote", "y", "screen.copy_quote", "Copy quote", "Copy the quote", True),
    Action("copy-citation", "c", "screen.copy_citation", "Copy citation", "Copy quote and citation as Markdown", True),
    Action("copy-answer", "Y", "screen.copy_answer", "Copy answer", "Copy the whole answer as Markdown"),
    Action(
        "ask-as-typed", "r", "screen.ask_as_typed", "As typed", "Ask again without the conversation before it", True
    ),
    Action("edit", "e", "screen.edit_article", "Edit", "Open the article in $EDITOR at the line", True),
    Action("original", "o", "screen.open_original", "Original", "Open the original file in its program"),
    Action("help-here", "question_mark", "app.help", "Help", "Keys and purpose of what has the focus"),
)

IN_ARTICLE = (
    Action("find", "slash", "find", "Find", "Search in this article", True),
    Action(
        "next-match", "right_square_bracket", "next_match", "Next match", "Next place with the words searched for", True
    ),
    Action("previous-match", "left_square_bracket", "previous_match", "Previous match", "Previous such place"),
    Action("close", "escape,q", "close", "Back", "Back to where one came from", True),
)

IN_SESSIONS = (
    Action("rename-this", "f2", "rename", "Rename", "Give the session another title", True),
    Action("delete", "f8", "delete", "Delete", "Delete the session", True),
    Action("undo", "ctrl+z", "undo", "Undo", "Take the last deletion back", True),
)

_BEFORE_EDITING = (*EVERYWHERE, *IN_SESSIONS)

ACTIONS = (*EVERYWHERE, *ASKING, *MOVING, *STEPPING, *READING, *IN_ARTICLE, *IN_SESSIONS)

_BY_NAME = {action.name: action for action in ACTIONS}


def bindings(*actions: Action) -> list[BindingType]:
    """Textual's bindings of these actions, each with the name that `[keys]` knows it by."""
    return [
        Binding(
            action.keys,
            action.action,
            action.label,
            show=action.footer,
            tooltip=action.told,
            id=action.name,
            # Before the keys by which a box or a line is edited, since a person may have chosen one of those.
            priority=action in _BEFORE_EDITING,
        )
        for action in actions
        if action.keys
    ]


def named(*names: str) -> tuple[Action, ...]:
    """The actions of these names."""
    return tuple(_BY_NAME[name] for name in names)


def first_key(action: Action, usable: Mapping[str, str]) -> str:
    """The key of an action as it is written in a sentence: 'Enter', 'F5', 'ctrl+o'."""
    key = usable.get(action.name, action.keys).split(",")[0].strip()
    character = (find_character(key) or "").strip()
    return character or (key if "+" in key else key.capitalize())


_WHERE_ONE_TYPES = (*EVERYWHERE, *ASKING, *IN_SESSIONS)
_SHARED_WITH_ARTICLES = named("copy-quote", "copy-citation", "edit", "original", "help-here")
_REGIONS = (
    (*EVERYWHERE, *ASKING),
    (*EVERYWHERE, *MOVING, *STEPPING, *READING),
    (HELP, *MOVING, *STEPPING, *IN_ARTICLE, *_SHARED_WITH_ARTICLES),
    (HELP, *IN_SESSIONS),
)
"""Actions that can be meant at the same time: in each, a key has one meaning."""
_NEVER_AT_ONCE = {"cancel", "answers"}
_MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
_NAMES = {key.value for key in Keys}
_UNICODE_NAMES = {name: long for long, name in KEY_NAME_REPLACEMENTS.items()}


def check_keys(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The keys that can be used, and a sentence for each that cannot.

    Refused are an action's name that does not exist, what is no key, a key that would be typed, and one that another
    action has in the same place.
    """
    usable: dict[str, str] = {}
    told: list[str] = []
    for name, given in keys.items():
        refusal = _refuse_name(name) or _refuse_key(_BY_NAME[name], given)
        if refusal is None:
            usable[name] = given
        else:
            told.append(refusal)
    while (clash := _find_clash(usable)) is not None:
        name, sentence = clash
        del usable[name]
        told.append(sentence)
    # Textual takes a key away from all actions that share it when one of them is given another.
    if _NEVER_AT_ONCE & set(usable):
        usable |= {name: _BY_NAME[name].keys for name in _NEVER_AT_ONCE - set(usable)}
    return usable, told


def _refuse_name(name: str) -> str | None:
    if name in _BY_NAME:
        return None
    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "F1 shows the names."
    return f"[keys] has no action '{safe_line(name)}'; {hint}"


def _refuse_key(action: Action, given: str) -> str | None:
    if not given.strip():
        return f'[keys] {action.name} is empty; name a key such as "f4".'
    for key in _split(given):
        shown = safe_line(key)
        if not _is_key(key):
            return f'[keys] {action.name}: \'{shown}\' is not the name of a key; write it like "f4" or "ctrl+k".'
        if action in _WHERE_ONE_TYPES and _is_typed(key):
            return f"[keys] {action.name}: '{shown}' would be typed into the question; choose one with ctrl, or f4."
    return None


def _find_clash(usable: Mapping[str, str]) -> tuple[str, str] | None:
    """An action whose key another one has in the same place, and the sentence that says so."""
    for name, given in usable.items():
        for region in _REGIONS:
            if _BY_NAME[name] not in region:
                continue
            for other in region:
                shared = set(_split(given)) & set(_split(usable.get(other.name, other.keys)))
                if other.name != name and shared and {name, other.name} != _NEVER_AT_ONCE:
                    key = safe_line(min(shared))
                    return name, f"[keys] {name} and {other.name} are both '{key}'; give one of them another key."
    return None


def _split(keys: str) -> list[str]:
    """Each key, by its character where it has one: 'question_mark' and '?' are the same."""
    return [find_character(key.strip()) or key.strip() for key in keys.split(",") if key.strip()]


def _is_key(key: str) -> bool:
    *modifiers, base = key.split("+") if key != "+" else [key]
    return set(modifiers) <= _MODIFIERS and (base in _NAMES or find_character(base) is not None)


def _is_typed(key: str) -> bool:
    character = find_character(key)
    return character is not None and character.isprintable()


def find_character(key: str) -> str | None:
    """What a key types: '?' for 'question_mark', '/' for 'slash'; None for a key that types nothing."""
    return key_to_character(_UNICODE_NAMES.get(key, key))
