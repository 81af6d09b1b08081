"""Which files of a folder are articles: none twice, none outside, none that hangs, and a reason for each that is left
out."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from index.documents.source_files import (
    MAX_FILE_BYTES,
    check_folder,
    find_files,
    hash_file,
    load_file,
    no_articles_error,
)
from index.errors import DocumentsError, UnreadableFileError


def write(folder: Path, *names: str) -> None:
    """Writes files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Text of {name}.", encoding="utf-8")


def found(folder: Path) -> list[str]:
    """The paths of the articles."""
    return [file.path for file in find_files(folder)[0]]


def reasons(folder: Path) -> dict[str, str]:
    """The paths that were left out, with the reasons."""
    return {skip.path: skip.reason for skip in find_files(folder)[1]}


def test_files_are_found_in_order_with_their_stat(tmp_path: Path) -> None:
    """Subfolders are searched. Files are sorted by path, with '/' between parts, and come with size, time and
    identity."""
    write(tmp_path, "b.txt", "a/z.md", "a/b/c.TXT", "README", "Ä.txt", "a b.markdown")
    assert found(tmp_path) == ["README", "a b.markdown", "a/b/c.TXT", "a/z.md", "b.txt", "Ä.txt"]
    first = find_files(tmp_path)[0][0]
    status = (tmp_path / "README").stat()
    assert (first.size, first.mtime_ns) == (status.st_size, status.st_mtime_ns)
    (tmp_path / "README").write_bytes((tmp_path / "README").read_bytes()[::-1])
    os.utime(tmp_path / "README", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find_files(tmp_path)[0][0].identity != first.identity


def test_hidden_and_temporary_names_are_left_out_silently(tmp_path: Path) -> None:
    """The folder of the index and the settings beside the articles are left out too."""
    names = [
        ".a.txt",
        ".qa/docs/a.txt",
        ".git/a.md",
        "a.txt~",
        ".a.txt.swp",
        "a.swp",
        "#a.txt#",
        "4913",
        "a.tmp",
        "qa.toml",
    ]
    write(tmp_path, "a.txt", *names)
    assert found(tmp_path) == ["a.txt"]
    assert reasons(tmp_path) == {}


def test_other_formats_are_skipped_with_a_reason(tmp_path: Path) -> None:
    """The reason is one clause without a full stop."""
    write(tmp_path, "a.png", "b.zip")
    assert reasons(tmp_path) == {
        "a.png": "not a format that is read (.png)",
        "b.zip": "not a format that is read (.zip)",
    }


def test_links_out_are_not_followed_and_loops_end(tmp_path: Path) -> None:
    """A link inside the folder finds, once, what has no name of its own there."""
    docs = tmp_path / "docs"
    write(tmp_path, "outside/secret.txt", "docs/a.txt", "docs/sub/b.txt", "docs/..data/c.txt", "docs/..data/more/d.txt")
    (docs / "out").symlink_to(tmp_path / "outside")
    (docs / "out.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (docs / "loop").symlink_to(docs)
    (docs / "sub" / "up").symlink_to("..")
    (docs / "self").symlink_to("self")
    (docs / "again.txt").symlink_to("a.txt")
    (docs / "gone.txt").symlink_to("nothing")
    (docs / "c.txt").symlink_to("..data/c.txt")
    (docs / "more").symlink_to("..data/more")
    assert found(docs) == ["a.txt", "c.txt", "more/d.txt", "sub/b.txt"]
    assert reasons(docs) == {
        "gone.txt": "a link to nothing",
        "out": "a link that leads out of the documents folder",
        "out.txt": "a link that leads out of the documents folder",
        "self": "a link to nothing",
    }


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    """Its files count as inside."""
    write(tmp_path, "real/a.txt")
    (tmp_path / "docs").symlink_to("real")
    assert found(tmp_path / "docs") == ["a.txt"]


def test_pipes_and_sockets_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a named pipe without a writer would hang."""
    os.mkfifo(tmp_path / "pipe.txt")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.txt")
        assert reasons(tmp_path) == {"pipe.txt": "not a file but a named pipe", "socket.txt": "not a file but a socket"}
    with pytest.raises(UnreadableFileError, match="named pipe"):
        load_file(tmp_path, "pipe.txt")


def test_a_name_that_is_not_unicode_is_skipped_readably(tmp_path: Path) -> None:
    """Such a name cannot be stored. The skipped path can be printed."""
    try:
        os.close(os.open(os.fsencode(tmp_path) + b"/caf\xe9.txt", os.O_CREAT | os.O_WRONLY))
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    assert reasons(tmp_path) == {"caf\\xe9.txt": "its name is not valid UTF-8"}


def test_a_file_too_large_is_skipped_unread(tmp_path: Path) -> None:
    """The size decides, so a sparse file takes no time."""
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert reasons(tmp_path) == {"a.txt": "larger than 128 MB (128 MB)"}
    with pytest.raises(UnreadableFileError, match="larger than"):
        load_file(tmp_path, "a.txt")


@contextmanager
def without_rights() -> Iterator[None]:
    """Acts as another user if this is root, who may read everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_what_may_not_be_read_is_skipped() -> None:
    """A folder is skipped when it is listed, a file when it is loaded."""
    with TemporaryDirectory() as name:  # other users may not enter pytest's own folder
        docs = Path(name)
        docs.chmod(0o755)
        write(docs, "closed/a.txt", "b.txt")
        (docs / "closed").chmod(0)
        (docs / "b.txt").chmod(0)
        with without_rights():
            assert reasons(docs) == {"closed/": "permission denied"}
            with pytest.raises(UnreadableFileError, match="permission denied"):
                load_file(docs, "b.txt")
            with pytest.raises(DocumentsError, match="permission denied"):
                check_folder(docs / "closed")
        (docs / "closed").chmod(0o700)


def test_a_file_is_loaded_with_its_sum(tmp_path: Path) -> None:
    """The file is read once, so the checksum is of the bytes that became the text."""
    write(tmp_path, "a/b.txt")
    loaded = load_file(tmp_path, "a/b.txt")
    assert loaded.document.text == "Text of a/b.txt."
    assert loaded.sha256 == hash_file(tmp_path, "a/b.txt") == hashlib.sha256(b"Text of a/b.txt.").digest()


@pytest.mark.parametrize("data", [b"", b" \n\r\n\t", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_says_so(tmp_path: Path, data: bytes) -> None:
    """A file with nothing but white space or a BOM is empty."""
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(UnreadableFileError, match=r"\Aempty\Z"):
        load_file(tmp_path, "a.txt")


def test_a_file_that_went_away_says_so(tmp_path: Path) -> None:
    """Between finding and loading, a file may be deleted or replaced by a folder."""
    with pytest.raises(UnreadableFileError, match="gone before it could be read"):
        load_file(tmp_path, "a.txt")
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(UnreadableFileError, match="a folder"):
        load_file(tmp_path, "b.txt")


@pytest.mark.parametrize(
    ("name", "words"), [("missing", "no such folder"), ("a.txt", "is not a folder"), ("x\0y", "listed")]
)
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, name: str, words: str) -> None:
    """The error is one sentence with the next step."""
    write(tmp_path, "a.txt")
    with pytest.raises(DocumentsError, match=words) as caught:
        check_folder(tmp_path / name)
    assert "--docs" in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_folder_without_articles_says_what_it_holds(tmp_path: Path) -> None:
    """The error says if the folder is empty or holds only files that cannot be read."""
    assert "holds no articles" in str(no_articles_error(tmp_path, find_files(tmp_path)[1]))
    write(tmp_path, "a.png")
    message = str(no_articles_error(tmp_path, find_files(tmp_path)[1]))
    assert "one file skipped: a.png: not a format that is read (.png)" in message
