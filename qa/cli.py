"""The commands: turns options into one call of the core and its result into stdout. Decides nothing about answers.

Everything heavy is imported inside the command that needs it: `qa --help` loads click alone (25 ms).
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
"""Number of the last of the three standard streams."""

_ONE_OBJECT = "--json writes one object, for one question; write one a line with --jsonl."
_NO_QUESTION = 'there is no question; ask one: qa ask "Did China condemn the invasion?"'


def _remembered(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Options may stand before or after the command: the one nearer to the command wins."""
    choices: dict[str, Any] = context.ensure_object(dict)
    if value is not None and parameter.name is not None:
        choices[parameter.name] = value
    return value


def docs_option(command: F) -> F:
    """Which articles; taken before or after a command's name."""
    option = click.option("--docs", metavar="DIR", callback=_remembered, expose_value=False, help="Folder of articles.")
    return option(command)


def shared_options(command: F) -> F:
    """The options of every command that answers or indexes, before or after its name."""
    options = (
        docs_option,
        click.option(
            "--model",
            metavar="NAME",
            callback=_remembered,
            expose_value=False,
            help="Sentence Transformers model, by name or folder, instead of the one that comes with the install.",
        ),
        click.option(
            "--reranker",
            metavar="NAME",
            callback=_remembered,
            expose_value=False,
            help="Cross-encoder, by name or folder, or 'none'.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _load_settings(context: click.Context, **more: Any) -> Settings:
    from qa.settings import load_settings

    return load_settings({**context.ensure_object(dict), **more})


def _examples(*lines: str) -> str:
    """The end of a command's help: what one would type, each on a line of its own (the mark forbids wrapping)."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_examples('qa ask "Did China condemn the invasion?"', "qa --docs ~/articles", "qa ask --help"),
)
@shared_options
@click.option("--plain", is_flag=True, help="Converse line by line on stdin and stdout, without the app.")
@click.option("--theme", metavar="NAME", callback=_remembered, expose_value=False, help="Theme of the app.")
@click.option("--continue", "continued", is_flag=True, help="Go on with the latest conversation over the folder.")
@click.option("--session", "number", type=int, metavar="N", help="Go on with conversation N of `qa sessions`.")
@click.version_option(package_name="qa", message="qa %(version)s")
@click.pass_context
def cli(context: click.Context, plain: bool, continued: bool, number: int | None) -> None:
    """Ask questions over a folder of articles; get verbatim, checkable quotes, or an honest 'not in the articles'.

    Without a command, opens the app.
    """
    if continued and number is not None:
        raise UsageError("--continue and --session exclude each other; choose one.")
    if context.invoked_subcommand is None:
        _converse(context, plain, continued, number)
    elif plain or continued or number is not None:
        raise UsageError("--plain, --continue and --session are for qa without a command; leave one of them out.")


def _converse(context: click.Context, plain: bool, continued: bool, number: int | None) -> None:
    documents = None
    if number is not None:
        from qa.commands.sessions import find_documents

        documents = find_documents(number)
    # Asked for by its number, a conversation goes on over its own folder, wherever one is.
    settings = _load_settings(context, **({} if context.obj.get("docs") else {"docs": documents}))
    if continued:
        from qa.commands.sessions import find_latest

        number = find_latest(settings.docs)
    # The app is drawn on stderr, as Textual does it; a dumb terminal (a shell inside an editor) cannot be drawn on.
    if plain or os.environ.get("TERM") == "dumb" or not (sys.stdout.isatty() and sys.stderr.isatty()):
        raise SystemExit(_run_plain(settings, number))
    from qa.tui.app import run_app

    raise SystemExit(run_app(settings, number))


def _run_plain(settings: Settings, number: int | None) -> int:
    """What is piped in is not kept, unless it goes on with a conversation that is."""
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
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--jsonl", "as_json_lines", is_flag=True, help="One JSON object a line, one for each question.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Markdown, for notes.")
@click.option(
    "-k",
    "--passages",
    metavar="N",
    type=click.IntRange(1, 100),
    help="How many of the closest passages to list; 5 unless given.",
)
@click.option("--threshold", metavar="X", type=click.FloatRange(0, 1), help="Confidence from which an answer is given.")
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

    With '-' or without a question, questions are read from stdin, one a line: plain text, or with --jsonl an object
    {"id", "question", "history": [{"q", "a"}]}. Exit code 0: answered; 1: not in the articles.
    """
    if as_json + as_json_lines + as_markdown > 1:
        raise UsageError("--json, --jsonl and --markdown exclude each other; choose one.")
    if as_json and len(questions) > 1:
        raise UsageError(_ONE_OBJECT)
    settings = _load_settings(context, passages=passages, threshold=threshold, refresh=False if no_refresh else None)
    lines = _read_lines(questions)
    show = _build_renderer(settings, as_json, as_json_lines, as_markdown, several=len(questions) != 1)
    _leave(_answer_all(settings, lines, show, as_records=as_json_lines, only_one=as_json))


def _read_lines(questions: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(where it stands, question) of each; the place, for messages, is empty for a question on the command line."""
    if "-" in questions and len(questions) > 1:
        raise UsageError("'-' reads the questions from stdin; leave it out, or the others.")
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
    """Answers each line on stdout; the worst of their codes. A line that is no question does not stop the others."""
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
        # Opened only for a question that can be meant, so that a wrong one is told at once.
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

    if as_json:
        return lambda answer, _: render.render_json(answer)
    if as_json_lines:
        return render.render_json_line
    if as_markdown:
        return lambda answer, _: render.render_markdown(answer)
    import shutil

    colour = render.wants_colour(os.environ, sys.stdout.isatty())
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    return lambda answer, _: render.render_text(
        answer, docs=settings.docs, colour=colour, width=width, with_question=several
    )


@cli.command(
    name="index",
    epilog=_examples("qa index", "qa index --status", "qa index --watch", "qa --docs ~/articles index --memory 500"),
)
@shared_options
@click.option("--rebuild", is_flag=True, help="Build from nothing; kept vectors are used again.")
@click.option("--watch", is_flag=True, help="Follow the folder until interrupted.")
@click.option("--status", is_flag=True, help="Say what is indexed, stale and skipped; change nothing.")
@click.option("--check", is_flag=True, help="Read every byte of the index first, and make anew what is damaged.")
@click.option("--memory", type=click.IntRange(min=1), metavar="MB", help="Most memory to use, in megabytes.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Threads to use; all processors unless given.")
@click.option("--no-wait", is_flag=True, help="Leave at once where another process is indexing.")
@click.option("--json", "as_json", is_flag=True, help="With --status: as JSON.")
@click.option("--progress-json", is_flag=True, help="Progress on stderr as JSON, for a program.")
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
        raise UsageError("--json is the form of --status; add that, or take --progress-json.")
    if watch and progress_json:
        raise UsageError("--watch and --progress-json exclude each other; choose one.")
    settings = _load_settings(context)
    if status:
        _write(indexing.render_status(settings, as_json=as_json))
        return
    task = indexing.Task(rebuild=rebuild, check=check, wait=not no_wait, memory=memory, jobs=jobs)
    indexing.run_indexing(settings, task, watch=watch, progress_json=progress_json)


@cli.command(
    short_help="Print an article's text, in which offsets count.",
    epilog=_examples("qa show notes/tides.txt", "qa show notes/tides.txt --range 120:180"),
)
@click.argument("path")
@docs_option
@click.option("--range", "span", metavar="START:END", help="Only these characters.")
@click.pass_context
def show(context: click.Context, path: str, span: str | None) -> None:
    """Print an article's canonical text, the one that offsets count in."""
    from qa.commands.show import render_article

    _write(render_article(_load_settings(context), path, span, on_terminal=sys.stdout.isatty()))


@cli.command(
    short_help="Check the citations of saved answers.",
    epilog=_examples("qa verify answer.json", 'qa ask --json "Who paid for it?" | qa verify -'),
)
@click.argument("answers", metavar="ANSWER.json|-")
@docs_option
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
@click.pass_context
def verify(context: click.Context, answers: str, as_json: bool) -> None:
    """Check every citation of saved answers against the articles as they are now.

    Reads what `qa ask --json` or --jsonl wrote; needs no index. Exit code 0: all hold; 1: one or more do not.
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
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object, with a row for each question.")
@click.option("--baseline", metavar="FILE", help="An earlier report (--json) to compare with.")
@click.option(
    "--threshold",
    metavar="X",
    type=click.FloatRange(0, 1),
    help="Confidence from which a question counts as answered.",
)
@click.option("--as-typed", is_flag=True, help="Take nothing over from the conversations of questions.")
@click.pass_context
def evaluate(
    context: click.Context,
    questions: str,
    as_json: bool,
    baseline: str | None,
    threshold: float | None,
    as_typed: bool,
) -> None:
    """Measure how good answers over the folder are, with labelled questions, one JSON object a line:

    \b
    {"question": "…", "answers": ["…"], "relevant": [{"doc": "tides.txt", "paragraph": 3}],
     "answerable": true, "kind": "…", "history": [{"q": "…", "a": "…"}], "id": "…"}

    Only "question" is needed; a question with neither answers nor relevant places has no answer. Needs an up-to-date
    index. Run again after an interruption, it goes on where it was.
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
        raise UsageError(f"{path} is not UTF-8 text; name a file that `qa ask --json` wrote.") from error
    except (OSError, ValueError) as error:
        raise _unreadable("stdin" if path == "-" else path, error) from error


def _unreadable(name: str, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) else error
    return UsageError(f"{name} cannot be read ({reason}); name a file that can.")


@cli.command(name="serve", epilog=_examples("qa serve", "qa --docs ~/articles serve --port 8080"))
@shared_options
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; another lets others in.",
)
@click.option(
    "--port", metavar="N", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen at."
)
@click.pass_context
def serve_command(context: click.Context, host: str, port: int) -> None:
    """Show the app in a browser."""
    from qa.serving.browser import serve

    serve(_load_settings(context), host=host, port=port)


@cli.command(
    short_help="List saved conversations; rename, delete, restore one.",
    epilog=_examples("qa sessions", "qa sessions china trade", 'qa sessions --rename 3 "Trade with China"'),
)
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--rename", nargs=2, type=(int, str), metavar="SESSION TITLE", help="Give a session another title.")
@click.option("--delete", type=int, metavar="SESSION", help="Delete a session; it can be taken back for a day.")
@click.option("--restore", type=int, metavar="SESSION", help="Take a deletion back.")
def sessions(
    words: tuple[str, ...], as_json: bool, rename: tuple[int, str] | None, delete: int | None, restore: int | None
) -> None:
    """List the saved conversations that hold all WORDS; rename, delete, restore one."""
    from qa.commands import sessions as commands

    if (rename is not None) + (delete is not None) + (restore is not None) > 1:
        raise UsageError("--rename, --delete and --restore exclude each other; choose one.")
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
@click.option("--format", "form", type=click.Choice(["markdown", "json", "html"]), help="Of the export.")
@click.option("-o", "--output", metavar="FILE", help="A new file; its ending tells the format. Default: stdout.")
def export(session: int, form: str | None, output: str | None) -> None:
    """Write a saved conversation with its citations as Markdown, JSON or HTML."""
    from qa.commands.sessions import export_session

    _write(export_session(session, form, output))


def _write(text: str) -> None:
    """To stdout, at once: who reads a pipe gets each answer when it is there.

    :raises StorageError: where the system refuses, a full disk for instance; a reader who left is told as he left.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _lead_nowhere(sys.stdout)
        raise StorageError(f"stdout cannot be written to ({error.strerror}); make room, or write elsewhere.") from error


def _leave(code: ExitCode) -> None:
    """End at once with `code`: tearing down the models' threads takes 40 ms that nobody should wait for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _prepare_streams() -> None:
    """Makes the three streams fit for any text; one that was closed leads nowhere.

    Left closed, its number would be given to the next file that is opened, the index's database perhaps, and
    everything written to the stream would end there.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 - open as long as the process
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


def _lead_nowhere(stream: TextIO) -> None:
    """What is left to be written to `stream` is dropped, so that closing it at the end finds no fault."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def main() -> None:
    """The `qa` command: the one place where our errors become a sentence and an exit code."""
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
        # Not by sys.exit, which waits for the threads that load models: where the interruption cut off an import here,
        # theirs never end.
        _leave(ExitCode.INTERRUPTED)
    except QaError as error:
        tell_error(error)
        sys.exit(exit_code_for(error))
    except BrokenPipeError:
        # The reader of a pipe has left (`qa ask … | head -1`): what it wanted, it has.
        for stream in (sys.stdout, sys.stderr):
            _lead_nowhere(stream)
        sys.exit(ExitCode.ANSWERED)


def _render_usage_error(error: click.ClickException) -> str:
    """click's own complaint as a sentence like ours."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "qa"
    said = " ".join(error.format_message().rstrip(".").split())
    return f"qa: {said}; `{command} --help` says what can be written."
