"""Owns which elements of an HTML page are boilerplate: by tag and role, and by the names that sites and their tools
give to comments, cookie notices, lists of other articles and share buttons. Hidden elements are boilerplate too.

A name counts as a whole: `class="comments-area"` is boilerplate, `class="cookie recipe"` is not. An element that holds
a heading of the first level, or the article itself, stays whatever its name is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from selectolax.lexbor import LexborHTMLParser, LexborNode

_TAGS_AND_ROLES = (
    "script, style, noscript, template, svg, math, canvas, iframe, object, nav, aside, footer, form, button, select, "
    "textarea, dialog, audio, video, map, [hidden], [aria-hidden=true], [role=navigation], [role=banner], "
    "[role=contentinfo], [role=search], [role=complementary], [role=dialog]"
)
_ARTICLE = "h1, article, main, [role=main], [itemprop=articleBody]"
_NAMES = re.compile(
    r"""
    (?:wp-|post-|entry-|article-|page-|block-)?comments(?:[-_](?:area|list|section|wrapper|container|title|form))?
    | comment[-_](?:area|list|section|respond|form|reply|body|content|wrapper|container) | disqus[-_]thread | respond
    | (?:cookies?|gdpr|ccpa)(?:[-_]?(?:law|info|banner|bar|notice|consent|popup|modal|overlay|message|prompt|box))+
    | consent[-_](?:banner|bar|notice|popup|modal|overlay|prompt) | onetrust-.* | (?:cybot)?cookiebot.*
    | (?:post-|article-|entry-)?(?:share|sharing|social)(?:[-_](?:buttons?|links?|icons?|bar|tools?|widget|list|share))+
    | sharedaddy | addtoany.* | jp-relatedposts | you-may-also-like
    | (?:related|recommended|popular|latest|trending|recent)[-_](?:posts?|articles?|stories|content|news|entries)
        (?:[-_].*)?
    | (?:newsletter|subscribe|subscription)[-_](?:sign-?up|form|box|banner|prompt|widget|promo|cta) | paywall
    | breadcrumbs? | sidebar | widget-area | skip-link | screen-reader-text | sr-only | visually-hidden | pagination
    | (?:post|page|site|main)-navigation | site-(?:header|footer) | advert(?:isement)?s? | ad-(?:slot|container|banner)
    | mw-editsection | mw-jump-link | navbox(?:-.*)? | catlinks | (?:vector-)?toc
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_MOST = 0.9
"""Largest share of the body's text that boilerplate may have. An element with more is the content of the page, such as
a discussion."""


def remove_boilerplate(tree: LexborHTMLParser) -> None:
    """Removes the boilerplate from `tree`."""
    _remove(tree.css(_TAGS_AND_ROLES))
    body = tree.body
    if body is not None:
        most = _MOST * len(body.text())
        _remove(node for node in tree.css("[class], [id], [style]") if _is_around(node) and not _is_article(node, most))
    # The mark of a note would join the number before it: 1991 with note 2 is not 19912.
    _remove(mark for mark in tree.css("sup") if any("#" in (a.attributes.get("href") or "") for a in mark.css("a")))


def _remove(nodes: Iterable[LexborNode]) -> None:
    """Removes inner elements first, because an element is destroyed with its content and must not be destroyed
    twice."""
    for node in reversed({node.mem_id: node for node in nodes}.values()):
        node.decompose()


def _is_around(node: LexborNode) -> bool:
    attributes = node.attributes
    if _HIDDEN.search(attributes.get("style") or ""):
        return True
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}".split()
    return any(_NAMES.fullmatch(name) for name in names)


def _is_article(node: LexborNode, most: float) -> bool:
    return node.tag in ("html", "body") or node.css_first(_ARTICLE) is not None or len(node.text()) > most
