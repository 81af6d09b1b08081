"""Every action of the app with its key: the one table behind bindings, footer, help, command palette and `[keys]`.

A key is changed in `qa.toml` by the name of its action: `[keys]`, then `articles = "f4"`. If several regions share an
action (such as `down`), the key changes in all of them. A key chosen this way wins over the editing keys of the
question box.
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
    """Textual's names of the keys, separated by commas; empty if only the palette offers the action."""
    action: str
    """What Textual runs."""
    label: str
    """In the footer and the palette; one to three words."""
    description: str
    """What it does, in one clause; in help and palette."""
    footer: bool = False


HELP = Action("help", "f1", "app.help", "Help", "Explain what has the focus, and list its keys", True)

EVERYWHERE = (
    HELP,
    Action("articles", "ctrl+o", "articles", "Articles", "List all articles, and the files that were skipped", True),
    Action(
        "sessions", "ctrl+s", "sessions", "Sessions", "Search, continue, rename or delete saved conversations", True
    ),
    Action("new-session", "ctrl+n", "new_session", "New session", "Start a new conversation"),
    Action("sources", "f2", "sources", "Sources", "Go to the sources, or back to the conversation"),
    Action("problems", "f3", "problems", "Problems", "List errors, and files that are not in the index"),
    Action("refresh", "f5", "refresh_index", "Refresh index", "Look for changed articles and index them now"),
    Action("rebuild", "", "rebuild_index", "Rebuild index", "Build the index from scratch, reusing stored embeddings"),
    Action(
        "export-markdown", "", "export('markdown')", "Export as Markdown", "Save the conversation with its citations"
    ),
    Action("export-json", "", "export('json')", "Export as JSON", "Save the conversation for a program"),
    Action("export-html", "", "export('html')", "Export as HTML", "Save the conversation as one web page"),
    Action("rename", "", "rename_session", "Rename session", "Give this conversation another title"),
)

ASKING = (
    Action("ask", "enter", "submit", "Ask", "Ask the question", True),
    Action("cancel", "escape", "cancel", "Cancel", "Stop the running question, then those that wait", True),
    Action("answers", "escape", "answers", "Answers", "Go to the answers to read, open and copy", True),
    Action("newline", "shift+enter,ctrl+j,alt+enter", "newline", "New line", "Start a new line", True),
    Action(
        "earlier", "ctrl+up", "earlier", "Earlier question", "Recall an earlier question (also: up in the first line)"
    ),
    Action("later", "ctrl+down", "later", "Later question", "Recall a later question (also: down in the last line)"),
    Action("search-questions", "ctrl+r", "search_questions", "History", "Search your earlier questions", True),
)
"""Escape stops a question while one runs or waits; otherwise it goes to the answers."""

MOVING = (
    Action("down", "j,down", "down", "Down", "Go to the next citation, passage or line"),
    Action("up", "k,up", "up", "Up", "Go to the previous citation, passage or line"),
    Action("half-down", "ctrl+d", "half_down", "Half page down", "Scroll down half a page"),
    Action("half-up", "ctrl+u", "half_up", "Half page up", "Scroll up half a page"),
    Action("page-down", "pagedown", "whole_down", "Page down", "Scroll down a page"),
    Action("page-up", "pageup", "whole_up", "Page up", "Scroll up a page"),
    Action("top", "g,home", "top", "Top", "Go to the beginning"),
    Action("bottom", "G,end", "bottom", "Bottom", "Go to the end"),
)

STEPPING = (
    Action("next", "n", "next_place", "Next", "Go to the next citation", True),
    Action("previous", "p", "previous_place", "Previous", "Go to the previous citation", True),
)

READING = (
    Action("open", "enter", "open_place", "Open", "Open the article at the quote", True),
    Action("to-question", "i,escape", "to_question", "Question", "Go back to the question box", True),
    Action("fold", "space", "fold", "Fold", "Show or hide the closest passages", True),
    Action("copy-quote", "y", "screen.copy_quote", "Copy quote", "Copy the quote", True),
    Action(
        "copy-citation",
        "c",
        "screen.copy_citation",
        "Copy citation",
        "Copy the quote and its citation as Markdown",
        True,
    ),
    Action("copy-answer", "Y", "screen.copy_answer", "Copy answer", "Copy the whole answer as Markdown"),
    Action(
        "ask-as-typed", "r", "screen.ask_as_typed", "As typed", "Ask again, without the conversation before it", True
    ),
    Action("edit", "e", "screen.edit_article", "Edit", "Open the article in $EDITOR at the line", True),
    Action("original", "o", "screen.open_original", "Original", "Open the original file in its own program"),
    Action("help-here", "question_mark", "app.help", "Help", "Explain what has the focus, and list its keys"),
)

IN_ARTICLE = (
    Action("find", "slash", "find", "Find", "Search in this article", True),
    Action("next-match", "right_square_bracket", "next_match", "Next match", "Go to the next match", True),
    Action("previous-match", "left_square_bracket", "previous_match", "Previous match", "Go to the previous match"),
    Action("close", "escape,q", "close", "Back", "Go back to where you came from", True),
)

IN_SESSIONS = (
    Action("rename-this", "f2", "rename", "Rename", "Give the session another title", True),
    Action("delete", "f8", "delete", "Delete", "Delete the session", True),
    Action("undo", "ctrl+z", "undo", "Undo", "Restore the session deleted last", True),
)

_BEFORE_EDITING = (*EVERYWHERE, *IN_SESSIONS)

ACTIONS = (*EVERYWHERE, *ASKING, *MOVING, *STEPPING, *READING, *IN_ARTICLE, *IN_SESSIONS)

_BY_NAME = {action.name: action for action in ACTIONS}


def bindings(*actions: Action) -> list[BindingType]:
    """Textual's bindings of these actions, each with the name that `[keys]` uses for it."""
    return [
        Binding(
            action.keys,
            action.action,
            action.label,
            show=action.footer,
            tooltip=action.description,
            id=action.name,
            # Before the editing keys of a box or a line, because a person may have chosen one of those.
            priority=action in _BEFORE_EDITING,
        )
        for action in actions
        if action.keys
    ]


def named(*names: str) -> tuple[Action, ...]:
    """The actions with these names."""
    return tuple(_BY_NAME[name] for name in names)


def first_key(action: Action, usable: Mapping[str, str]) -> str:
    """The key of an action as it is written in a sentence: 'Enter', 'F5', 'ctrl+o'."""
    key = usable.get(action.name, action.keys).split(",")[0].strip()
    character = (find_character(key) or "").strip()
    return character or (key if "+" in key else key.capitalize())


_WHILE_TYPING = (*EVERYWHERE, *ASKING, *IN_SESSIONS)
_SHARED_WITH_ARTICLES = named("copy-quote", "copy-citation", "edit", "original", "help-here")
_REGIONS = (
    (*EVERYWHERE, *ASKING),
    (*EVERYWHERE, *MOVING, *STEPPING, *READING),
    (HELP, *MOVING, *STEPPING, *IN_ARTICLE, *_SHARED_WITH_ARTICLES),
    (HELP, *IN_SESSIONS),
)
"""Actions that can be meant at the same time. Within each region, a key has one meaning."""
_NEVER_AT_ONCE = {"cancel", "answers"}
_MODIFIERS = {"alt", "ctrl", "hyper", "meta", "shift", "super"}
_NAMES = {key.value for key in Keys}
_UNICODE_NAMES = {name: long for long, name in KEY_NAME_REPLACEMENTS.items()}


def check_keys(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Check the keys that a person chose. Refused are: an action that does not exist, a key that does not exist, a key
    that types a character, and a key that another action has in the same place.

    :return: the keys that can be used, and a sentence for each that cannot.
    """
    usable: dict[str, str] = {}
    refusals: list[str] = []
    for name, given in keys.items():
        refusal = _refuse_name(name) or _refuse_key(_BY_NAME[name], given)
        if refusal is None:
            usable[name] = given
        else:
            refusals.append(refusal)
    while (clash := _find_clash(usable)) is not None:
        name, sentence = clash
        del usable[name]
        refusals.append(sentence)
    # If one of several actions with the same key gets another key, Textual takes the old key from all of them.
    if _NEVER_AT_ONCE & set(usable):
        usable |= {name: _BY_NAME[name].keys for name in _NEVER_AT_ONCE - set(usable)}
    return usable, refusals


def _refuse_name(name: str) -> str | None:
    if name in _BY_NAME:
        return None
    near = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "press F1 to see the names."
    return f"[keys] has no action '{safe_line(name)}'; {hint}"


def _refuse_key(action: Action, given: str) -> str | None:
    if not given.strip():
        return f'[keys] {action.name} is empty; write a key such as "f4".'
    for key in _split(given):
        shown = safe_line(key)
        if not _is_key(key):
            return f'[keys] {action.name}: \'{shown}\' is not a key; write it like "f4" or "ctrl+k".'
        if action in _WHILE_TYPING and _is_typed(key):
            return f"[keys] {action.name}: '{shown}' types a character; choose a key with ctrl, or one such as f4."
    return None


def _find_clash(usable: Mapping[str, str]) -> tuple[str, str] | None:
    """An action whose key another action has in the same place, and a sentence that says so."""
    for name, given in usable.items():
        for region in _REGIONS:
            if _BY_NAME[name] not in region:
                continue
            for other in region:
                shared = set(_split(given)) & set(_split(usable.get(other.name, other.keys)))
                if other.name != name and shared and {name, other.name} != _NEVER_AT_ONCE:
                    key = safe_line(min(shared))
                    return name, f"[keys] {name} and {other.name} both use '{key}'; give one of them another key."
    return None


def _split(keys: str) -> list[str]:
    """Each key, by its character if it has one: 'question_mark' and '?' are the same."""
    return [find_character(key.strip()) or key.strip() for key in keys.split(",") if key.strip()]


def _is_key(key: str) -> bool:
    *modifiers, base = key.split("+") if key != "+" else [key]
    return set(modifiers) <= _MODIFIERS and (base in _NAMES or find_character(base) is not None)


def _is_typed(key: str) -> bool:
    character = find_character(key)
    return character is not None and character.isprintable()


def find_character(key: str) -> str | None:
    """The character a key types: '?' for 'question_mark', '/' for 'slash'; None for a key that types nothing."""
    return key_to_character(_UNICODE_NAMES.get(key, key))
