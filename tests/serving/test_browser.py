"""The app in a browser: only on this machine, only for its own page, and the same app as in the terminal."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from index.errors import UsageError
from qa.serving.browser import build_command, build_server, is_local, render_address, serve
from qa.sessions.store import open_sessions
from qa.settings import Settings
from qa.types import Answer
from tests.helpers.articles import write_articles
from tests.helpers.places import ROOT

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
_SECONDS = 60.0


@asynccontextmanager
async def serving(settings: Settings, port: int, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The server for `settings`, in this process."""
    runner = web.AppRunner(await build_server(settings, host, port))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield render_address("127.0.0.1", port)
    await runner.cleanup()


@pytest.fixture
def port(unused_tcp_port: int) -> int:
    return unused_tcp_port


async def _status(address: str, path: str = "/", **headers: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(address + path, headers=headers) as response:
        return response.status


async def test_only_its_own_page(port: int, tmp_path: Path) -> None:
    """A foreign Origin and a foreign Host are refused, and the socket needs the Origin of our page."""
    async with serving(Settings(docs=tmp_path), port) as address:
        assert await _status(address) == 200
        assert await _status(address, Origin=address) == 200
        assert await _status(address, Origin="http://evil.example") == 403
        assert await _status(address, Host="evil.example") == 403
        assert await _status(address, Host=f"evil.example:{port}", Origin=f"http://evil.example:{port}") == 403
        assert await _status(address, "/ws") == 403
        assert await _status(address, "/static/js/textual.js") == 200


async def test_a_page_that_loads_nothing_from_elsewhere(port: int, tmp_path: Path) -> None:
    """Every address in the page is the server's own, by any name and port. No page may frame it."""
    async with (
        serving(Settings(docs=tmp_path), port) as address,
        aiohttp.ClientSession() as client,
        client.get(address) as response,
    ):
        page = await response.text()
        assert response.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert re.findall(r"(?:https?|wss?):", page) == []
    assert re.findall(r'(?:src|href)="([^"]+)"', page) == ["static/css/xterm.css", "static/js/textual.js"]


async def test_by_every_name_of_this_machine(port: int, tmp_path: Path) -> None:
    """The page works by `localhost`, by the port of a tunnel, and by the address that was named."""
    async with serving(Settings(docs=tmp_path), port) as address:
        for host in (f"localhost:{port}", "localhost:9", "127.0.0.1", "[::1]:80"):
            assert await _status(address, Host=host, Origin=f"http://{host}") == 200
        assert await _status(address, Host="localhost:9", Origin="http://localhost:10") == 403
        assert await _status(address, Host="[::1", Origin="http://[::1") == 403
    async with serving(Settings(docs=tmp_path), port, "127.0.0.2") as address:
        assert await _status(address, Host=f"127.0.0.2:{port}") == 200


def test_which_addresses_are_local() -> None:
    """Only loopback addresses are this machine. Any other gets a warning."""
    assert is_local("127.0.0.1")
    assert is_local("::1")
    assert is_local("localhost")
    assert not is_local("0.0.0.0")
    assert not is_local("192.168.1.5")
    assert not is_local("example.org")


def test_the_command_is_a_list(tmp_path: Path) -> None:
    """Options are passed on with any characters."""
    command = build_command(Settings(docs=tmp_path / "a; b", model="m", theme="nord"))
    assert command == [
        sys.executable,
        "-m",
        "qa.tui",
        "--docs",
        str(tmp_path / "a; b"),
        "--model",
        "m",
        "--theme",
        "nord",
    ]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """The error for a port that another program has names the next step."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="choose another port with --port"):
            serve(Settings(docs=tmp_path), host="127.0.0.1", port=taken.getsockname()[1])


@asynccontextmanager
async def _window(port: int, server: int) -> AsyncIterator[tuple[aiohttp.ClientWebSocketResponse, int]]:
    """The socket of a window in which the app was drawn, and the number of the app's process."""
    address = render_address("127.0.0.1", port)
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{address}/ws", headers={"Origin": address}) as socket,
    ):
        await socket.receive(timeout=_SECONDS)
        children = await asyncio.to_thread(subprocess.check_output, ["ps", "-o", "pid=", "--ppid", str(server)])
        (app,) = children.split()
        yield socket, int(app)


async def _wait_for_end(process: int) -> None:
    ends = time.monotonic() + _SECONDS
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < ends, "the app goes on"
        await asyncio.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system does not list processes as files")
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
async def test_no_app_outlives_the_server(port: int, tmp_path: Path, told: signal.Signals) -> None:
    """However it is ended, the server ends at once while a window is open, and leaves no app behind."""
    async with _process_of(write_articles(tmp_path / "docs"), port, tmp_path) as server:
        async with _window(port, server.pid) as (_, app):
            server.send_signal(told)
            assert await asyncio.wait_for(server.wait(), 9) in {0, -told}
        await _wait_for_end(app)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system does not list processes as files")
async def test_a_window_ends_with_its_app(port: int, tmp_path: Path) -> None:
    """If an app is killed, its window closes instead of freezing, and can be opened again."""
    async with _process_of(write_articles(tmp_path / "docs"), port, tmp_path) as server:
        async with _window(port, server.pid) as (socket, app):
            os.kill(app, signal.SIGKILL)
            while (await socket.receive(timeout=_SECONDS)).type is aiohttp.WSMsgType.BINARY:
                pass
            assert socket.closed
        async with _window(port, server.pid):
            pass


class Browser:
    """A headless Chromium, driven over its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def send(self, method: str, **values: Any) -> dict[str, Any]:
        """Sends one command and returns its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": values})
        while True:
            answer: dict[str, Any] = await self._socket.receive_json(timeout=_SECONDS)
            if answer.get("id") == self._number:
                return dict(answer.get("result", {}))

    async def press(self, key: str, code: int) -> None:
        """Presses a key that has a name, by its Windows code."""
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of the promise it gives."""
        result = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")


@asynccontextmanager
async def browsing(address: str, folder: Path) -> AsyncIterator[Browser]:
    """A page that shows `address`."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
        "--window-size=1200,800", "--remote-allow-origins=*", f"--user-data-dir={folder}", address,
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await asyncio.wait_for(_find_port(process), _SECONDS)
        async with aiohttp.ClientSession() as client:
            page = await _find_page(client, port, address)
            async with client.ws_connect(page, max_msg_size=0) as socket:
                yield Browser(socket)
    finally:
        process.kill()
        await process.communicate()


async def _find_port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"DevTools listening on ws://[^:]+:(\d+)/", line):
            return int(found[1])
    raise AssertionError("the browser ended before it listened")


async def _find_page(client: aiohttp.ClientSession, port: int, address: str) -> str:
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        async with client.get(f"http://127.0.0.1:{port}/json") as response:
            for page in await response.json():
                if page["type"] == "page" and page["url"].startswith(address):
                    return str(page["webSocketDebuggerUrl"])
        await asyncio.sleep(0.1)
    raise AssertionError("the browser did not open the page")


@asynccontextmanager
async def _process_of(
    documents: Path, port: int, folder: Path, **streams: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The server as a program of its own, which saves into `folder` and is ended as by Ctrl-C."""
    command = [sys.executable, "-m", "qa", "--docs", str(documents), "serve", "--port", str(port)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QA_DATA_DIR": str(folder / "data"),
    }
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE, env=environment, **streams)
    assert process.stderr is not None
    told = await asyncio.wait_for(process.stderr.readline(), _SECONDS)
    assert told.decode().strip() == f"open {render_address('127.0.0.1', port)}"
    yield process
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    await process.communicate()


def _answers(data: Path) -> list[Answer]:
    store = open_sessions(data)
    turns = [turn for session in store.list_sessions() for turn in store.load_turns(session.session_id)]
    store.close()
    return [turn.answer for turn in turns if turn.answer is not None]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
async def test_asked_in_the_browser(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app behind the page answers a question typed there and saves it like any other. What is copied arrives in the
    browser's clipboard."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QA_THRESHOLD", "0")
    documents = write_articles(tmp_path / "docs")
    command = [sys.executable, "-m", "qa", "--docs", str(documents), "index"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    async with (
        _process_of(documents, port, tmp_path),
        browsing(f"http://localhost:{port}", tmp_path / "browser") as browser,
    ):
        ends = time.monotonic() + _SECONDS
        while not await browser.evaluate("document.body.classList.contains('-first-byte')"):
            assert time.monotonic() < ends, "the app did not draw"
            await asyncio.sleep(0.2)
        # A page without the focus says so to the app, and what is typed goes nowhere.
        await browser.send("Emulation.setFocusEmulationEnabled", enabled=True)
        await browser.evaluate("document.querySelector('textarea').blur()")
        await browser.evaluate("document.querySelector('textarea').focus()")
        await asyncio.sleep(1)
        await browser.send("Input.insertText", text="How high is the lighthouse of Lindau?")
        await browser.press("Enter", 13)
        while not (answers := _answers(tmp_path / "data")):
            assert time.monotonic() < ends, "the question was not answered"
            await asyncio.sleep(0.2)
        assert "33 metres" in answers[0].text
        await browser.send("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        await browser.press("Escape", 27)
        await asyncio.sleep(1)
        await browser.send("Input.insertText", text="y")
        while "33 metres" not in (copied := await browser.evaluate("navigator.clipboard.readText()") or ""):
            assert time.monotonic() < ends, f"the quote was not copied, but {copied!r}"
            await asyncio.sleep(0.2)
        if folder := os.environ.get("QA_KEEP_PICTURES"):
            await asyncio.sleep(1)
            picture = await browser.send("Page.captureScreenshot")
            Path(folder, "browser.png").write_bytes(base64.b64decode(picture["data"]))
