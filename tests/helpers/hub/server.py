"""A model hub on loopback: the HTTP layout that the real huggingface_hub and datasets clients speak.

Repositories are folders; each has one commit. Point a client at it with `HF_ENDPOINT`. Pages are plain files beside
them, each at a URL of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

Breakage = Literal["wrong bytes", "truncated", "status 501"]
_LARGE = (".safetensors", ".parquet")


class Request(NamedTuple):
    method: str
    path: str


@dataclass(frozen=True)
class Repository:
    """One repository: where its files are and the only commit it has."""

    kind: Literal["model", "dataset"]
    id: str
    revision: str
    folder: Path
    gated: bool = False

    def files(self) -> dict[str, Path]:
        return {f.relative_to(self.folder).as_posix(): f for f in sorted(self.folder.rglob("*")) if f.is_file()}


@dataclass
class Hub:
    """A running server; `requests` grows with every call, `broken` says how to fail."""

    server: ThreadingHTTPServer
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    pages: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    broken: Breakage | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def add(self, repository: Repository) -> Repository:
        self.repositories[(repository.kind, repository.id)] = repository
        return repository

    def add_page(self, path: str, content: bytes) -> str:
        """Serve a file at `path`, which starts with a slash, and return its URL."""
        self.pages[path] = content
        return f"{self.url}{path}"

    @contextlib.contextmanager
    def breaking(self, how: Breakage) -> Iterator[None]:
        self.broken = how
        try:
            yield
        finally:
            self.broken = None


@contextlib.contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub on a free port until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    hub = Hub(server)
    server.hub = hub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _FailureError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    _API = re.compile(r"/api/(model|dataset)s/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)(?:/(.*))?)?$")
    _RESOLVE = re.compile(r"/(?:(dataset)s/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Keep the test output clean; `Hub.requests` has it all."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        hub: Hub = self.server.hub  # type: ignore[attr-defined]
        hub.requests.append(Request(self.command, self.path))
        path = unquote(urlsplit(self.path).path)
        try:
            # Not 500: the clients would retry that for half a minute before they give up.
            if hub.broken == "status 501":
                raise _FailureError(501, "", "told to fail")
            if path == "/":
                self._send(200, b"a hub for tests", {})
            elif path in hub.pages:
                self._send(200, hub.pages[path], {"Content-Type": "text/plain; charset=utf-8"})
            elif call := self._API.match(path):
                self._send_json(self._api(hub, call, parse_qs(body)))
            elif file := self._RESOLVE.match(path):
                self._send_file(hub, self._repository(hub, file[1] or "model", file[2], file[3]), file[4])
            else:
                raise _FailureError(404, "EntryNotFound", "no such page")
        except _FailureError as failure:
            headers = {"X-Error-Code": failure.code, "X-Error-Message": failure.message}
            self._send(failure.status, json.dumps({"error": failure.message}).encode(), headers)

    def _repository(self, hub: Hub, kind: str, id_: str, revision: str | None) -> Repository:
        repository = hub.repositories.get((kind, id_))
        if repository is None:
            raise _FailureError(404, "RepoNotFound", "Repository not found")
        if repository.gated:
            raise _FailureError(401, "GatedRepo", "Access to this repository is restricted")
        if revision not in (None, "main", repository.revision):
            raise _FailureError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repository

    def _api(self, hub: Hub, call: re.Match[str], form: dict[str, list[str]]) -> Any:
        kind, id_, what, revision, inner = call.groups()
        repository = self._repository(hub, kind, id_, revision)
        entries = _tree(repository)
        if what == "tree":
            query = parse_qs(urlsplit(self.path).query)
            recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
            inside = [entry for entry in entries if not inner or entry["path"].startswith(f"{inner}/")]
            depth = (inner.count("/") + 1) if inner else 0
            if inner and not inside:
                raise _FailureError(404, "EntryNotFound", f"{inner} does not exist on {revision}")
            return [entry for entry in inside if recursive or entry["path"].count("/") == depth]
        if what == "paths-info":
            return [entry for entry in entries if entry["path"] in form.get("paths", [])]
        siblings = [{"rfilename": entry["path"]} for entry in entries if entry["type"] == "file"]
        return {
            "_id": "0" * 24, "id": repository.id, "modelId": repository.id, "sha": repository.revision,
            "private": False, "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0,
            "siblings": siblings,
        }  # fmt: skip

    def _send_file(self, hub: Hub, repository: Repository, name: str) -> None:
        file = repository.files().get(name)
        if file is None:
            raise _FailureError(404, "EntryNotFound", f"{name} does not exist")
        content = file.read_bytes()
        headers = {"ETag": f'"{_etag(name, content)}"', "X-Repo-Commit": repository.revision, "Accept-Ranges": "bytes"}
        if name.endswith(_LARGE):
            headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(len(content))}
        if self.command == "GET" and name.endswith(_LARGE):
            if hub.broken == "truncated":
                content = content[: len(content) // 2]
            elif hub.broken == "wrong bytes":
                content = content[:-1] + bytes([content[-1] ^ 1])
        status = 200
        if asked := re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(asked[1]), int(asked[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            content, status = content[start : end + 1], 206
        self._send(status, content, headers)

    def _send_json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            # A client may hang up halfway; that is its right.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(content)


def _tree(repository: Repository) -> list[dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    for name, file in repository.files().items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            entries[folder] = {"type": "directory", "path": folder, "oid": _blob(folder.encode()), "size": 0}
        content = file.read_bytes()
        entries[name] = {"type": "file", "path": name, "oid": _blob(content), "size": len(content)}
        if name.endswith(_LARGE):
            sha256 = hashlib.sha256(content).hexdigest()
            entries[name]["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 134}
    return [entries[name] for name in sorted(entries)]


def _etag(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if name.endswith(_LARGE) else _blob(content)


def _blob(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()  # noqa: S324 - git's blob id
