"""The `qa` command: turns options into one call of the core and writes the result to stdout.

It decides nothing about answers. Everything heavy is imported inside the command that needs it, so `qa --help` loads
only click (25 ms).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from index.errors import QaError, StorageError, UsageError
from qa.diagnostics import ExitCode, exit_code_for, tell, tell_error

if TYPE_CHECKING:
    from qa.answerer import Answerer
    from qa.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_STDERR = 2
"""The highest file descriptor of the three standard streams."""
_LEAST_WORDS = 3
"""Of a command line that looks like a question typed without quotation marks."""
_LONGEST_SUGGESTION = 200
"""Characters of a question that an error message repeats."""
_SPECIAL_IN_QUOTES = frozenset('"$`\\!')
"""What a shell does not take literally between double quotation marks."""

_ONE_OBJECT = "--json prints one object, for one question; use --jsonl to print one object per line."
_NO_QUESTION = 'there is no question; ask one: qa ask "Did China condemn the invasion?"'


class _ReaderLeft(Exception):  # noqa: N818 - not an error
    """The program that reads our output has closed its end of the pipe."""


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Keep click from ending the process with code 1 when the reader of a pipe leaves.

    :raises _ReaderLeft: if it does.
    """
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderLeft from error


class _Commands(click.Group):
    """The commands, with help for a question that was typed without one."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the command line; `--help` is printed here."""
        with _reader_may_leave():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _reader_may_leave():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command.

        :raises UsageError: if there is none of that name and the words look like a question.
        """
        if self.get_command(ctx, args[0]) is None and self._is_question(args):
            question = " ".join(args)
            raise UsageError(f"that is not a command; to ask a question, run: qa ask {_quoted(question)}")
        return super().resolve_command(ctx, args)

    def _is_question(self, args: Sequence[str]) -> bool:
        # 3 ms, only needed for a mistake.
        import difflib

        if difflib.get_close_matches(args[0], self.commands, n=1):
            return False
        has_options = any(word.startswith("-") for word in args)
        return " " in args[0].strip() or args[0].endswith("?") or (len(args) >= _LEAST_WORDS and not has_options)


def _quoted(question: str) -> str:
    """The question as one word of a command line; '"…"' if it is too long to repeat."""
    if len(question) > _LONGEST_SUGGESTION:
        return '"…"'
    if not _SPECIAL_IN_QUOTES.intersection(question):
        return f'"{question}"'
    import shlex

    return shlex.quote(question)


def _remembered(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Keep an option that may be given before or after the command; the one nearer to the command wins."""
    choices: dict[str, Any] = context.ensure_object(dict)
    if value is not None and parameter.name is not None:
        choices[parameter.name] = value
    return value


def docs_option(command: F) -> F:
    """Add `--docs`, which may be given before or after the command."""
    option = click.option("--docs", metavar="DIR", callback=_remembered, expose_value=False, help="Folder of articles.")
    return option(command)


def shared_options(command: F) -> F:
    """Add the options of every command that answers or indexes, before or after its name."""
    options = (
        docs_option,
        click.option(
            "--model",
            metavar="NAME",
            callback=_remembered,
            expose_value=False,
            help="Sentence Transformers model, by name or folder. Default: the one that comes with the install.",
        ),
        click.option(
            "--reranker",
            metavar="NAME",
            callback=_remembered,
            expose_value=False,
            help="Cross-encoder, by name or folder; 'none' turns it off.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _load_settings(context: click.Context, **more: Any) -> Settings:
    from qa.settings import load_settings

    return load_settings({**context.ensure_object(dict), **more})


def _examples(*lines: str) -> str:
    """The end of a command's help: example calls, one per line. The first character keeps click from wrapping them."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_examples('qa ask "Did China condemn the invasion?"', "qa --docs ~/articles", "qa ask --help"),
)
@shared_options
@click.option("--plain", is_flag=True, help="Converse line by line on stdin and stdout, without the app.")
@click.option("--theme", metavar="NAME", callback=_remembered, expose_value=False, help="Theme of the app.")
@click.option("--continue", "continued", is_flag=True, help="Continue the latest conversation about the folder.")
@click.option("--session", "number", type=int, metavar="N", help="Continue conversation N of `qa sessions`.")
@click.version_option(package_name="qa", message="qa %(version)s")
@click.pass_context
def cli(context: click.Context, plain: bool, continued: bool, number: int | None) -> None:
    """Ask questions about a folder of articles. Answers are verbatim quotes that you can check, or an honest 'not in
    the articles'.

    Without a command, qa opens the app.
    """
    if continued and number is not None:
        raise UsageError("--continue and --session cannot be combined; choose one.")
    if context.invoked_subcommand is None:
        _converse(context, plain, continued, number)
    elif plain or continued or number is not None:
        raise UsageError("--plain, --continue and --session do not go with a command; leave them out.")


def _converse(context: click.Context, plain: bool, continued: bool, number: int | None) -> None:
    documents = None
    if number is not None:
        from qa.commands.sessions import find_documents

        documents = find_documents(number)
    # A conversation continued by its number uses its own folder, unless another one is named.
    settings = _load_settings(context, **({} if "docs" in context.obj else {"docs": documents}))
    if continued:
        from qa.commands.sessions import find_latest

        number = find_latest(settings.docs)
    from qa.output.terminal import is_dumb

    # Textual draws on stderr.
    if plain or is_dumb(os.environ) or not (sys.stdout.isatty() and sys.stderr.isatty()):
        raise SystemExit(_run_plain(settings, number))
    from qa.tui.app import run_app

    raise SystemExit(run_app(settings, number))


def _run_plain(settings: Settings, number: int | None) -> int:
    """Converse line by line. Piped input is not saved, unless it continues a saved conversation."""
    from qa.plain import Keeping, render_unsaved, run_plain

    if number is None and not sys.stdin.isatty():
        return run_plain(lambda: _open_answerer(settings, draws=False), sys.stdin, sys.stdout)
    from qa.sessions.store import open_sessions

    try:
        keeping = Keeping(open_sessions(), str(settings.docs), number)
    except StorageError as error:
        tell(render_unsaved(error))
        keeping = None
    return run_plain(lambda: _open_answerer(settings, draws=False), sys.stdin, sys.stdout, keeping)


def _open_answerer(settings: Settings, *, draws: bool = True) -> Answerer:
    from qa.answerer import open_answerer

    with _progress_line(draws=draws) as progress:
        return open_answerer(settings, progress=progress, tell=tell)


@contextmanager
def _progress_line(*, draws: bool = True) -> Iterator[Any]:
    from qa.diagnostics import ProgressLine

    progress = ProgressLine(draws=draws)
    try:
        yield progress
    finally:
        progress.close()


@cli.command(
    epilog=_examples(
        'qa ask "Did China condemn the invasion?"',
        'qa --docs ~/articles ask --json "Who paid for it?" > answer.json',
        "qa ask --jsonl - < questions.txt > answers.jsonl",
    )
)
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@shared_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--jsonl", "as_json_lines", is_flag=True, help="Print one JSON object per question, each on a line.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown.")
@click.option(
    "-k",
    "--passages",
    metavar="N",
    type=click.IntRange(1, 100),
    help="Number of closest passages to list. Default: 5.",
)
@click.option(
    "--threshold", metavar="X", type=click.FloatRange(0, 1), help="Lowest confidence at which an answer is given."
)
@click.option("--no-refresh", is_flag=True, help="Answer from the index as it is, and say what is stale.")
@click.pass_context
def ask(
    context: click.Context,
    questions: tuple[str, ...],
    as_json: bool,
    as_json_lines: bool,
    as_markdown: bool,
    passages: int | None,
    threshold: float | None,
    no_refresh: bool,
) -> None:
    """Answer one or more questions.

    With '-' or without a question, questions are read from stdin, one per line: plain text or, with --jsonl, objects
    {"id", "question", "history": [{"q", "a"}]}. Exit code 0: answered; 1: not in the articles.
    """
    if as_json + as_json_lines + as_markdown > 1:
        raise UsageError("--json, --jsonl and --markdown cannot be combined; choose one.")
    if as_json and len(questions) > 1:
        raise UsageError(_ONE_OBJECT)
    settings = _load_settings(context, passages=passages, threshold=threshold, refresh=False if no_refresh else None)
    lines = _read_lines(questions)
    show = _build_renderer(settings, as_json, as_json_lines, as_markdown, several=len(questions) != 1)
    _leave(_answer_all(settings, lines, show, as_records=as_json_lines, only_one=as_json))


def _read_lines(questions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The questions, each with its place for error messages: 'line 3: ', or nothing for the command line."""
    if "-" in questions and len(questions) > 1:
        raise UsageError("'-' reads the questions from stdin; leave out either '-' or the other questions.")
    if questions not in ((), ("-",)):
        return (("", question) for question in questions)
    if not questions and sys.stdin.isatty():
        raise UsageError(_NO_QUESTION)
    return _read_stdin()


def _read_stdin() -> Iterator[tuple[str, str]]:
    try:
        for number, line in enumerate(sys.stdin, 1):
            text = line.removeprefix("\ufeff") if number == 1 else line
            if text.strip():
                yield f"line {number}: ", text
    except OSError as error:
        raise _unreadable("stdin", error) from error


def _answer_all(
    settings: Settings,
    lines: Iterator[tuple[str, str]],
    show: Callable[..., str],
    *,
    as_records: bool,
    only_one: bool,
) -> ExitCode:
    """Answer each line on stdout. A line that is not a question is reported and does not stop the others.

    :return: the worst exit code of all lines.
    """
    from qa.answering.request import parse_request

    worst: ExitCode | None = None
    answerer: Answerer | None = None
    for place, line in lines:
        if only_one and worst is not None:
            raise UsageError(_ONE_OBJECT)
        try:
            request = parse_request(line, as_record=as_records)
        except UsageError as error:
            tell_error(UsageError(f"{place}{error}"))
            worst = ExitCode.USAGE
            continue
        # Opened only once there is a valid question, so that a mistake is reported at once.
        answerer = answerer or _open_answerer(settings)
        answer = answerer.ask(request.question, request.history)
        _write(show(answer, request.identifier))
        code = ExitCode.ANSWERED if answer.answered else ExitCode.NOT_IN_ARTICLES
        worst = max(worst or code, code)
    if worst is None:
        raise UsageError(_NO_QUESTION)
    return worst


def _build_renderer(
    settings: Settings, as_json: bool, as_json_lines: bool, as_markdown: bool, *, several: bool
) -> Callable[..., str]:
    from qa.output import render
    from qa.output.terminal import wants_colour

    if as_json:
        return lambda answer, _: render.render_json(answer)
    if as_json_lines:
        return render.render_json_line
    if as_markdown:
        return lambda answer, _: render.render_markdown(answer)
    import shutil

    colour = wants_colour(os.environ, sys.stdout.isatty())
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    return lambda answer, _: render.render_text(
        answer, docs=settings.docs, colour=colour, width=width, with_question=several
    )


@cli.command(
    name="index",
    epilog=_examples("qa index", "qa index --status", "qa index --watch", "qa --docs ~/articles index --memory 500"),
)
@shared_options
@click.option("--rebuild", is_flag=True, help="Build from scratch, but reuse stored embeddings.")
@click.option("--watch", is_flag=True, help="Follow the folder until interrupted.")
@click.option("--status", is_flag=True, help="Show what is indexed, stale and skipped; change nothing.")
@click.option("--check", is_flag=True, help="Read every byte of the index first, and repair what is damaged.")
@click.option("--memory", type=click.IntRange(min=1), metavar="MB", help="Memory limit in megabytes.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Number of threads. Default: all processors.")
@click.option("--no-wait", is_flag=True, help="Exit at once if another process is indexing.")
@click.option("--json", "as_json", is_flag=True, help="With --status: print JSON.")
@click.option("--progress-json", is_flag=True, help="Report progress on stderr as JSON lines, for programs.")
@click.pass_context
def index_command(
    context: click.Context,
    rebuild: bool,
    watch: bool,
    status: bool,
    check: bool,
    memory: int | None,
    jobs: int | None,
    no_wait: bool,
    as_json: bool,
    progress_json: bool,
) -> None:
    """Bring the index up to date with the folder."""
    from qa.commands import indexing

    if status and (rebuild or watch or check or progress_json):
        raise UsageError("--status changes nothing; leave out --rebuild, --watch, --check and --progress-json.")
    if as_json and not status:
        raise UsageError("--json goes with --status; add --status, or use --progress-json.")
    if watch and progress_json:
        raise UsageError("--watch and --progress-json cannot be combined; choose one.")
    settings = _load_settings(context)
    if status:
        _write(indexing.render_status(settings, as_json=as_json))
        return
    task = indexing.Task(rebuild=rebuild, check=check, wait=not no_wait, memory=memory, jobs=jobs)
    indexing.run_indexing(settings, task, watch=watch, progress_json=progress_json)


@cli.command(
    short_help="Print the text of an article.",
    epilog=_examples("qa show notes/tides.txt", "qa show notes/tides.txt --range 120:180"),
)
@click.argument("path")
@docs_option
@click.option("--range", "span", metavar="START:END", help="Print only these characters.")
@click.pass_context
def show(context: click.Context, path: str, span: str | None) -> None:
    """Print the canonical text of an article, in which the offsets of citations count."""
    from qa.commands.show import render_article

    _write(render_article(_load_settings(context), path, span, on_terminal=sys.stdout.isatty()))


@cli.command(
    short_help="Check the citations of saved answers.",
    epilog=_examples("qa verify answer.json", 'qa ask --json "Who paid for it?" | qa verify -'),
)
@click.argument("answers", metavar="ANSWER.json|-")
@docs_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_context
def verify(context: click.Context, answers: str, as_json: bool) -> None:
    """Check every citation of saved answers against the articles as they are now.

    Reads the output of `qa ask --json` or --jsonl and needs no index. Exit code 0: every citation holds; 1: at least
    one does not.
    """
    from qa.commands import verify as verifying
    from qa.output.render import render_record

    settings = _load_settings(context)
    name = "stdin" if answers == "-" else answers
    report = verifying.verify_answers(verifying.parse_answers(_read_text(answers), name), settings.docs)
    if as_json:
        _write(render_record(verifying.build_report_record(report), indent=2) + "\n")
    else:
        _write(verifying.render_report(report))
    raise SystemExit(report.exit_code)


@cli.command(
    name="eval",
    short_help="Measure how good the answers are.",
    epilog=_examples(
        "qa eval questions.jsonl",
        "qa eval questions.jsonl --json > before.json",
        "qa eval questions.jsonl --reranker none --baseline before.json",
    ),
)
@click.argument("questions", metavar="QUESTIONS.jsonl")
@shared_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object, with a row per question.")
@click.option("--baseline", metavar="FILE", help="Compare with an earlier report, written with --json.")
@click.option(
    "--threshold",
    metavar="X",
    type=click.FloatRange(0, 1),
    help="Lowest confidence at which a question counts as answered.",
)
@click.option("--as-typed", is_flag=True, help="Ignore the conversations that come with the questions.")
@click.pass_context
def evaluate(
    context: click.Context,
    questions: str,
    as_json: bool,
    baseline: str | None,
    threshold: float | None,
    as_typed: bool,
) -> None:
    """Measure the answers about the folder with labelled questions, one JSON object per line:

    \b
    {"question": "…", "answers": ["…"], "relevant": [{"doc": "tides.txt", "paragraph": 3}],
     "answerable": true, "kind": "…", "history": [{"q": "…", "a": "…"}], "id": "…"}

    Only "question" is required. A question with neither answers nor relevant places has no answer. The index must be
    up to date. A run that was interrupted resumes when you start it again.
    """
    from pathlib import Path

    from qa.evaluation.command import run_evaluation

    settings = _load_settings(context, threshold=threshold)
    earlier = None if baseline is None else Path(baseline)
    _write(run_evaluation(settings, Path(questions), baseline=earlier, as_json=as_json, as_typed=as_typed))


def _read_text(path: str) -> str:
    from pathlib import Path

    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; name a file written by `qa ask --json`.") from error
    except (OSError, ValueError) as error:
        raise _unreadable("stdin" if path == "-" else path, error) from error


def _unreadable(name: str, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) else error
    return UsageError(f"{name} cannot be read ({reason}); name another file.")


@cli.command(name="serve", epilog=_examples("qa serve", "qa --docs ~/articles serve --port 8080"))
@shared_options
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; any other address lets other machines in.",
)
@click.option(
    "--port", metavar="N", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on."
)
@click.pass_context
def serve_command(context: click.Context, host: str, port: int) -> None:
    """Show the app in a browser."""
    from qa.serving.browser import serve

    serve(_load_settings(context), host=host, port=port)


@cli.command(
    short_help="List saved conversations; rename, delete or restore one.",
    epilog=_examples("qa sessions", "qa sessions china trade", 'qa sessions --rename 3 "Trade with China"'),
)
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--rename", nargs=2, type=(int, str), metavar="SESSION TITLE", help="Give a session another title.")
@click.option("--delete", type=int, metavar="SESSION", help="Delete a session; it can be restored for a day.")
@click.option("--restore", type=int, metavar="SESSION", help="Restore a deleted session.")
def sessions(
    words: tuple[str, ...], as_json: bool, rename: tuple[int, str] | None, delete: int | None, restore: int | None
) -> None:
    """List the saved conversations that contain all WORDS, or rename, delete or restore one."""
    from qa.commands import sessions as commands

    if (rename is not None) + (delete is not None) + (restore is not None) > 1:
        raise UsageError("--rename, --delete and --restore cannot be combined; choose one.")
    if rename is not None:
        shown = commands.change_session(rename[0], title=rename[1])
    elif delete is not None:
        shown = commands.change_session(delete, delete=True)
    elif restore is not None:
        shown = commands.change_session(restore, restore=True)
    else:
        shown = commands.render_sessions(" ".join(words), as_json=as_json)
    _write(shown)


@cli.command(
    short_help="Write a saved conversation to a file.",
    epilog=_examples("qa export 3 > trade.md", "qa export 3 --output trade.html"),
)
@click.argument("session", type=int)
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json", "html"]),
    help="Format of the export. Default: by the ending of the file.",
)
@click.option("-o", "--output", metavar="FILE", help="New file to write. Default: stdout.")
def export(session: int, form: str | None, output: str | None) -> None:
    """Write a saved conversation with its citations as Markdown, JSON or HTML."""
    from qa.commands.sessions import export_session

    _write(export_session(session, form, output))


def _write(text: str) -> None:
    """Write to stdout and flush, so that the reader of a pipe gets each answer as soon as it is there.

    :raises BrokenPipeError: if the reader has left.
    :raises StorageError: if the system refuses, for example because a disk is full.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _lead_nowhere(sys.stdout)
        raise StorageError(
            f"stdout cannot be written ({error.strerror}); free some space, or write somewhere else."
        ) from error


def _leave(code: ExitCode) -> None:
    """End the process at once; tearing down the threads of the models would take 40 ms."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _prepare_streams() -> None:
    """Make the standard streams accept any text, and let a closed one lead nowhere.

    The number of a closed stream would go to the next file that is opened, perhaps the database of the index, and
    everything written to the stream would end up in that file.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 - stays open as long as the process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


def _lead_nowhere(stream: TextIO) -> None:
    """Drop what is still to be written to `stream`, so that closing it at exit raises nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def main() -> None:
    """Run the `qa` command. This is the one place where our errors become a sentence and an exit code."""
    _prepare_streams()
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        tell(_render_usage_error(error))
        sys.exit(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        tell("interrupted")
        # sys.exit would wait for the threads that load models. They never end if the interruption cut off an import.
        _leave(ExitCode.INTERRUPTED)
    except QaError as error:
        tell_error(error)
        sys.exit(exit_code_for(error))
    except _ReaderLeft:
        # As in `qa ask … | head -1`: the reader has what it wanted, so this is no failure.
        for stream in (sys.stdout, sys.stderr):
            _lead_nowhere(stream)
        _leave(ExitCode.ANSWERED)


def _render_usage_error(error: click.ClickException) -> str:
    """One of click's own messages, followed by where to look."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = "qa" if context is None else context.command_path
    shows = "the commands" if context is None or isinstance(context.command, click.Group) else "its options"
    said = " ".join(error.format_message().split())
    return f"qa: {said if said.endswith(('.', '?')) else said + '.'} Run `{command} --help` to see {shows}."
