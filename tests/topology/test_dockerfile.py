"""A Dockerfile defines an image: what the network notices of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import Lab, load_topology
from emu.errors import TopologyError
from emu.topology.dockerfile import Dockerfile, DockerfileError, parse
from emu.topology.images import find_image
from emu.topology.spec import ImageSpec
from emu.topology.spec_compose import Exposed

SH = ("/bin/sh", "-c")


def built(text: str, **files: str) -> Dockerfile:
    def read(name: str) -> str:
        if name.replace(".", "_") not in files:
            raise ValueError("does not exist")
        return files[name.replace(".", "_")]

    return parse(text, read)


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        ('CMD ["httpd", "-f"]', ("httpd", "-f")),
        ("CMD httpd -f -p $PORT", (*SH, "httpd -f -p $PORT")),
        ("CMD one\nCMD two", (*SH, "two")),
        ('SHELL ["/bin/bash", "-c"]\nCMD one', ("/bin/bash", "-c", "one")),
        ("cmd httpd \\\n  # a comment\n\n  -f \\\n  -p 80", (*SH, "httpd   -f   -p 80")),
        ("RUN make \\\n && make install\nUSER nobody", None),
    ],
)
def test_commands_have_an_exec_form_and_a_shell_form(lines: str, command: tuple[str, ...] | None) -> None:
    assert built(f"# syntax=docker/dockerfile:1\nFROM alpine\n{lines}\n").command == command


def test_ports_and_variables_are_filled_in() -> None:
    file = built("ARG TAG=3\nFROM alpine:${TAG}\nARG P=9999\nENV A=1 B='x y' C=\"$A-$P\"\nENV OLD the rest\nEXPOSE $P 53/udp ${Q:-70-71}\n")
    assert file.base == "alpine:3"
    assert file.expose == (Exposed(9999), Exposed(53, "udp"), Exposed(70), Exposed(71))
    assert file.env == {"A": "1", "B": "x y", "C": "-9999", "OLD": "the rest"}


def test_only_the_last_stage_counts_with_what_it_begins_from() -> None:
    file = built(
        'FROM golang AS build\nEXPOSE 1\nFROM nginx AS base\nEXPOSE 81\nCMD ["a"]\nFROM base\nCOPY --from=build /x /y\nEXPOSE 82\n'
    )
    assert (file.base, file.expose, file.command) == ("nginx", (Exposed(81), Exposed(82)), ("a",))


def test_a_copied_text_is_in_the_image() -> None:
    file = built("FROM nginx\nWORKDIR /srv\nCOPY index.html /usr/share/nginx/html/\nADD index.html page\nCOPY . .\n", index_html="mine\n")
    assert file.files == {"/usr/share/nginx/html/index.html": "mine\n", "/srv/page": "mine\n"}


def test_an_image_begins_with_what_its_base_has() -> None:
    declared = {
        "web": ImageSpec(name="web", dockerfile=built("FROM nginx:1.25\nEXPOSE 8080\nENV A=1\n")),
        "app": ImageSpec(name="app", dockerfile=built('FROM web\nENTRYPOINT ["httpd"]\nENV B=2\n')),
    }
    web, app = find_image("web", declared), find_image("app:latest", declared)
    assert (web.expose, web.command[0], dict(web.env)) == ((Exposed(80), Exposed(8080)), "nginx", {"A": "1"})
    assert (app.entrypoint, app.command, dict(app.env)) == (("httpd",), (), {"A": "1", "B": "2"})


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "file with no instructions"),
        ("EXPOSE 80\n", 1, "no build stage in current context"),
        ("FROM a\n\nEXPSE 80\n", 3, "unknown instruction: EXPSE"),
        ("FROM a b\n", 1, "FROM requires either one or three arguments"),
        ("FROM a\nEXPOSE 80 \\\n 8080:80\n", 2, "invalid containerPort: 8080:80"),
        ("FROM a\nENV A\n", 2, "ENV must have two arguments"),
        ("FROM a\nLABEL a=b c\n", 2, 'Syntax error - can\'t find = in "c". Must be of the form: name=value'),
        ("FROM a\nSHELL sh\n", 2, "SHELL requires the arguments to be in JSON form"),
        ("FROM a\nCMD\n", 2, "CMD requires at least one argument"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        built(text)
    assert (caught.value.line, str(caught.value)) == (line, message)


TOPOLOGY = """
hosts: { docker1: { docker: {} } }
images: { web: { dockerfile: web/Dockerfile } }
"""


def test_a_topology_runs_the_image_of_a_dockerfile(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text(
        "FROM busybox\nENV PORT=9999\nEXPOSE 9999\nCOPY hello.txt /www/index.html\nCMD httpd -f -p $PORT -h /www\n"
    )
    (tmp_path / "web" / "hello.txt").write_text("hello from a Dockerfile\n")
    (tmp_path / "lab.yaml").write_text(TOPOLOGY)
    with Lab(load_topology(tmp_path / "lab.yaml")) as lab:
        lab.up()
        assert "web          latest" in lab.run("docker1", "docker images").stdout
        assert lab.run("docker1", "docker run -d --name one -P web").exit_status == 0
        port = lab.run("docker1", "docker port one 9999").stdout.rpartition(":")[2].strip()
        assert lab.run("docker1", f"curl -s http://127.0.0.1:{port}/").stdout == "hello from a Dockerfile\n"
        assert "\"/bin/sh -c 'httpd -f" in lab.run("docker1", "docker ps --no-trunc").stdout


@pytest.mark.parametrize("command", ['["python", "app.py"]', "python app.py", "exec python app.py"])
def test_a_program_that_emu_does_not_have_is_stood_in_for(tmp_path: Path, command: str) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text(f"FROM python:3\nEXPOSE 5000\nCMD {command}\n")
    (tmp_path / "lab.yaml").write_text(TOPOLOGY)
    with Lab(load_topology(tmp_path / "lab.yaml")) as lab:
        lab.up()
        assert lab.run("docker1", "docker run -d --name app -p 5000:5000 web").exit_status == 0
        assert lab.run("docker1", "curl -s http://127.0.0.1:5000/").stdout == "web in docker1/app\n"
        assert lab.notices() == ["docker1/app: there is no program python here; the container idles, and answers on its ports"]


def test_a_mistake_in_a_dockerfile_has_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM nginx\nEXPOSE http\n")
    (tmp_path / "lab.yaml").write_text(TOPOLOGY)
    with pytest.raises(TopologyError, match=r"web/Dockerfile:2: invalid containerPort: http"):
        load_topology(tmp_path / "lab.yaml")
