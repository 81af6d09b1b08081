"""Extractors: bytes become canonical text with title, date and headings, in any encoding. What is not text is
refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.documents.formats import EXTRACTORS, extension_of, extract_document, is_readable_name
from index.documents.formats.decoding import decode
from index.errors import UnreadableFileError
from tests.helpers.commands import run_python
from tests.helpers.documents import SAMPLES

GERMAN = "Die Bücher, die der Präsident für 5 € kaufte, heißen „Größe“ – so sagte er. " * 4
POLISH = "Prezydent spotkał się z przewodniczącym w Pekinie. Źródło: agencja, a także inne słowa. " * 4
CZECH = "Ruský prezident se setkal s čínským; podepsali prohlášení, ve kterém vyjádřili nesouhlas. " * 3
RUSSIAN = "Президент России встретился с председателем в Пекине и подписал заявление. " * 4
TURKISH = "Rusya Devlet Başkanı Çin Devlet Başkanı ile görüştü; iki lider bildiri imzaladı, şöyle değil. " * 3
JAPANESE = "ロシアの大統領は北京で国家主席と会談した。両首脳は声明に署名した。" * 4
CHINESE = "总统在北京会见了国家主席。两国领导人签署了联合声明，反对扩张。" * 4


def test_every_extractor_has_a_sample() -> None:
    """A new format is tested as soon as it is registered."""
    assert {EXTRACTORS[extension_of(name)] for name in SAMPLES} == set(EXTRACTORS.values())


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_keeps_the_contract(name: str) -> None:
    """The canonical text holds the words, the title is the one in the file, and headings and pages stand inside the
    text."""
    said = "The mill at Woodbridge has ground corn since 1170"
    document = extract_document(name, SAMPLES[name](said))
    assert said in document.text
    assert document.title == "Mills"
    assert all(" ".join(document.text[one.start : one.end].split()).endswith(one.text) for one in document.headings)
    assert all(0 <= page <= len(document.text) for page in document.pages)


@pytest.mark.parametrize("extension", EXTRACTORS)
@given(data=st.binary(max_size=60))
@settings(max_examples=15, deadline=None)
def test_a_file_that_is_not_of_its_format_is_refused(extension: str, data: bytes) -> None:
    """Whatever the bytes are, an extractor returns a document or says in one clause why it cannot."""
    reason = None
    try:
        extract_document(f"a{extension}", data).text.encode("utf-8")
    except UnreadableFileError as error:
        reason = str(error)
    assert reason is None or (reason and not reason.endswith("."))


@given(st.text(min_size=1))
def test_utf8_is_decoded_exactly(text: str) -> None:
    """The canonical text is the file with its line ends and without its BOM."""
    assert decode(b"\xef\xbb\xbf" + text.encode()) == (text, "utf-8")
    if "\0" not in text and text.isprintable():
        assert decode(text.encode())[0] == text.removeprefix("\ufeff")


@given(st.binary(max_size=300))
def test_any_bytes_are_text_without_surrogates_or_refused(data: bytes) -> None:
    """No other error is raised, and what is returned can be stored."""
    try:
        text, encoding = decode(data)
    except UnreadableFileError:
        return
    assert encoding
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *(
            (GERMAN, name)
            for name in ("cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "mac_roman")
        ),
        *((text, name) for text in (POLISH, CZECH) for name in ("cp1250", "iso8859_2")),
        *((RUSSIAN, name) for name in ("cp1251", "koi8_r", "iso8859_5", "utf-16-le")),
        *((JAPANESE, name) for name in ("shift_jis", "euc_jp", "iso2022_jp", "utf-16-be")),
        *((CHINESE, name) for name in ("gb18030", "utf-16-le")),
        (TURKISH, "cp1254"),
    ],
    ids=lambda value: value[:12],
)
def test_encodings_are_recognised(text: str, encoding: str) -> None:
    """An encoding without a BOM is recognised by its characters."""
    assert decode(text.encode(encoding))[0] == text


def test_crlf_and_bom() -> None:
    """The BOM is dropped and line ends stay."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        document = extract_document("a.txt", mark + "Title\r\n\r\nOne.\rTwo.\n".encode(encoding))
        assert (document.text, document.encoding) == ("Title\r\n\r\nOne.\rTwo.\n", encoding)


def test_utf8_cut_off_or_damaged_stays_utf8() -> None:
    """A few bad bytes do not turn the rest into the letters of another encoding."""
    data = GERMAN.encode()
    assert decode(data[: data.rindex("ß".encode()) + 1])[0].startswith(GERMAN[:60])
    assert decode(data + b"\xff" + data)[0] == f"{GERMAN}\ufffd{GERMAN}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a PNG image"),
        (b"%PDF-1.7\n\x00\xff\xfe", "a PDF"),
        (b"abc\0def", "NUL bytes"),
        (bytes(range(1, 32)) * 20, "control characters"),
        (b"\xff\xfe\x00\xd8\x41\x00\x00\xd8\x41\x00", "marked as UTF-16-LE but is not"),
    ],
)
def test_binary_is_refused_with_its_kind(data: bytes, reason: str) -> None:
    """The bytes decide, whatever the name of the file says."""
    with pytest.raises(UnreadableFileError, match=reason):
        extract_document("a.txt", data)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Live updates: Russia invades Ukraine 💥\n\nAs China prepares …", "Live updates: Russia invades Ukraine 💥"),
        ("\r\n  Spaced title  \r\n\r\nText.", "Spaced title"),
        ("&#039;Failure&#039; of intelligence\n\nText.", "'Failure' of intelligence"),
        ("The war began in March.\n\nIt went on.", None),
        ("PMID: 12929205\n\nText.", None),
        ("https://example.com/a\n\nText.", None),
        (f"{'word ' * 50}\n\nText.", None),
        (
            "A first line of wrapped text that goes on in\nthe next line, as text does when it is wrapped.\n\nMore.",
            None,
        ),
        (f"A title over its text\n{'Text that is far longer than the title was. ' * 3}", "A title over its text"),
        ("ADVERTISEMENT\n\nShare this:\n\nTrade with Russia\n\nIt rose.", "Trade with Russia"),
        (" = Valkyria Chronicles III = \n\n Senjou is a game .", "Valkyria Chronicles III"),
    ],
)
def test_title_of_plain_text(text: str, title: str | None) -> None:
    """The title is the first line if that looks like one. Otherwise it is made of the file's name and marked as
    such."""
    document = extract_document("news/trade_with-russia.txt", text.encode())
    assert document.title == (title or "trade with-russia")
    assert document.title_in_text == (title is not None)


@pytest.mark.parametrize(
    ("head", "date"),
    [
        ("Beijing, ChinaUpdated: Mar 09, 2022, 03:35 PM IST", "2022-03-09"),
        ("Published on 9 March 2022", "2022-03-09"),
        ("Business Today | Latest News, 2023-10-07.", "2023-10-07"),
        ("March 9, 2022", "2022-03-09"),
        ("Stand: 9. März 2022, 10:30 Uhr", "2022-03-09"),
        ("BEIJING, March 9, 2022 — China said on Monday that it would not.", "2022-03-09"),
        ("Authors: Bouvier, Monique; Chen. Date: 2018-02-02 DOI: 10.1111/irv.12538", "2018-02-02"),
        ("On October 6, 1973, Syria and Egypt launched a surprise attack on Israel, on Yom Kippur.", None),
        ("The firm was founded on March 9, 2022.", None),
        ("Updated: 2022-02-31", None),
        ("No date at all", None),
    ],
)
def test_date_is_what_the_article_says_of_itself(head: str, date: str | None) -> None:
    """A date with a label or a stamp near the beginning counts. A date that the prose mentions does not."""
    assert extract_document("a.txt", f"A title\n\n{head}\n\nText of it.".encode()).date == date


def test_markdown_headings_and_their_places() -> None:
    """ATX and setext headings are found, but none inside a code fence. Their range is the line or lines of the
    heading."""
    text = "Intro\r\n\r\n# The *War* [now](http://x)\r\n\r\n```\n# no heading\n```\n\nTrade\n-----\n\nIt rose."
    text += "\n\n### Gas ###\n"
    document = extract_document("a.md", text.encode())
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "The War now"),
        (2, "Trade"),
        (3, "Gas"),
    ]
    assert [document.text[heading.start : heading.end] for heading in document.headings] == [
        "# The *War* [now](http://x)",
        "Trade\n-----",
        "### Gas ###",
    ]
    assert document.title == "The War now"
    assert document.text == text


def test_markdown_takes_title_and_date_from_front_matter() -> None:
    """Front matter wins over headings. A horizontal rule is not front matter."""
    document = extract_document("a.md", b"---\r\ntitle: 'A'\r\ndate: 2022-03-09T10:00:00Z\r\n---\r\n# B\r\n")
    assert (document.title, document.date) == ("A", "2022-03-09")
    assert extract_document("a.md", b"---\n\nText of it is here.\n\n---\n").title == "a"


@pytest.mark.parametrize(
    "value", ['!!python/object/apply:os.system ["x"]', "&a [*a]", "*a", "|", ">-", "{a: 1}", "[A, B]", "@x", "%x"]
)
def test_front_matter_is_never_interpreted(value: str) -> None:
    """A value that YAML would interpret is not a title, so the heading is."""
    assert extract_document("a.md", f"---\ntitle: {value}\n---\n# B\n".encode()).title == "B"


def test_quotation_marks_in_front_matter_are_read_as_written() -> None:
    """Both forms of YAML are understood, and that of TOML."""
    assert extract_document("a.md", b'---\ntitle: "The \\"pier\\""\n---\nx\n').title == 'The "pier"'
    assert extract_document("a.md", b"---\ntitle: 'Oban''s pier'\n---\nx\n").title == "Oban's pier"
    assert extract_document("a.md", b'+++\ntitle = "The \\"pier\\""\n+++\nx\n').title == 'The "pier"'


def test_a_line_of_cyrillic_is_not_taken_for_japanese() -> None:
    """Read as Shift JIS, its bytes are half-width katakana, in which nobody writes."""
    line = "Музей города открылся в 1866 году и первым директором был Август Жизневский."
    assert extract_document("a.txt", line.encode("koi8-r")).text == line
    line = "岬の灯台は1874年に建てられました。高さは31メートルで、光は二十海里先まで届きます。"
    assert extract_document("a.txt", line.encode("shift_jis")).text == line


def test_names_that_are_read() -> None:
    """Extensions count in any case. A file without an extension is read too."""
    assert all(
        map(is_readable_name, ("a.txt", "a/B.TXT", "a.md", "a.markdown", "README", "v1.2/notes", "Notes of Dr. Smith"))
    )
    assert not any(map(is_readable_name, ("a.png", "a.txt.zip", "a.exe")))


def test_reading_utf8_text_imports_neither_detector_nor_parser() -> None:
    """They take 20-40 ms to import, so only files that need them import them."""
    code = (
        "import sys; from index.documents.formats import extract_document; extract_document('a.txt', b'Plain.'); "
        "extract_document('a.md', b'Plain.'); "
        "print(*(set(sys.modules) & {'charset_normalizer', 'markdown_it', 'numpy'}))"
    )
    assert run_python(code) == ""
