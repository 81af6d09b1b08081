"""The commands: turns options into one call of the core and its result into stdout. Decides nothing about answers.

Everything heavy is imported inside the command that needs it: `qa --help` loads click alone (25 ms).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from index.errors import QaError, StorageError, UsageError
from qa.diagnostics import ExitCode, exit_code_for, tell, tell_error

if TYPE_CHECKING:
    from qa.engine import Engine
    from qa.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_NO_QUESTION = 'there is no question; ask one: qa ask "Did China condemn the invasion?"'


def _remembered(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Options may stand before or after the command: the one nearer to the command wins."""
    choices: dict[str, Any] = context.ensure_object(dict)
    if value is not None and parameter.name is not None:
        choices[parameter.name] = value
    return value


def shared_options(command: F) -> F:
    """The options that every command takes, before or after its name."""
    options = (
        click.option("--docs", metavar="DIR", callback=_remembered, expose_value=False, help="Folder of articles."),
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


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
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
        from qa.session_commands import find_documents

        documents = find_documents(number)
    # Asked for by its number, a conversation goes on over its own folder, wherever one is.
    settings = _load_settings(context, **({} if context.obj.get("docs") else {"docs": documents}))
    if continued:
        from qa.session_commands import find_latest

        number = find_latest(settings.docs)
    # The app is drawn on stderr, as Textual does it.
    if plain or not (sys.stdout.isatty() and sys.stderr.isatty()):
        raise SystemExit(_run_plain(settings, number))
    from qa.tui.app import run_app

    run_app(settings, number)


def _run_plain(settings: Settings, number: int | None) -> int:
    """What is piped in is not kept, unless it goes on with a conversation that is."""
    from qa.plain import Keeping, run_plain

    if number is None and not sys.stdin.isatty():
        return run_plain(lambda: _open_engine(settings), sys.stdin, sys.stdout)
    from qa.sessions import open_sessions

    try:
        keeping = Keeping(open_sessions(), str(settings.docs), number)
    except StorageError as error:
        tell(f"The conversation is not being saved: {error}")
        keeping = None
    return run_plain(lambda: _open_engine(settings), sys.stdin, sys.stdout, keeping)


def _open_engine(settings: Settings) -> Engine:
    from qa.engine import open_engine

    with _progress_line() as progress:
        return open_engine(settings, progress=progress, tell=tell)


@contextmanager
def _progress_line() -> Iterator[Any]:
    from qa.diagnostics import ProgressLine

    progress = ProgressLine()
    try:
        yield progress
    finally:
        progress.close()


@cli.command()
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@shared_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--jsonl", "as_json_lines", is_flag=True, help="One JSON object a line, one for each question.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Markdown, for notes.")
@click.option("-k", "--passages", type=click.IntRange(1, 100), help="How many of the closest passages to list.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Confidence from which an answer is given.")
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
    settings = _load_settings(context, passages=passages, threshold=threshold, refresh=False if no_refresh else None)
    lines = _read_lines(questions)
    show = _build_renderer(settings, as_json, as_json_lines, as_markdown, several=len(questions) != 1)
    _leave(_answer_all(settings, lines, show, as_records=as_json_lines))


def _read_lines(questions: Sequence[str]) -> Iterator[str]:
    if questions not in ((), ("-",)):
        return iter(questions)
    if not questions and sys.stdin.isatty():
        raise UsageError(_NO_QUESTION)
    return (line for line in sys.stdin if line.strip())


def _answer_all(settings: Settings, lines: Iterator[str], show: Callable[..., str], *, as_records: bool) -> ExitCode:
    """Answers each line on stdout; the worst of their codes. A line that is no question does not stop the others."""
    from qa.questions import parse_request

    worst: ExitCode | None = None
    engine: Engine | None = None
    for line in lines:
        try:
            request = parse_request(line, as_record=as_records)
        except UsageError as error:
            tell_error(error)
            worst = ExitCode.USAGE
            continue
        # Opened only for a question that can be meant, so that a wrong one is told at once.
        engine = engine or _open_engine(settings)
        answer = engine.ask(request.question, request.history)
        sys.stdout.write(show(answer, request.identifier))
        sys.stdout.flush()
        code = ExitCode.ANSWERED if answer.answered else ExitCode.NOT_IN_ARTICLES
        worst = max(worst or code, code)
    if worst is None:
        raise UsageError(_NO_QUESTION)
    return worst


def _build_renderer(
    settings: Settings, as_json: bool, as_json_lines: bool, as_markdown: bool, *, several: bool
) -> Callable[..., str]:
    from qa import render

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


@cli.command(name="index")
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
    from qa import indexing

    settings = _load_settings(context)
    if status:
        sys.stdout.write(indexing.render_status(settings, as_json=as_json))
        return
    task = indexing.Task(rebuild=rebuild, check=check, wait=not no_wait, memory=memory, jobs=jobs)
    indexing.run_indexing(settings, task, watch=watch, progress_json=progress_json)


@cli.command()
@click.argument("path")
@shared_options
@click.option("--range", "span", metavar="START:END", help="Only these characters.")
@click.pass_context
def show(context: click.Context, path: str, span: str | None) -> None:
    """Print an article's canonical text, the one that offsets count in."""
    from qa.showing import render_article

    sys.stdout.write(render_article(_load_settings(context), path, span, on_terminal=sys.stdout.isatty()))


@cli.command()
@click.argument("answers", metavar="ANSWER.json|-")
@shared_options
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
@click.pass_context
def verify(context: click.Context, answers: str, as_json: bool) -> None:
    """Check every citation of saved answers against the articles as they are now.

    Reads what `qa ask --json` or --jsonl wrote; needs no index. Exit code 0: all hold; 1: one or more do not.
    """
    from qa import verify as verifying
    from qa.render import render_record

    settings = _load_settings(context)
    text = sys.stdin.read() if answers == "-" else _read_text(answers)
    report = verifying.verify_answers(
        verifying.parse_answers(text, "stdin" if answers == "-" else answers), settings.docs
    )
    if as_json:
        sys.stdout.write(render_record(verifying.build_report_record(report), indent=2) + "\n")
    else:
        sys.stdout.write(verifying.render_report(report))
    raise SystemExit(ExitCode.ANSWERED if report.holds else ExitCode.NOT_IN_ARTICLES)


@cli.command(name="eval")
@click.argument("questions", metavar="QUESTIONS.jsonl")
@shared_options
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object, with a row for each question.")
@click.option("--baseline", metavar="FILE", help="An earlier report (--json) to compare with.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Confidence from which a question counts as answered.")
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
    """Measure how good answers over the folder are, with labelled questions, one JSON object a line.

    Needs an up-to-date index. Run again after an interruption, it goes on where it was.
    """
    from pathlib import Path

    from qa.evaluation.command import run_evaluation

    settings = _load_settings(context, threshold=threshold)
    earlier = None if baseline is None else Path(baseline)
    report = run_evaluation(settings, Path(questions), baseline=earlier, as_json=as_json, as_typed=as_typed)
    sys.stdout.write(report)


def _read_text(path: str) -> str:
    from pathlib import Path

    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; name a file that `qa ask --json` wrote.") from error
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}); name a file that `qa ask --json` wrote."
        ) from error


@cli.command(name="serve")
@shared_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; another lets others in.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen at.")
@click.pass_context
def serve_command(context: click.Context, host: str, port: int) -> None:
    """Show the app in a browser."""
    from qa.serve import serve

    serve(_load_settings(context), host=host, port=port)


@cli.command()
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--rename", nargs=2, type=(int, str), metavar="SESSION TITLE", help="Give a session another title.")
@click.option("--delete", type=int, metavar="SESSION", help="Delete a session; it can be taken back for a day.")
@click.option("--restore", type=int, metavar="SESSION", help="Take a deletion back.")
def sessions(
    words: tuple[str, ...], as_json: bool, rename: tuple[int, str] | None, delete: int | None, restore: int | None
) -> None:
    """List the saved conversations that hold all WORDS; rename, delete, restore one."""
    from qa import session_commands as commands

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
    sys.stdout.write(shown)


@cli.command()
@click.argument("session", type=int)
@click.option("--format", "form", type=click.Choice(["markdown", "json", "html"]), help="Of the export.")
@click.option("-o", "--output", metavar="FILE", help="A new file; its ending tells the format. Default: stdout.")
def export(session: int, form: str | None, output: str | None) -> None:
    """Write a saved conversation with its citations as Markdown, JSON or HTML."""
    from qa.session_commands import export_session

    sys.stdout.write(export_session(session, form, output))


def _leave(code: ExitCode) -> None:
    """End at once with `code`: tearing down the models' threads takes 40 ms that nobody should wait for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """The `qa` command: the one place where our errors become a sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show(sys.stderr)
        sys.exit(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        tell("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
    except QaError as error:
        tell_error(error)
        sys.exit(exit_code_for(error))
    except BrokenPipeError:
        # The reader of a pipe has left (`qa ask … | head -1`): what it wanted, it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.ANSWERED)
