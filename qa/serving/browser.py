"""`qa serve`: the same app in a browser, only on this machine unless another address is named.

No page of another site can drive the app: requests with a foreign Host or Origin are refused. The page loads nothing
from other sites.
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
    """Serve the app until interrupted. Each browser window is a process of its own.

    :raises UsageError: if the address cannot be used.
    """
    # 0.3 s, and only this command needs it.
    from aiohttp import web

    address = render_address(host, port)
    if not is_local(host):
        tell(
            f"warning: anyone who can reach {address} can ask and read all articles and sessions; nothing is encrypted"
        )
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
        raise UsageError(f"cannot listen on {address} ({reason}); choose another port with --port.") from error


def is_local(host: str) -> bool:
    """True for an address that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def render_address(host: str, port: int) -> str:
    """The address to type into the browser."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def build_command(settings: Settings) -> list[str]:
    """The program behind each browser window."""
    return [sys.executable, "-m", "qa.tui", *build_options(settings, "model", "reranker", "theme")]


async def build_server(settings: Settings, host: str, port: int) -> web.Application:
    """The web application: page, fonts and script from the install, and the socket that carries the screen."""
    # textual-serve hands the command to a shell, so every word is quoted. With exec, the program replaces the shell:
    # it becomes a child of the server and notices when the server is gone.
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
    """textual-serve's server, extended to end with its windows, and its windows with it."""
    from textual_serve.server import Server

    class Screens(Server):
        """A server without the greeting on stdout, which would show the command."""

        def __init__(self) -> None:
            super().__init__(command, **options)
            self._open: set[web.WebSocketResponse] = set()

        async def on_startup(self, app: web.Application) -> None:
            """Print nothing."""

        async def on_shutdown(self, app: web.Application) -> None:
            """Close the windows, so that each app saves and ends. Windows left open held the server for a minute."""
            await asyncio.gather(*(websocket.close() for websocket in self._open))

        async def _process_messages(self, websocket: web.WebSocketResponse, app_service: Any) -> None:
            """Run until the window is closed or the app has ended in any way."""
            self._open.add(websocket)
            closing = asyncio.create_task(_close_after(app_service, websocket))
            try:
                await super()._process_messages(websocket, app_service)
            finally:
                closing.cancel()
                self._open.discard(websocket)

    return Screens()


async def _close_after(app_service: Any, websocket: web.WebSocketResponse) -> None:
    """Close the window of an app that was killed or never started; such an app does not close it itself."""
    await asyncio.wait({app_service._task})
    await websocket.close()


async def _forbid_frames(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Refuse to be shown inside another site's page, which could trick a person into typing into the app."""
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    response.headers["X-Frame-Options"] = "DENY"


def _build_guard(host: str) -> Any:
    """Refuse requests from other pages: those with the Origin of another site or, if a name was rebound, with a foreign
    Host.

    Any port is accepted, because a tunnel or a container may change it. A server that listens for other machines cannot
    know its own names, so there the Origin must equal the Host.
    """
    from aiohttp import web

    ours = {"127.0.0.1", "localhost", "::1", host}

    @web.middleware
    async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
        origin = request.headers.get("Origin")
        known_host = not is_local(host) or _name_of(request.host) in ours
        known_origin = origin is None or origin in {f"http://{request.host}", f"https://{request.host}"}
        if not (known_host and known_origin):
            raise web.HTTPForbidden(text="This request comes from another site.")
        if request.path == "/ws" and origin is None:
            raise web.HTTPForbidden(text="Open the app from its own page.")
        return await handler(request)

    return guard


def _name_of(host: str) -> str | None:
    """The Host of a request without its port; None if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
