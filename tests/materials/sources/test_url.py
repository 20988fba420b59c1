from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.config import UrlSource
from bench.core.errors import SourceError
from bench.materials.sources import fetch, is_cached

_BOOK = b"A made-up book.\n" * 4096


class _Site:
    """One file over HTTP; `content` may be swapped, `announced` may promise more bytes than are sent."""

    def __init__(self) -> None:
        self.content, self.announced, self.requests = _BOOK, len(_BOOK), 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests += 1
                self.send_response(200 if self.path == "/book.txt" else 404)
                self.send_header("Content-Length", str(site.announced))
                self.end_headers()
                self.wfile.write(site.content)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/book.txt"

    def serve(self, content: bytes) -> None:
        self.content, self.announced = content, len(content)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Site]:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    site = _Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_pinned_file_is_fetched_once(site: _Site) -> None:
    source = UrlSource(kind="url", url=site.url, sha256=_sha256(_BOOK))
    said: list[str] = []
    assert not is_cached(source)
    got = fetch(source, announce=said.append)
    assert got.files[0].read_bytes() == _BOOK
    assert got.files[0].name == "book.txt"
    assert got.identity == f"url:{site.url}#sha256:{_sha256(_BOOK)[:8]}"
    assert fetch(source, announce=said.append) == fetch(source, offline=True) == got
    assert is_cached(source)
    assert (site.requests, len(said)) == (1, 1)


def test_other_bytes_than_pinned_are_refused_with_both_hashes(site: _Site) -> None:
    source = UrlSource(kind="url", url=site.url, sha256=_sha256(b"something else"))
    with pytest.raises(SourceError) as caught:
        fetch(source)
    assert _sha256(_BOOK) in str(caught.value)
    assert _sha256(b"something else") in str(caught.value)
    assert not is_cached(source)


def test_the_first_fetch_locks_an_unpinned_url(site: _Site, tmp_path: Path) -> None:
    source = UrlSource(kind="url", url=site.url)
    got = fetch(source)
    lock = json.loads((tmp_path / "cache" / "url.lock.json").read_text(encoding="utf-8"))
    assert lock == {site.url: _sha256(_BOOK)}
    got.files[0].unlink()
    site.serve(b"the page moved on")
    with pytest.raises(SourceError, match=r"locked in url\.lock\.json"):
        fetch(source)
    site.serve(_BOOK)
    assert fetch(source) == got


def test_a_file_without_its_lock_is_not_trusted(site: _Site, tmp_path: Path) -> None:
    source = UrlSource(kind="url", url=site.url)
    fetch(source)
    (tmp_path / "cache" / "url.lock.json").unlink()
    assert not is_cached(source)
    with pytest.raises(SourceError, match="no hash"):
        fetch(source, offline=True)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_lock_file_is_named(site: _Site, tmp_path: Path, text: str) -> None:
    fetch(UrlSource(kind="url", url=site.url))
    (tmp_path / "cache" / "url.lock.json").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"url\.lock\.json: is not a JSON object"):
        fetch(UrlSource(kind="url", url=site.url))


def test_a_truncated_download_leaves_nothing(site: _Site, tmp_path: Path) -> None:
    site.content = _BOOK[:1000]
    source = UrlSource(kind="url", url=site.url)
    with pytest.raises(SourceError, match="the download failed"):
        fetch(source)
    assert not (tmp_path / "cache" / "url.lock.json").exists()
    assert not list((tmp_path / "cache").rglob("book.txt"))


def test_a_damaged_cache_is_fetched_again_and_refused_offline(site: _Site) -> None:
    source = UrlSource(kind="url", url=site.url, sha256=_sha256(_BOOK))
    got = fetch(source)
    got.files[0].write_bytes(_BOOK[:-1])
    with pytest.raises(SourceError, match=r"damaged.*--offline"):
        fetch(source, offline=True)
    assert fetch(source).files[0].read_bytes() == _BOOK
    assert site.requests == 2


def test_a_missing_page_and_a_dead_host_are_source_errors(site: _Site) -> None:
    with pytest.raises(SourceError, match="404"):
        fetch(UrlSource(kind="url", url=site.url + ".gone"))
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9"):
        fetch(UrlSource(kind="url", url="http://127.0.0.1:9/book.txt"))


def test_a_password_in_the_url_stays_out_of_records(site: _Site) -> None:
    got = fetch(UrlSource(kind="url", url=site.url.replace("://", "://reader:secret@")))
    assert "secret" not in got.identity
