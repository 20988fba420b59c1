"""A guard that proves a block of code opens no network connection."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from bench.core.errors import SourceError

_INTERNET = (socket.AF_INET, socket.AF_INET6)

_lock = threading.Lock()
_depth = 0
_installed = False


@contextlib.contextmanager
def forbid_network() -> Iterator[None]:
    """Refuse every internet connection and every name look-up of this process while the block runs.

    Loopback is refused too, since a proxy may listen there. Unix sockets stay allowed: worker processes use them.
    The guard sees what goes through Python's `socket` module, in all threads; child processes and native code that
    opens sockets of its own are not seen.

    Raises:
        SourceError: inside the block, from the call that wanted the network; the message names the host.
    """
    global _depth, _installed
    with _lock:
        if not _installed:
            # An audit hook cannot be removed again: it is added once and does nothing outside the block.
            sys.addaudithook(_refuse)
            _installed = True
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _depth or not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sock, address = arguments[0], arguments[1]
        # sendto and sendmsg on a connected socket carry no address; its connect was refused before.
        if sock.family in _INTERNET and address is not None:
            raise _refusal(str(address[0]))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        raise _refusal(_text(arguments[0]))


def _text(host: object) -> str:
    return host.decode(errors="replace") if isinstance(host, bytes) else str(host)


def _refusal(host: str) -> SourceError:
    return SourceError(
        f"offline run: something wanted to reach {host}, and --offline allows no connection; "
        "run `bench fetch` first so that everything is cached, or leave --offline away"
    )
