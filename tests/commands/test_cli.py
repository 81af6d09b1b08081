"""The commands as people type them, each in a process of its own: streams, exit codes, and one sentence for each
error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tests.helpers.commands import run_qa
from tests.helpers.places import ROOT


def _assert_one_sentence(result: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert all(words in last for words in said), last


def test_an_answer_is_on_stdout_and_everything_else_on_stderr(docs: Path) -> None:
    """The exit code is 0, stdout has a quote with its number and place, and stderr has the progress of the build."""
    result = run_qa("--docs", str(docs), "ask", "How high is the lighthouse?")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("[1] The lighthouse of Lindau was finished in 1856 and is 33 metres high.")
    assert "harbour.md:5" in result.stdout
    assert "\x1b" not in result.stdout


def test_not_in_the_articles_is_exit_code_1(docs: Path) -> None:
    """A declined question says so on stdout and in the exit code."""
    result = run_qa("ask", "--docs", str(docs), "What is the population of Brazil?")
    assert result.returncode == 1
    assert result.stdout.startswith("Not in the articles.")


def test_many_questions_from_stdin_end_with_the_worst_code(docs: Path) -> None:
    """Plain questions and objects may be mixed, and identifiers come back. A line that is neither is reported and
    skipped."""
    lines = "\n".join(
        [
            "How high is the lighthouse?",
            '{"id": "x", "question": "What is the population of Brazil?"}',
            '{"question": 5}',
            '{"id": 2, "question": "And its clock?", '
            '"history": [{"q": "When was the lighthouse of Lindau built?", "a": ""}]}',
        ]
    )
    result = run_qa("--docs", str(docs), "ask", "--jsonl", "-", stdin=lines)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record.get("id") for record in records] == [None, "x", 2]
    assert [record["answered"] for record in records[:2]] == [True, False]
    assert records[2]["asked_as"].startswith("When was the lighthouse")
    assert result.returncode == 2
    assert 'no text under "question"' in result.stderr


def test_json_can_be_verified_until_the_article_changes(docs: Path) -> None:
    """`qa ask --json … | qa verify -` gives 0 as long as every quote stands in its place, and 1 after an edit."""
    answer = run_qa("--docs", str(docs), "ask", "--json", "How high is the lighthouse?")
    assert json.loads(answer.stdout)["citations"]
    assert run_qa("--docs", str(docs), "verify", "-", stdin=answer.stdout).returncode == 0
    article = docs / "harbour.md"
    article.write_text(article.read_text("utf-8").replace("33 metres", "35 metres"), encoding="utf-8")
    assert run_qa("verify", "--docs", str(docs), "-", stdin=answer.stdout).returncode == 1


def test_show_prints_the_text_that_offsets_count_in(docs: Path) -> None:
    """The range of a citation cuts its quote out of what `qa show` prints."""
    record = json.loads(run_qa("--docs", str(docs), "ask", "--json", "How high is the lighthouse?").stdout)
    first = record["citations"][0]
    shown = run_qa("--docs", str(docs), "show", first["path"], "--range", f"{first['start']}:{first['end']}")
    assert shown.stdout == first["quote"]


def test_index_builds_once_and_then_finds_nothing_to_do(docs: Path) -> None:
    """The second run embeds nothing, and --status shows the same numbers."""
    first = run_qa("--docs", str(docs), "index")
    assert first.returncode == 0, first.stderr
    assert "2 articles" in first.stderr
    assert first.stdout == ""
    second = run_qa("--docs", str(docs), "index")
    assert "nothing changed; 0 paragraphs embedded" in second.stderr
    status = json.loads(run_qa("--docs", str(docs), "index", "--status", "--json").stdout)
    assert status["articles"] == 2


def test_progress_for_programs_is_json_lines_that_end_with_done(docs: Path) -> None:
    """A program that starts a build in another process can follow it."""
    result = run_qa("--docs", str(docs), "index", "--progress-json")
    records = [json.loads(line) for line in result.stderr.splitlines()]
    assert records[-1]["done"] is True
    assert records[-1]["articles"] == 2


@pytest.mark.parametrize("question", ["", "   "])
def test_an_empty_question_is_wrong_usage(docs: Path, question: str) -> None:
    """The error comes before anything is opened."""
    _assert_one_sentence(
        run_qa(
            "--docs",
            str(docs),
            "ask",
            question,
        ),
        2,
        "empty",
    )
    assert not (docs.parent / ".qa").exists()


def test_a_question_of_a_hundred_thousand_characters_is_wrong_usage(docs: Path) -> None:
    """The error names the length."""
    _assert_one_sentence(run_qa("--docs", str(docs), "ask", "-", stdin="a" * 100_000), 2, "100,000", "shorten")


def test_wrong_options_are_exit_code_2(docs: Path) -> None:
    """Unknown options and values out of range are wrong usage."""
    assert run_qa("ask", "--nonsense").returncode == 2
    assert run_qa("--docs", str(docs), "ask", "-k", "0", "a").returncode == 2
    assert run_qa("--docs", str(docs), "ask", "--json", "--jsonl", "a").returncode == 2


def test_wrong_usage_is_one_sentence(docs: Path) -> None:
    """The error says what is wrong and where to look, without the usage of the whole program."""
    _assert_one_sentence(run_qa("ask", "-k", "0", "a?"), 2, "0 is not in the range", "qa ask --help")
    _assert_one_sentence(run_qa("aks"), 2, "No such command 'aks'", "qa --help` to see the commands.")
    _assert_one_sentence(run_qa("ask", "--nonsense"), 2, "No such option", "qa ask --help` to see its options.")
    assert "; `" not in run_qa("aks").stderr
    _assert_one_sentence(run_qa("index", "--status", "--watch", "--docs", str(docs)), 2, "--status", "leave out")
    _assert_one_sentence(run_qa("ask", "-", "a?", "--docs", str(docs)), 2, "'-'", "stdin")
    _assert_one_sentence(run_qa("index", "--json", "--docs", str(docs)), 2, "--status")
    _assert_one_sentence(run_qa("index", "--watch", "--progress-json", "--docs", str(docs)), 2, "cannot be combined")


@pytest.mark.parametrize(
    ("words", "suggested"),
    [
        (["Did China condemn the invasion?"], 'qa ask "Did China condemn the invasion?"'),
        (["who", "paid", "for", "it"], 'qa ask "who paid for it"'),
        (["Why?"], 'qa ask "Why?"'),
        (['Who said "no"?'], "qa ask 'Who said \"no\"?'"),
        (["Why " + "not " * 200 + "?"], 'qa ask "…"'),
    ],
)
def test_a_question_without_a_command_gets_the_command_that_asks_it(words: list[str], suggested: str) -> None:
    """The error for words that look like a question is the command that asks it, ready to be pasted."""
    result = run_qa(*words)
    _assert_one_sentence(result, 2, suggested)
    assert len(result.stderr.splitlines()) == 1


def test_a_mistyped_command_is_not_taken_for_a_question() -> None:
    """The error names the nearest command, whatever follows it."""
    _assert_one_sentence(run_qa("aks", "Who", "paid", "for it?"), 2, "Did you mean 'ask'?")


def test_one_json_object_is_for_one_question(docs: Path) -> None:
    """A second question after `--json` is refused, on the command line or from stdin, so that stdout is always JSON."""
    _assert_one_sentence(run_qa("--docs", str(docs), "ask", "--json", "a?", "b?"), 2, "--jsonl")
    result = run_qa("--docs", str(docs), "ask", "--json", stdin="How high is the lighthouse?\n\nHow old is it?\n")
    assert result.returncode == 2
    assert json.loads(result.stdout)["question"] == "How high is the lighthouse?"
    assert "--jsonl" in result.stderr


def test_a_wrong_line_of_stdin_is_reported_with_its_number(docs: Path) -> None:
    """Blank lines count. A byte order mark at the beginning does not."""
    lines = '\ufeff{"question": "How high is the lighthouse?"}\n\n{"question": 5}\n{bad\n'
    result = run_qa("--docs", str(docs), "ask", "--jsonl", "-", stdin=lines)
    assert result.returncode == 2
    assert json.loads(result.stdout)["question"] == "How high is the lighthouse?"
    told = [line for line in result.stderr.splitlines() if line.startswith("qa: ")]
    assert [line.split(":")[1] for line in told] == [" line 3", " line 4"]


@pytest.mark.parametrize(
    ("redirections", "code"),
    [
        ("<&-", 2),
        ("'How high is the lighthouse?' >&-", 0),
        ("'What is the population of Brazil?' >&-", 1),
        ("'' 2>&-", 2),
        ("'How high is the lighthouse?' <&- >&- 2>&-", 0),
    ],
)
def test_closed_streams_change_nothing_but_what_is_seen(docs: Path, redirections: str, code: int) -> None:
    """If a standard stream is closed, the exit code is the same, and its text appears neither on another stream nor in
    a file of the index."""
    run_qa("--docs", str(docs), "index")
    result = _run_in_shell(docs, f"ask {redirections}")
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert run_qa("--docs", str(docs), "index", "--check").returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("command", ["ask 'How high is the lighthouse?'", "show harbour.md", "index --status"])
def test_a_full_disk_under_stdout_is_reported(docs: Path, command: str) -> None:
    """The error is one sentence, and the exit code is not the one that means 'not in the articles'."""
    run_qa("--docs", str(docs), "index")
    result = _run_in_shell(docs, f"{command} >/dev/full")
    _assert_one_sentence(result, 3, "stdout cannot be written", "No space left")


def _run_in_shell(docs: Path, command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs `qa --docs docs COMMAND` in a shell. The command may redirect streams and use pipes."""
    return subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m qa --docs '{docs}' {command}"],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )


def test_no_documents_folder(tmp_path: Path) -> None:
    """The error names the folder and the option for another one."""
    _assert_one_sentence(run_qa("ask", "a?", "--docs", str(tmp_path / "nowhere")), 3, "nowhere", "--docs")
    _assert_one_sentence(run_qa("ask", "a?", cwd=tmp_path), 3, "--docs")


def test_a_file_instead_of_a_folder(docs: Path) -> None:
    """Every command names the folder to pass, and leaves the index of that folder alone."""
    for command in (["ask", "a?"], ["index"], ["index", "--status"], ["show", "harbour.md"], ["--plain"]):
        result = run_qa("--docs", str(docs / "harbour.md"), *command)
        _assert_one_sentence(result, 3, "harbour.md is a file", f"--docs {docs}")
    assert not (docs.parent / ".qa").exists()


def test_an_empty_path_is_wrong_usage(docs: Path) -> None:
    """An empty path does not mean the current folder."""
    for command in (["ask", "a?"], ["index"], ["--plain"]):
        _assert_one_sentence(run_qa("--docs", "", *command, cwd=docs), 2, "is empty", "--docs DIR")


def test_an_empty_folder(tmp_path: Path) -> None:
    """The error says that there is nothing to index."""
    (tmp_path / "docs").mkdir()
    _assert_one_sentence(run_qa("ask", "a?", "--docs", str(tmp_path / "docs")), 3, "docs")


def test_an_unknown_model_is_named(docs: Path) -> None:
    """A model that is not on this machine is an error, and nothing is downloaded."""
    result = run_qa("ask", "a?", "--docs", str(docs), "--model", "no-such/model")
    _assert_one_sentence(result, 3, "no-such/model")


def test_a_foreign_index_folder_is_reported_and_left_alone(docs: Path) -> None:
    """A folder that is not an index is not overwritten."""
    foreign = docs.parent / ".qa" / "docs"
    foreign.mkdir(parents=True)
    (foreign / "index.sqlite").write_bytes(b"this is no database" * 100)
    (foreign / "notes.txt").write_text("mine")
    result = run_qa("ask", "How high is the lighthouse?", "--docs", str(docs))
    assert "Traceback" not in result.stderr
    assert (foreign / "notes.txt").read_text() == "mine"


def test_an_unreadable_file_is_a_warning_and_the_others_answer(docs: Path) -> None:
    """One bad file does not stop the others."""
    (docs / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    result = run_qa("--docs", str(docs), "ask", "How high is the lighthouse?")
    assert result.returncode == 0
    assert "warning: skipped picture.txt" in result.stderr


def test_a_folder_of_pictures_does_not_bury_the_answer(docs: Path) -> None:
    """Of 60 skipped files, every command names twenty. The status lists them all."""
    for number in range(60):
        (docs / f"{number}.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    for command in (("ask", "How high is the lighthouse?"), ("index", "--rebuild")):
        result = run_qa("--docs", str(docs), *command)
        warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: skipped ")]
        assert len(warnings) == 21
        assert warnings[-1] == "warning: skipped 40 more files; `qa index --status` lists them all"
    assert "skipped: 60\n" in run_qa("--docs", str(docs), "index", "--status").stdout


def test_a_reader_that_leaves_the_pipe_is_not_an_error(docs: Path) -> None:
    """`qa ask … | head -1` ends without a message."""
    run_qa("--docs", str(docs), "index")
    questions = "How high is the lighthouse?\n" * 5
    result = _run_in_shell(docs, "ask --jsonl - | head -c 10; echo ${PIPESTATUS[0]}", stdin=questions)
    assert "Traceback" not in result.stderr
    assert "Exception" not in result.stderr
    assert result.stdout.splitlines()[-1].endswith("0")


@pytest.mark.parametrize(
    "command",
    [
        "ask 'How high is the lighthouse?' 'What is the population of Brazil?' | head -1",
        "ask 'What is the population of Brazil?' 'How high is the lighthouse?' | head -1",
        "ask --help | head -1",
    ],
)
def test_head_ends_a_command_with_code_0(docs: Path, command: str) -> None:
    """The exit code is 0, whatever the answers that nobody read would have been."""
    run_qa("--docs", str(docs), "index")
    result = _run_in_shell(docs, f"{command}; echo ${{PIPESTATUS[0]}}")
    assert len(result.stdout.splitlines()) == 2
    assert result.stdout.splitlines()[-1] == "0", result.stderr
    assert result.stderr == ""


@pytest.mark.parametrize("milliseconds", [5, 10, 20, 30, 40, 80, 130, 200])
def test_interrupted_at_any_instant_is_one_line(docs: Path, milliseconds: int) -> None:
    """Ctrl-C ends the process with one line and exit code 130, while commands are imported and while threads load
    models."""
    begins = "import qa.__main__ as qa; print('begun', flush=True); qa.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", begins, "--docs", str(docs), "ask", "How high is the lighthouse?"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGINT)
    try:
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
    assert told.strip() == "interrupted"
    assert process.returncode == 130


def test_interrupted_inside_an_import(tmp_path: Path) -> None:
    """Ctrl-C works while Python releases the lock of a module. An exception raised there would be lost, and the lock
    would stay."""
    code = (
        "import signal, sys, qa.__main__ as qa\n"
        "def trace(frame, event, argument):\n"
        "    if frame.f_code.co_name == 'cb' and 'importlib' in frame.f_code.co_filename:\n"
        "        sys.settrace(None)\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "sys.settrace(trace)\n"
        "qa.main()\n"
    )
    command = [sys.executable, "-c", code, "--docs", str(tmp_path), "ask", "Who?"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.stderr, done.returncode) == ("interrupted\n", 130)


def test_the_installed_command_begins_like_the_module() -> None:
    """`qa` does the same as `python -m qa`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"qa": "qa.__main__:main"}
