"""Which actions the command palette offers on which screen."""

from __future__ import annotations

from textual.dom import DOMNode
from textual.screen import Screen

from qa.tui.keys import (
    ASKING,
    EVERYWHERE,
    HELP,
    IN_ARTICLE,
    IN_SESSIONS,
    MOVING,
    READING,
    STEPPING,
    Action,
    named,
)
from qa.tui.screens.article import ArticleScreen
from qa.tui.screens.conversation import ConversationScreen
from qa.tui.screens.sessions import SessionsScreen
from qa.tui.widgets.article_text import ArticleText


def actions_of(screen: Screen[object]) -> list[tuple[Action, DOMNode]]:
    """The actions of a screen, the most likely first, each with the node that runs it."""
    if isinstance(screen, ArticleScreen):
        shared = named("next", "previous", "copy-quote", "copy-citation", "edit", "original", "help")
        text = screen.query_one(ArticleText)
        return [*((action, screen) for action in (*IN_ARTICLE, *shared)), *((action, text) for action in MOVING)]
    if isinstance(screen, SessionsScreen):
        return [(action, screen) for action in (*IN_SESSIONS, HELP)]
    if not isinstance(screen, ConversationScreen):
        return [(HELP, screen)]
    reading = [action for action in READING if action.name != "help-here"]
    return [
        *((action, screen) for action in EVERYWHERE),
        *((action, screen.conversation) for action in reading),
        *((action, screen.box) for action in ASKING),
        *((action, screen.conversation) for action in (*STEPPING, *MOVING)),
    ]
