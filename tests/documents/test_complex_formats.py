"""HTML, PDF and DOCX: the words, pages and headings of an article. A bad file ends a child process and nothing else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx
import pytest
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml

from index.documents.formats import extract_document
from index.documents.formats import sandbox as isolation
from index.errors import UnreadableFileError
from index.text.paragraphs import split_document
from tests.helpers.commands import run_python
from tests.helpers.documents import make_pdf
from tests.helpers.places import SHARED

PAGE = """<!doctype html><html><head><title>War and trade | The Daily</title>
<meta property="article:published_time" content="2022-03-09T10:00:00Z"><script>evil()</script></head>
<body><nav><a href="/">Home</a></nav><h1>War and trade</h1>
<p>China has <b>not</b> condemned&nbsp;it.</p><h2>Reasons</h2><p>For two reasons:</p>
<ol><li>Economic threat.</li><li><p>Diplomatic threat.</p></li></ol>
<table><tr><th>Year</th><th>Trade</th></tr><tr><td>2021</td><td>$146.9 billion</td></tr></table>
<p><a href="x">Read another story</a></p><footer>Imprint</footer></body></html>"""


def count_words(texts: list[str]) -> list[int]:
    """A small stand-in for a tokenizer."""
    return [len(text.split()) for text in texts]


@pytest.mark.parametrize(
    ("above", "below", "together"),
    [
        ("The govern-", "ment met.", "The government met."),
        ("A well-", "known man.", "A well-known man."),
        ("In 2019-", "20 it rose.", "In 2019-20 it rose."),
        ("A NATO-", "led force.", "A NATO-led force."),
        ("The Anglo-", "Saxon kings.", "The Anglo-Saxon kings."),
        ("A long-term plan, not a long-", "term one.", "A long-term plan, not a long-term one."),
    ],
)
def test_a_word_cut_at_the_end_of_a_line_of_a_pdf_is_one_word(above: str, below: str, together: str) -> None:
    """The hyphen of a line end goes, and the hyphen of a word stays, so numbers and names never run together."""
    text = extract_document("a.pdf", make_pdf(f"{above}\n{below}")).text
    assert " ".join(text.split()).replace("- ", "-") == together


def test_html_is_the_article_without_its_page() -> None:
    """Headings, lists and tables keep their form. Scripts, navigation and lines of links are gone."""
    document = extract_document("a.html", PAGE.encode())
    assert document.text == (
        "War and trade\n\nChina has not condemned it.\n\nReasons\n\nFor two reasons:\n\n"
        "1. Economic threat.\n2. Diplomatic threat.\n\nYear | Trade\n2021 | $146.9 billion"
    )
    assert (document.title, document.date) == ("War and trade", "2022-03-09")
    assert [(document.text[one.start : one.end], one.level) for one in document.headings] == [
        ("War and trade", 1),
        ("Reasons", 2),
    ]


BOILERPLATE = """<a class="skip-link screen-reader-text" href="#c">Skip to content</a>
<div id="masthead" class="site-header"><p>Hill Blog</p></div>
<div class="entry"><h1>Sheep on the hill</h1><p>The flock has 640 ewes.</p>
<p>The judge's <span class="comment">comment</span> was that each shareholder gets a <b class="share">share</b>.</p>
<div class="sharedaddy"><h3>Share this:</h3><ul><li><a href="#">Twitter</a></li></ul></div>
<p class="cookie recipe">Cookies are baked for ten minutes.</p>
<div class="related-posts"><h3>You might also like</h3><p>Cattle were sold for 900 pounds.</p></div></div>
<div id="comments" class="comments-area"><h2>2 thoughts</h2>
<ol class="comment-list"><li><p>Fiona: 900 ewes.</p></li></ol>
<div id="respond"><h3>Leave a Reply</h3></div></div>
<div class="widget-area sidebar"><h2>Recent Posts</h2><ul><li><a href="1">Deer</a></li></ul></div>
<div id="cookie-law-info-bar"><p>We assume you are ok with this.</p></div>"""


def test_html_without_marks_of_an_article_loses_what_sites_put_around_it() -> None:
    """Comments, cookie notices, lists of other articles and share buttons are recognised by their names. Words of the
    article that look like these names stay, and an empty item leaves no mark behind."""
    page = f'<html><body class="has-comments cookie-notice">{BOILERPLATE}</body></html>'
    assert extract_document("a.html", page.encode()).text == (
        "Sheep on the hill\n\nThe flock has 640 ewes.\n\n"
        "The judge's comment was that each shareholder gets a share.\n\nCookies are baked for ten minutes."
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<table><tr><td><p>Year</p></td><td><div>2015</div></td></tr><tr><td>a<br>b</td><td><ul><li>c</ul></table>",
         "Year | 2015\na b | c"),
        ("<table><tr><td><h2>Layout</h2><p>One.</p><p>Two.</p></td></tr></table>", "Layout\n\nOne.\n\nTwo."),
        ("<table><tr><td><p>Left.</p></td><td><table><tr><td><p>1</p></td><td><p>2</p></td></tr></table></td></tr></table>",
         "Left.\n\n1 | 2"),
        ("<table><tr><th>A</th><th></th><th>C</th></tr></table>", "A | | C"),
        ("<dl><dt>Hirsel</dt><dd>The ground.</dd><dt>Fank</dt><dd>A fold.</dd></dl>",
         "Hirsel\nThe ground.\n\nFank\nA fold."),
        ("<ul><li>A<ul><li>A1</li><li>A2</li></ul></li><li>B</li></ul>", "- A\n- A1\n- A2\n- B"),
        ("<ol start=5><li>five</li><li value=9>nine</li><li>ten</li></ol>", "5. five\n9. nine\n10. ten"),
        ("<p>In 1991<sup><a href='#fn2'>2</a></sup> it cost 10<sup>6</sup> on the 1<sup>st</sup>.</p>",
         "In 1991 it cost 10⁶ on the 1st."),
        ("<p>A long&shy;winded w&#8203;ord.</p>", "A longwinded word."),
        ("<p>Seen.</p><p style='color:red; display: NONE'>Unseen.</p><textarea>typed</textarea>", "Seen."),
        ("<div style='visibility:hidden'><p>All of the page waits for a script.</p></div>",
         "All of the page waits for a script."),
    ],
)  # fmt: skip
def test_html_keeps_what_its_marks_mean(page: str, text: str) -> None:
    """Rows stay rows, terms stand by their meanings, numbers are those of the list, and notes do not join numbers."""
    assert extract_document("a.html", page.encode()).text == text


def test_html_inside_an_article_is_cleaned_as_well() -> None:
    """Some sites put the comments into the element of the article."""
    page = "<article><p>Stags are stalked from July.</p><div class='comments'><p>In Norway too.</p></div></article>"
    assert extract_document("a.html", page.encode()).text == "Stags are stalked from July."


def test_html_that_is_all_discussion_is_kept() -> None:
    """An element that holds nearly all text of a page is its content, whatever it is called."""
    page = "<title>Forum</title><div id='comments'><p>Stags are stalked from July.</p><p>In Norway too.</p></div>"
    assert extract_document("a.html", page.encode()).text == "Stags are stalked from July.\n\nIn Norway too."


def test_html_boilerplate_inside_boilerplate_is_removed_once() -> None:
    """Removing an element destroys its content, and thousands of nested ones do not end the process."""
    deep = "<nav role=navigation><aside class=sidebar>" * 500 + "<p>gone</p>" + "</aside></nav>" * 500
    page = f"<main><h1>T</h1><p>Stays here.</p></main>{deep}<footer><nav>x</nav></footer>" * 5
    assert "gone" not in extract_document("a.html", page.encode()).text


def test_html_article_element_wins_over_what_is_around_it() -> None:
    """The links inside of the element stay, because an article may be full of them."""
    inner = "<p>It rose to <a href=x>$146.9 billion</a>.</p><p><a href=x>A source of it</a></p>" * 3
    document = extract_document("a.htm", f"<title>T of it</title><div>Around</div><article>{inner}</article>".encode())
    assert "Around" not in document.text
    assert "A source of it" in document.text


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "shift_jis"])
def test_html_encoding_is_the_declared_one(encoding: str) -> None:
    """The declared encoding is used if it fits."""
    words = {"utf-8": "Größe", "cp1251": "Заявление", "shift_jis": "声明に署名した"}[encoding]
    page = f'<html><head><meta charset="{encoding}"></head><body><p>{words}</p></body></html>'
    assert extract_document("a.html", page.encode(encoding)).text == words


def test_pdf_has_pages_and_paragraphs() -> None:
    """Lines at the usual distance are one paragraph, a wider gap begins the next, and running heads are left out."""
    firsts = ["Trade rose in May as", "Gas was sold in June by", "Aid came in July with"]
    rest = "all others.\n\nThen it fell, and that\nhas its reasons.\nNobody knew."
    document = extract_document("a.pdf", make_pdf(*(f"The Daily {len(one)}\n\n{one}\n{rest}" for one in firsts)))
    assert [document.text[start : start + 9] for start in document.pages] == ["Trade ros", "Gas was s", "Aid came "]
    units = split_document(document, 100, count_words)
    assert [(unit.page, unit.block) for unit in units] == [(1, 0), (1, 1), (2, 2), (2, 3), (3, 4), (3, 5)]
    assert units[0].text == "Trade rose in May as\nall others."


def _read_word(body: str, footnotes: str = "") -> str:
    """The canonical text of a document with this XML as its body and these footnotes."""
    source = docx.Document()
    source.element.body.clear()
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    for element in parse_xml(f"<w:body {space}>{body}</w:body>"):
        source.element.body.append(element)
    if footnotes:
        blob = f"<w:footnotes {space}>{footnotes}</w:footnotes>".encode()
        part = Part(PackURI("/word/footnotes.xml"), CONTENT_TYPE.WML_FOOTNOTES, blob, source.part.package)
        source.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    stream = io.BytesIO()
    source.save(stream)
    return extract_document("a.docx", stream.getvalue()).text


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_docx_says_what_its_readers_see() -> None:
    """Words inserted with changes tracked, in links and in content controls are there. Deleted words are not."""
    tracked = (
        f"<w:p>{_run('The pier cost ')}<w:ins>{_run('9,000')}</w:ins><w:del><w:r><w:delText>8</w:delText></w:r></w:del>"
    )
    mixed = "<w:r><w:noBreakHyphen/><w:t>odd</w:t><w:tab/><w:t>then.</w:t></w:r>"
    link = f"<w:hyperlink>{_run(' pounds')}</w:hyperlink>{mixed}</w:p>"
    control = f"<w:sdt><w:sdtContent><w:p>{_run('In a control.')}</w:p></w:sdtContent></w:sdt>"
    inline = f"<w:p>{_run('Built by ')}<w:sdt><w:sdtContent>{_run('Campbell')}</w:sdtContent></w:sdt>{_run('.')}</w:p>"
    assert _read_word(tracked + link + control + inline) == (
        "The pier cost 9,000 pounds-odd then.\n\nIn a control.\n\nBuilt by Campbell."
    )


def test_docx_has_its_footnotes_at_the_end() -> None:
    """Footnotes are part of the article. The lines that separate them are not."""
    rule = '<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
    note = f'<w:footnote w:id="1"><w:p>{_run("So says the harbour board.")}</w:p></w:footnote>'
    text = _read_word(f"<w:p>{_run('It cost 9,000 pounds.')}</w:p>", rule + note)
    assert text == "It cost 9,000 pounds.\n\nSo says the harbour board."


def test_docx_tables_keep_equal_cells_and_merge_merged_ones() -> None:
    """Two cells with the same words are two. One cell that spans two columns is one."""
    cell = "<w:tc><w:p>{}</w:p></w:tc>"
    equal = "".join(cell.format(_run(words)) for words in ("2016", "48", "48"))
    wide = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p>{_run("Both")}</w:p></w:tc>'
    grid = "<w:tblPr/><w:tblGrid><w:gridCol/><w:gridCol/><w:gridCol/></w:tblGrid>"
    table = f"<w:tbl>{grid}<w:tr>{equal}</w:tr><w:tr>{cell.format(_run('2017'))}{wide}</w:tr></w:tbl>"
    assert _read_word(table) == "2016 | 48 | 48\n2017 | Both"


def test_docx_keeps_headings_lists_and_tables() -> None:
    """They are in the order of the document."""
    source = docx.Document()
    source.add_heading("War and trade", 0)
    source.add_paragraph("China has not condemned it.")
    source.add_heading("Reasons", 1)
    source.add_paragraph("Economic threat.", style="List Bullet")
    source.add_paragraph("Diplomatic threat.", style="List Bullet")
    table = source.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "2021", "$146.9 billion"
    stream = io.BytesIO()
    source.save(stream)
    document = extract_document("a.docx", stream.getvalue())
    assert document.text == (
        "War and trade\n\nChina has not condemned it.\n\nReasons\n\n"
        "- Economic threat.\n- Diplomatic threat.\n\n2021 | $146.9 billion"
    )
    assert [(one.text, one.level) for one in document.headings] == [("War and trade", 1), ("Reasons", 1)]
    assert document.title == "War and trade"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.pdf", b"%PDF-1.7\nnothing of a PDF", "a damaged PDF"),
        ("a.pdf", b"", "a damaged PDF"),
        ("a.pdf", make_pdf(""), "holds no text"),
        ("a.docx", b"PK\x03\x04 and no more", "a damaged Word document"),
        ("a.html", b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
    ],
)
def test_a_bad_file_has_a_reason_and_the_next_is_read(name: str, data: bytes, reason: str) -> None:
    """A damaged file is refused with a reason, and the next file is extracted."""
    with pytest.raises(UnreadableFileError, match=reason):
        extract_document(name, data)
    assert extract_document("b.html", b"<p>It rose.").text == "It rose."


def test_an_archive_that_unpacks_without_end_is_refused() -> None:
    """The sizes in the archive are checked before anything is unpacked."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as file:
        for _ in range(520):
            file.write(bytes(2**20))
    with pytest.raises(UnreadableFileError, match="unpacks to more than 512 MB"):
        extract_document("a.docx", stream.getvalue())


def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page nested a hundred thousand deep keeps its parser busy for a minute, so its process is ended."""
    extract_document("a.html", b"<p>Started.")
    monkeypatch.setattr(isolation, "MAX_SECONDS", 1.0)
    with pytest.raises(UnreadableFileError, match="takes too long to read"):
        extract_document("a.html", b"<div>" * 100_000 + b"x")
    monkeypatch.undo()
    assert extract_document("b.html", b"<p>It rose.").text == "It rose."


def test_a_deeply_nested_page_is_read() -> None:
    """A page may nest deeper than Python can call."""
    assert extract_document("a.html", b"<div>" * 3_000 + b"It rose.").text == "It rose."


def test_child_has_limits_and_no_secrets() -> None:
    """Memory, open files and writing are limited, and the environment has only what Python needs."""
    code = (
        "import resource, index.documents.formats.sandbox_worker as w; w._limit_process(); "
        "kinds = (resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE); "
        "print(*(resource.getrlimit(kind)[0] for kind in kinds))"
    )
    assert run_python(code).split() == [str(2 * 2**30), "64", "0"]
    assert not {"AWS_SECRET_ACCESS_KEY", "HTTP_PROXY", "HOME"} & isolation._KEPT


def test_the_folder_one_stands_in_is_not_imported_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of articles may hold files named like our modules."""
    (tmp_path / "index.py").write_text("raise SystemExit('taken over')", encoding="utf-8")
    isolation.stop_workers()
    monkeypatch.chdir(tmp_path)
    assert extract_document("b.html", b"<p>It rose.").text == "It rose."


def test_encrypted_filings_are_read() -> None:
    """Real files with an empty password: every page has text, and the title is the largest words."""
    folder = SHARED / "eval" / "pdfs-sec10q" / "docs"
    if not folder.is_dir():
        pytest.skip(f"no filings in {folder}")
    document = extract_document("a.pdf", (folder / "2022_Q3_AAPL.pdf").read_bytes())
    assert len(document.pages) == 28
    assert document.title.startswith("Apple Inc.")
    assert "Total net sales 82,959" in document.text
