"""Every action of the app with its key: the one table behind bindings, footer, help, command palette and `[keys]`.

A key is changed in `qa.toml` by the action's name: `[keys]` then `articles = "f4"`. An action that several regions
share (such as `down`) is changed for all of them at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from qa.safe_text import safe_line


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
    Action("newline", "shift+enter,ctrl+j,alt+enter", "newline", "New line", "Go on in a new line", True),
    Action("earlier", "ctrl+up", "earlier", "Earlier question", "Take an earlier question (up in the first line)"),
    Action("later", "ctrl+down", "later", "Later question", "Take a later question (down in the last line)"),
    Action("search-questions", "ctrl+r", "search_questions", "History", "Search the questions once typed", True),
    Action("cancel", "escape", "cancel", "Cancel", "Stop the question that runs, then those that wait", True),
)

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
    Action("fold", "space", "fold", "Fold", "Show or hide the closest passages", True),
    Action("copy-quote", "y", "screen.copy_quote", "Copy quote", "Copy the quote", True),
    Action("copy-citation", "c", "screen.copy_citation", "Copy citation", "Copy quote and citation as Markdown", True),
    Action("copy-answer", "Y", "screen.copy_answer", "Copy answer", "Copy the whole answer as Markdown"),
    Action(
        "ask-as-typed", "r", "screen.ask_as_typed", "As typed", "Ask again without the conversation before it", True
    ),
    Action("edit", "e", "screen.edit_article", "Edit", "Open the article in $EDITOR at the line", True),
    Action("original", "o", "screen.open_original", "Original", "Open the original file in its program"),
    Action("to-question", "i,escape", "to_question", "Question", "Back to the question box", True),
    Action("help-here", "question_mark", "app.help", "Help", "Keys and purpose of what has the focus"),
)

IN_ARTICLE = (
    Action("find", "slash", "find", "Find", "Search in this article", True),
    Action("next-match", "right_square_bracket", "next_match", "Next match", "Next place with the words searched for"),
    Action("previous-match", "left_square_bracket", "previous_match", "Previous match", "Previous such place"),
    Action("close", "escape,q", "close", "Back", "Back to where one came from", True),
)

IN_SESSIONS = (
    Action("rename-this", "f2", "rename", "Rename", "Give the session another title", True),
    Action("delete", "f8", "delete", "Delete", "Delete the session", True),
    Action("undo", "ctrl+z", "undo", "Undo", "Take the last deletion back", True),
)

ACTIONS = (*EVERYWHERE, *ASKING, *MOVING, *STEPPING, *READING, *IN_ARTICLE, *IN_SESSIONS)

_BY_NAME = {action.name: action for action in ACTIONS}


def bindings(*actions: Action) -> list[BindingType]:
    """Textual's bindings of these actions, each with the name that `[keys]` knows it by."""
    return [
        Binding(action.keys, action.action, action.label, show=action.footer, tooltip=action.told, id=action.name)
        for action in actions
        if action.keys
    ]


def named(*names: str) -> tuple[Action, ...]:
    """The actions of these names."""
    return tuple(_BY_NAME[name] for name in names)


def check_keys(keys: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The keys that can be used, and a sentence for each that cannot: unknown name, or a key given twice."""
    usable: dict[str, str] = {}
    told: list[str] = []
    for name, key in keys.items():
        if name not in _BY_NAME:
            near = difflib.get_close_matches(name, _BY_NAME, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "F1 shows the names."
            told.append(f"[keys] has no action '{safe_line(name)}'; {hint}")
        elif not key.strip():
            told.append(f'[keys] {name} is empty; name a key such as "f4".')
        elif taken := [other for other, used in usable.items() if used == key]:
            told.append(f"[keys] {name} and {taken[0]} are both '{safe_line(key)}'; give one of them another key.")
        else:
            usable[name] = key
    return usable, told
