"""Where settings come from, and what the error says for a wrong one."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from index.errors import DocumentsError, UsageError
from qa.settings import load_settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs_src").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    return tmp_path


def test_the_nearest_documents_folder_going_up_is_taken(project: Path) -> None:
    """`qa` works anywhere inside a project."""
    assert load_settings({}, {}, project / "deep" / "er").docs == project / "docs_src"


def test_options_win_over_variables_over_the_file_over_defaults(project: Path) -> None:
    """The order is the same for every setting."""
    (project / "qa.toml").write_text('passages = 7\nthreshold = 0.7\nmodel = "of-file"\n')
    environment = {"QA_PASSAGES": "8", "QA_THRESHOLD": "0.8"}
    settings = load_settings({"passages": 9, "model": None}, environment, project)
    assert (settings.passages, settings.threshold, settings.model, settings.refresh) == (9, 0.8, "of-file", True)


def test_docs_in_the_file_count_from_the_file(project: Path) -> None:
    """A settings file means the same wherever the command runs."""
    (project / "qa.toml").write_text('docs = "articles"\n')
    assert load_settings({}, {}, project / "deep").docs == project / "articles"


def test_docs_named_on_the_command_line_count_from_where_one_is(project: Path) -> None:
    """`--docs er` is the folder that the shell completes."""
    assert load_settings({"docs": "er"}, {}, project / "deep").docs == project / "deep" / "er"


def test_no_folder_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    """Without a documents folder, the error says what to do next."""
    with pytest.raises(DocumentsError, match="--docs DIR"):
        load_settings({}, {}, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('pasages = 3\ndocs = "x"', "did you mean 'passages'"),
        ('passages = "3"', "'passages' has the wrong type; write a whole number"),
        ("passages = true", "'passages' has the wrong type"),
        ("refresh = 1", "'refresh' has the wrong type; write true or false"),
        ("passages = 0", r"qa\.toml: 0 passages .* from 1 to 100"),
        ("threshold = 1.5", r"qa\.toml: .* from 0 to 1"),
        ("threshold = nan", "from 0 to 1"),
        ('docs = ""', "is empty"),
        ('docs = "a\\u0000b"', "cannot be the path of a folder"),
        ('docs = "~nobody-of-that-name/x"', "cannot be the path of a folder"),
        ("= 3", "not valid TOML"),
        ("[keys]\nask = 3", "needs one key as text"),
    ],
)
def test_a_wrong_settings_file_is_named_with_what_is_wrong(project: Path, text: str, said: str) -> None:
    """A wrong setting is never ignored."""
    (project / "qa.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_settings({}, {}, project)


def test_a_settings_file_may_begin_with_a_byte_order_mark(project: Path) -> None:
    """Some editors write one, and it is not part of the first name."""
    (project / "qa.toml").write_bytes(b"\xef\xbb\xbfpassages = 7\n")
    assert load_settings({}, {}, project).passages == 7


def test_a_file_is_not_a_documents_folder(project: Path) -> None:
    """The error names the folder of the file, quoted if a shell needs it."""
    (project / "my notes").mkdir()
    (project / "my notes" / "a.txt").write_text("A note.")
    with pytest.raises(DocumentsError, match=r"a\.txt is a file.*--docs '.*/my notes'"):
        load_settings({"docs": "my notes/a.txt"}, {}, project)


def test_a_variable_that_is_not_a_number_is_named(project: Path) -> None:
    """A wrong variable is never ignored either."""
    with pytest.raises(UsageError, match="QA_PASSAGES='many'"):
        load_settings({}, {"QA_PASSAGES": "many"}, project)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("QA_PASSAGES", "0", "QA_PASSAGES: 0 passages"),
        ("QA_THRESHOLD", "nan", "QA_THRESHOLD: a threshold of nan"),
        ("QA_REFRESH", "maybe", "QA_REFRESH='maybe' is neither yes nor no"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_named(project: Path, name: str, value: str, said: str) -> None:
    """A variable out of range, or neither yes nor no, is refused by its name and not taken for something else."""
    with pytest.raises(UsageError, match=said):
        load_settings({}, {name: value}, project)


@pytest.mark.parametrize(
    ("value", "refreshes"), [("0", False), ("No", False), ("off", False), ("1", True), ("on", True)]
)
def test_refreshing_is_switched_by_a_variable(project: Path, value: str, refreshes: bool) -> None:
    """The variable takes the words that people use for yes and no."""
    assert load_settings({}, {"QA_REFRESH": value}, project).refresh is refreshes


def test_the_folder_one_stands_in_may_be_gone(tmp_path: Path) -> None:
    """If another window deleted the working directory, the error is a sentence and no traceback."""
    here = tmp_path / "here"
    here.mkdir()
    command = [sys.executable, "-c", "import os, sys, qa.cli; os.rmdir(os.getcwd()); qa.cli.main()", "ask", "Who?"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "qa: the folder that this was started in is gone; change to another and start it again.\n"


def test_parents_that_may_not_be_looked_into_hold_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders above that are closed are ignored, because the working directory is enough."""

    def refuse(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(DocumentsError):
        load_settings({}, {}, tmp_path)
    assert load_settings({"docs": str(tmp_path)}, {}, tmp_path).docs == tmp_path
