from __future__ import annotations

import socket
import threading
import urllib.request

import pytest

from bench.core.errors import SourceError
from bench.core.network_guard import forbid_network


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_connections_are_refused_inside_and_allowed_after() -> None:
    with _listener() as server:
        address = server.getsockname()
        with forbid_network(), socket.socket() as client, pytest.raises(SourceError, match=r"reach 127\.0\.0\.1"):
            client.connect(address)
        with socket.socket() as client:
            client.connect(address)


def test_name_lookups_and_datagrams_are_refused() -> None:
    with forbid_network():
        with pytest.raises(SourceError, match=r"hub\.example"):
            socket.getaddrinfo("hub.example", 443)
        with pytest.raises(SourceError, match=r"hub\.example"):
            socket.gethostbyname("hub.example")
        with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(SourceError, match=r"192\.0\.2\.1"):
            sender.sendto(b"x", ("192.0.2.1", 9))


def test_the_refusal_passes_through_an_http_client() -> None:
    with forbid_network(), pytest.raises(SourceError, match=r"hub\.example"):
        urllib.request.urlopen("http://hub.example/")


def test_other_threads_are_held_too() -> None:
    caught: list[BaseException] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo("hub.example", 443)
        except SourceError as error:
            caught.append(error)

    with forbid_network():
        thread = threading.Thread(target=look_up)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_the_guard_nests_and_ends_with_an_error() -> None:
    with forbid_network():
        with pytest.raises(KeyError), forbid_network():
            raise KeyError("inside")
        with pytest.raises(SourceError):
            socket.getaddrinfo("hub.example", 443)
    with _listener() as server, socket.create_connection(server.getsockname()):
        pass


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets here")
def test_worker_processes_may_still_talk() -> None:
    with forbid_network():
        left, right = socket.socketpair()
        with left, right:
            left.sendall(b"ok")
            assert right.recv(2) == b"ok"
