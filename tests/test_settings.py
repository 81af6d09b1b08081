"""Where options come from, and what is said of a wrong one."""

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
    """`qa` works from anywhere inside a project."""
    assert load_settings({}, {}, project / "deep" / "er").docs == project / "docs_src"


def test_options_win_over_variables_over_the_file_over_defaults(project: Path) -> None:
    """One order of precedence, for every setting."""
    (project / "qa.toml").write_text('passages = 7\nthreshold = 0.7\nmodel = "of-file"\n')
    environment = {"QA_PASSAGES": "8", "QA_THRESHOLD": "0.8"}
    settings = load_settings({"passages": 9, "model": None}, environment, project)
    assert (settings.passages, settings.threshold, settings.model, settings.refresh) == (9, 0.8, "of-file", True)


def test_docs_in_the_file_count_from_the_file(project: Path) -> None:
    """A settings file means the same wherever the command is run."""
    (project / "qa.toml").write_text('docs = "articles"\n')
    assert load_settings({}, {}, project / "deep").docs == project / "articles"


def test_docs_named_on_the_command_line_count_from_where_one_is(project: Path) -> None:
    """`--docs er` is the folder that the shell completes."""
    assert load_settings({"docs": "er"}, {}, project / "deep").docs == project / "deep" / "er"


def test_no_folder_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    """Without documents the next step is said."""
    with pytest.raises(DocumentsError, match="--docs DIR"):
        load_settings({}, {}, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('pasages = 3\ndocs = "x"', "did you mean 'passages'"),
        ('passages = "3"', "'passages' has the wrong type"),
        ("passages = true", "'passages' has the wrong type"),
        ("passages = 0", "from 1 to 100"),
        ("threshold = 1.5", "from 0 to 1"),
        ("= 3", "not valid TOML"),
        ("[keys]\nask = 3", "needs one key as text"),
    ],
)
def test_a_wrong_settings_file_is_named_with_what_is_wrong(project: Path, text: str, said: str) -> None:
    """Wrong settings are never passed over in silence."""
    (project / "qa.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_settings({}, {}, project)


def test_a_variable_that_is_no_number_is_named(project: Path) -> None:
    """The same for variables."""
    with pytest.raises(UsageError, match="QA_PASSAGES='many'"):
        load_settings({}, {"QA_PASSAGES": "many"}, project)
