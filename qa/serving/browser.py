"""`qa serve`: the same app in a browser, on this machine only unless told otherwise.

A page of another site must not be able to drive the app: requests whose Host or Origin is not ours are refused. The
page loads nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from index.errors import UsageError
from qa.diagnostics import tell
from qa.settings import Settings, build_options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

_SECONDS_TO_END = 10.0
"""For the apps behind open windows."""
_TEMPLATES = Path(__file__).parent / "web"


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serves the app until interrupted; each browser window is a process of its own.

    Raises UsageError where the address cannot be listened at.
    """
    # 0.3 s, which only this command pays.
    from aiohttp import web

    address = render_address(host, port)
    if not is_local(host):
        tell(f"warning: whoever reaches {address} can ask and read all articles and sessions; nothing is encrypted")
    try:
        web.run_app(
            build_server(settings, host, port),
            host=host,
            port=port,
            print=lambda *_: tell(f"open {address}"),
            shutdown_timeout=_SECONDS_TO_END,
        )
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{address} cannot be listened at ({reason}); choose another with --port.") from error


def is_local(host: str) -> bool:
    """True for an address that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def render_address(host: str, port: int) -> str:
    """What to type into the browser."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def build_command(settings: Settings) -> list[str]:
    """The program behind each browser window."""
    return [sys.executable, "-m", "qa.tui", *build_options(settings, "model", "reranker", "theme")]


async def build_server(settings: Settings, host: str, port: int) -> web.Application:
    """The web application: page, fonts and script from the install, and the socket that carries the screen."""
    # The shell is replaced by the program, which so is the server's own child and notices when the server is gone.
    # textual-serve hands the command to a shell: every word is quoted for it.
    server = _build_screens(
        "exec " + shlex.join(build_command(settings)),
        host=host,
        port=port,
        title="qa",
        public_url=render_address(host, port),
        templates_path=_TEMPLATES,
    )
    application: web.Application = await server._make_app()
    application.middlewares.append(_build_guard(host))
    application.on_response_prepare.append(_forbid_frames)
    return application


def _build_screens(command: str, **options: Any) -> Any:
    """textual-serve's server, which learns to end: with each app, and all apps with it."""
    from textual_serve.server import Server

    class Screens(Server):
        """Without the greeting on stdout, which names the command."""

        def __init__(self) -> None:
            super().__init__(command, **options)
            self._open: set[web.WebSocketResponse] = set()

        async def on_startup(self, app: web.Application) -> None:
            """Prints nothing."""

        async def on_shutdown(self, app: web.Application) -> None:
            """Closes the windows; each app saves and ends. Left open, they held the server for a minute."""
            await asyncio.gather(*(websocket.close() for websocket in self._open))

        async def _process_messages(self, websocket: web.WebSocketResponse, app_service: Any) -> None:
            """Until the window is closed, or the app has ended in whatever way."""
            self._open.add(websocket)
            closing = asyncio.create_task(_close_after(app_service, websocket))
            try:
                await super()._process_messages(websocket, app_service)
            finally:
                closing.cancel()
                self._open.discard(websocket)

    return Screens()


async def _close_after(app_service: Any, websocket: web.WebSocketResponse) -> None:
    """An app that was killed or never began does not say so itself: its window would stay as it was."""
    await asyncio.wait({app_service._task})
    await websocket.close()


async def _forbid_frames(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Shown inside another site's page, the app could be put under what a person believes to type into."""
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    response.headers["X-Frame-Options"] = "DENY"


def _build_guard(host: str) -> Any:
    """Refuses what another page sends: Origin of another site, or (rebinding of a name) a Host that is not ours.

    Any port is ours, since a tunnel or a container may give it another. Told to listen for others, only this machine's
    names are not enough: then the Origin has to be the Host.
    """
    from aiohttp import web

    ours = {"127.0.0.1", "localhost", "::1", host}

    @web.middleware
    async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
        origin = request.headers.get("Origin")
        known_host = not is_local(host) or _name_of(request.host) in ours
        known_origin = origin is None or origin in {f"http://{request.host}", f"https://{request.host}"}
        if not (known_host and known_origin):
            raise web.HTTPForbidden(text="This page belongs to another site.")
        if request.path == "/ws" and origin is None:
            raise web.HTTPForbidden(text="The app is opened from its own page.")
        return await handler(request)

    return guard


def _name_of(host: str) -> str | None:
    """The Host of a request without its port; None where it is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
