"""A real etcd server on loopback, for the tests that hold the store in memory against it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="session")
def etcd_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a server started for these tests."""
    program = shutil.which("etcd")
    if program is None:
        pytest.skip("needs the program etcd (Debian: etcd-server)")
    folder: Path = tmp_path_factory.mktemp("etcd")
    client, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    words = [program, "--data-dir", str(folder / "data"), "--listen-client-urls", client, "--advertise-client-urls", client]
    words += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until_healthy(client, server)
        yield client.removeprefix("http://")
    finally:
        server.terminate()
        server.wait(10)


def _wait_until_healthy(client: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert server.poll() is None, "etcd has ended"
        try:
            with urlopen(f"{client}/health", timeout=1) as answer:
                if json.load(answer).get("health") == "true":
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.05)
    raise AssertionError("etcd does not become healthy")
