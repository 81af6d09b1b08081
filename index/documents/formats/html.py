"""HTML: the words of the article without the page around it. Runs in a child process.

The article is the content of <article> or <main>, or else the body without navigation, forms and lines of links.
Scripts are not run and nothing is fetched.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from index.documents.formats.assembly import Assembly
from index.documents.formats.decoding import decode
from index.documents.formats.html_boilerplate import remove_boilerplate
from index.text.titles import clean_title
from index.types import Document

DECLARED = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE
)

MAIN = ("article", "main", "[role=main]", "[itemprop=articleBody]")
LEAST_SHARE = 0.3
"""Share of the body's text that an element must hold to be the article."""

TITLE = ("meta[property='og:title']", "meta[name='twitter:title']", "h1", "title")
DATE = (
    "meta[property='article:published_time']",
    "meta[itemprop=datePublished]",
    "[itemprop=datePublished]",
    "meta[name=date]",
    "meta[name='dc.date']",
    "time[datetime]",
)
SITE_NAME = re.compile(r"\s+[|–—·-]\s+[^|–—]{1,40}\Z")

HEADINGS = {f"h{level}": level for level in range(1, 7)}
INLINE = frozenset(
    "-text a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark output q rp rt ruby s "
    "samp small span strike strong sub sup time tt u var wbr".split()
)
TABLE_PARTS = frozenset("table thead tbody tfoot tr td th caption colgroup col".split())
MAX_CELL = 300
"""Characters; a table with a longer cell, or with a heading or a table in a cell, only lays out the page."""
DEEPEST = 20
"""Number of lists and tables around a table from which the table is not examined, because each examination costs as
much as its whole content."""
UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
"""Invisible characters that allow or forbid a line break inside a word. A search would take a word with one of these
for another word."""
RAISED = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
MAX_LINKED = 0.6
"""Share of links above which a line is navigation, if no element marks the article."""


def extract(name: str, data: bytes) -> Document:
    """Makes a Document of a page, decoded as the page declares if that fits.

    :param name: the path of the file, relative to the documents folder.
    :raises UnreadableFileError: if the bytes are not text.
    """
    tree = LexborHTMLParser(_decode(data))
    title, date = _title(tree), _stated(tree, DATE)
    remove_boilerplate(tree)
    root, is_article = _article(tree)
    assembly = Assembly()
    if root is not None:
        _Walk(assembly, keep_links=is_article).walk(root)
    return assembly.document(name, title, date)


def _decode(data: bytes) -> str:
    declared = DECLARED.search(data, 0, 4096)
    if declared and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            # Like browsers, take Latin-1 to mean the western encoding of Windows.
            name = declared[1].decode("ascii").lower()
            return data.decode({"iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252"}.get(name, name))
        except (LookupError, UnicodeDecodeError):
            return decode(data)[0]  # the declaration is wrong, so the bytes decide
    return decode(data)[0]


def _title(tree: LexborHTMLParser) -> str:
    stated = _stated(tree, TITLE)
    heading = tree.css_first("h1")
    words = clean_title(heading.text()) if heading is not None else ""
    if words and stated.startswith(words):
        return words
    return SITE_NAME.sub("", stated) or stated


def _stated(tree: LexborHTMLParser, selectors: tuple[str, ...]) -> str:
    """The words of the first element that a selector finds and that is not empty; '' if there is none."""
    for selector in selectors:
        node = tree.css_first(selector)
        if node is not None:
            attributes = node.attributes
            words = attributes.get("content") or attributes.get("datetime") or node.text()
            if words and words.strip():
                return " ".join(words.split())
    return ""


def _article(tree: LexborHTMLParser) -> tuple[LexborNode | None, bool]:
    """The element that holds the article, and True if the page marks it as the article."""
    body = tree.body
    if body is None:
        return None, False
    whole = len(body.text())
    for selector in MAIN:
        nodes = tree.css(selector)
        largest = max(nodes, key=lambda node: len(node.text()), default=None)
        if largest is not None and len(largest.text()) > LEAST_SHARE * whole:
            return largest, True
    return body, False


class _Walk:
    """Walks through an element without recursion, because a hostile page nests deeper than Python can call."""

    def __init__(self, assembly: Assembly, *, keep_links: bool) -> None:
        self.assembly = assembly
        self.keep_links = keep_links
        self.words: list[str] = []
        self.linked = 0
        self.in_link = 0
        self.in_pre = 0
        self.in_sup = 0
        self.in_data = 0
        self.lists: list[tuple[str, int, bool]] = []
        """(tag, number of the last item, True if there was an item) of the lists and tables around, the innermost
        last."""
        self.mark = ""
        self.level: int | None = None
        self.joined = False

    def walk(self, root: LexborNode) -> None:
        """Adds the blocks of `root` to the assembly."""
        for node, entering in _visits(root):
            tag = node.tag or ""
            if tag == "-text":
                if entering:
                    self._text(node.text_content or "")
            elif entering:
                self._enter(tag, node)
            else:
                self._leave(tag)
        self._flush()

    def _text(self, words: str) -> None:
        words = words.translate(UNSEEN)
        if self.in_sup and self.words and self.words[-1][-1:].isdigit():
            words = words.translate(RAISED)  # 10⁶ is not 106
        self.words.append(words if self.in_pre else re.sub(r"\s+", " ", words))
        if self.in_link:
            self.linked += len(words.strip())

    def _enter(self, tag: str, node: LexborNode) -> None:
        if tag == "a":
            self.in_link += 1
        elif tag == "sup":
            self.in_sup += 1
        elif tag in ("td", "th"):
            if self.words and "".join(self.words).strip():
                self.words.append(" | ")
        elif self.in_data and tag not in TABLE_PARTS:
            self._separate(tag)
        elif tag == "br":
            self.words.append("\n")
        elif tag not in INLINE:
            self._flush()
            self._open(tag, node)

    def _open(self, tag: str, node: LexborNode) -> None:
        self.level = HEADINGS.get(tag)
        if tag == "pre":
            self.in_pre += 1
        elif tag == "dd":
            self.joined = True
        elif tag in ("ul", "ol", "table"):
            self.lists.append((tag, _number(node, "start", 1) - 1 if tag == "ol" else 0, False))
            self.in_data += tag == "table" and len(self.lists) < DEEPEST and _is_data(node)
            self.joined = False
        elif tag in ("li", "tr") and self.lists:
            self._begin_item(node)

    def _begin_item(self, node: LexborNode) -> None:
        kind, last, begun = self.lists[-1]
        number = _number(node, "value", last + 1) if kind == "ol" else last + 1
        self.mark = {"ul": "- ", "ol": f"{number}. "}.get(kind, "")
        is_nested = len(self.lists) > 1 and self.lists[-2][0] in ("ul", "ol")
        self.joined = begun or is_nested
        self.lists[-1] = (kind, number, True)

    def _leave(self, tag: str) -> None:
        if tag == "a":
            self.in_link -= 1
        elif tag == "sup":
            self.in_sup -= 1
        elif self.in_data and tag not in TABLE_PARTS:
            self._separate(tag)
        elif tag not in INLINE and tag not in ("td", "th", "br"):
            self._flush()
            if tag == "pre":
                self.in_pre -= 1
            elif tag in ("ul", "ol", "table") and self.lists:
                self.lists.pop()
                self.in_data = 0 if tag == "table" else self.in_data
                self.joined = False
            elif tag == "li":
                self.mark = ""  # the item had no words of its own
            elif tag == "dd":
                self.joined = False

    def _separate(self, tag: str) -> None:
        """Separates words inside a cell, where a block does not begin a line."""
        if tag not in INLINE:
            self.words.append(" ")

    def _flush(self) -> None:
        """Ends the block that is being collected."""
        text = "".join(self.words)
        lines = (line.rstrip() if self.in_pre else " ".join(line.split()) for line in text.split("\n"))
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n |" if not self.in_pre else "\n")
        is_navigation = not self.keep_links and self.linked > MAX_LINKED * len(text)
        if text.strip() and not is_navigation:
            self.assembly.add(self.mark + text, level=self.level, joined=self.joined)
            self.mark = ""
        self.words, self.linked, self.level = [], 0, None


def _is_data(table: LexborNode) -> bool:
    """True if a table holds data rather than parts of the page. Each of its rows then becomes one line."""
    if any(inner.mem_id != table.mem_id for inner in table.css("table, h1, h2, h3, h4, h5, h6")):
        return False
    return all(len(cell.text()) <= MAX_CELL for cell in table.css("td, th"))


def _number(node: LexborNode, attribute: str, usual: int) -> int:
    """The number in an attribute; `usual` if it is not a number that a list could have."""
    stated = node.attributes.get(attribute) or ""
    return int(stated) if re.fullmatch(r"\d{1,6}", stated, re.ASCII) else usual


def _visits(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Every node below `root` twice: on entering it (True) and on leaving it (False). Text and empty elements too."""
    node = root.child
    depth = 1
    while node is not None:
        yield node, True
        if node.child is not None:
            node = node.child
            depth += 1
            continue
        yield node, False
        while node is not None and node.next is None:
            depth -= 1
            if depth == 0:
                return
            node = node.parent
            if node is not None:
                yield node, False
        node = node.next if node is not None else None
