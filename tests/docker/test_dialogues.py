"""What a real Docker 20.10.24 answered to several hundred command lines: help, mistakes, lists, formats, filters, lives of containers.

Each file is one conversation, from a fresh engine on; ids, times and the images' sizes are not compared.
"""

from __future__ import annotations

import pytest

from emu.docker.model import Image
from tests.docker.conftest import DATA, DockerHost
from tests.docker.dialogue import read, shape

CONVERSATIONS = sorted(path.stem for path in (DATA / "dialogues").iterdir())


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_docker_answers_as_the_real_one(conversation: str) -> None:
    docker = DockerHost()
    ports = ((53, "udp"), (80, "tcp"))
    exposing = Image("bb:expose", ports, ("sleep", "500"), env=("IMG=1",)) if conversation == "ports" else Image("bb:expose", ports)
    docker.docker.images.described = {"bb:1": Image("bb:1"), "bb:expose": exposing}
    for name in docker.docker.images.described:
        docker.docker.images.pull(name)
    exchanges = read(DATA / "dialogues" / f"{conversation}.txt")
    assert len(exchanges) > 40
    for exchange in exchanges:
        process = docker.run(f'sh -c "{_quoted(exchange.line)}"')
        ours = (shape(process.stdout), shape(process.stderr), process.exit_status)
        assert ours == (shape("\n".join(exchange.out)), shape("\n".join(exchange.err)), exchange.status), exchange.line


def _quoted(line: str) -> str:
    return "".join(f"\\{letter}" if letter in '"\\$`' else letter for letter in line)
