"""From what a compose file says to what docker-compose makes of it: names, the default network, aliases, the order of starting.

Source: the compose specification. Containers are named as the service (or its `container_name`), without the project and number that
docker-compose puts around, so that a place has the name the file gives it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emu.topology import variables
from emu.topology.compose import COMPOSE
from emu.topology.document import KeyPath, Node, Report, parse, read_text
from emu.topology.shapes import Json, Shape, Text
from emu.topology.spec_compose import Attachment, ComposeSpec, NetworkSpec, ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT = "default"


class ComposeContent(Shape[ComposeSpec]):
    """The content of a compose file, with its variables replaced."""

    def read(self, node: Node, path: KeyPath, report: Report) -> ComposeSpec:
        with _variables(_env_file(node, path, report), report):
            return _without_profiles(COMPOSE.read(node, path, report), path, report)

    def json(self, definitions: Json) -> Json:
        return COMPOSE.json(definitions)


class ComposeFile(Text[ComposeSpec]):
    """The path of a compose file, from the folder of the file that names it; the project is named after its folder."""

    def __init__(self) -> None:
        super().__init__(lambda _: ComposeSpec(), "a compose file's path or content")

    def read(self, node: Node, path: KeyPath, report: Report) -> ComposeSpec:
        file = Path(node.source.file).parent / self._text(node, path, report)
        try:
            text = read_text(file)
        except ValueError as error:
            report.refuse(node.source, path, f"'{file}' {error}")
        report.roots[str(file)] = path
        compose = ComposeContent().read(parse(text, str(file), report), path, report)
        return compose if compose.name else replace(compose, name=project_name(folder_name(file)))


def _without_profiles(compose: ComposeSpec, path: KeyPath, report: Report) -> ComposeSpec:
    """Only the services that `docker compose up` starts without `--profile`."""
    kept = {name: service for name, service in compose.services.items() if not service.profiles}
    for name, service in compose.services.items():
        if service.profiles:
            report.notice(f"service '{name}' is left out: it has the profiles {', '.join(service.profiles)}")
            report.broken.add((*path, "services", name))
            continue
        for other in dependencies(service, compose.services):
            if other in compose.services and other not in kept:
                report.wrong_at((*path, "services", name), f"needs service '{other}', which its profiles leave out")
    return replace(compose, services=kept)


def _env_file(node: Node, path: KeyPath, report: Report) -> dict[str, str]:
    """The variables of the `.env` beside the file, if there is one."""
    file = Path(node.source.file).parent / ".env"
    if not file.exists():
        return {}
    try:
        return variables.read_env(read_text(file))
    except ValueError as error:
        report.refuse(node.source, path, f"'{file}' {error}")


@contextmanager
def _variables(known: Mapping[str, str], report: Report) -> Iterator[None]:
    def unset(name: str) -> None:
        report.notice(f"the variable '{name}' has no value: blank is used (.env is read, the machine's environment is not)")

    before, report.expand = report.expand, lambda text: variables.expand(text, unset, known) if "$" in text else text
    try:
        yield
    finally:
        report.expand = before


def folder_name(file: Path) -> str:
    return file.absolute().parent.name


def project_name(text: str) -> str:
    """A name as docker-compose makes it: lower case, without what cannot be in a name."""
    return re.sub(r"^[_-]+|[^a-z0-9_-]", "", text.lower()) or "project"


def finish(compose: ComposeSpec, name: str) -> ComposeSpec:
    """With all that the file leaves to docker-compose."""
    project = compose.name or name
    services = {each.name: _service(each, project, compose.services) for each in start_order(compose.services)[0]}
    networks = {key: replace(each, name=each.name or f"{project}_{key}") for key, each in compose.networks.items()}
    if any(DEFAULT in service.networks for service in services.values()):
        networks.setdefault(DEFAULT, NetworkSpec(name=f"{project}_{DEFAULT}", source=compose.source))
    return replace(compose, name=project, services=services, networks=networks)


def _service(service: ServiceSpec, project: str, services: Mapping[str, ServiceSpec]) -> ServiceSpec:
    attachments = dict(service.networks)
    if not attachments and service.network_mode is None:
        attachments = {DEFAULT: Attachment(source=service.source)}
    return replace(
        service,
        image=service.image or f"{project}_{service.name}",
        container_name=service.container_name or service.name,
        networks={key: replace(each, aliases=tuple(dict.fromkeys((service.name, *each.aliases)))) for key, each in attachments.items()},
        depends_on=tuple(dependencies(service, services)),
    )


def dependencies(service: ServiceSpec, services: Mapping[str, ServiceSpec]) -> list[str]:
    """The services that are started before, also because of a link or because their network namespace is shared."""
    mode, _, owner = (service.network_mode or "").partition(":")
    if mode == "container":
        owner = next((each.name for each in services.values() if (each.container_name or each.name) == owner), owner)
    return list(dict.fromkeys([*service.depends_on, *(name for name, _ in service.links), *([owner] if owner else [])]))


def start_order(services: Mapping[str, ServiceSpec]) -> tuple[list[ServiceSpec], list[str]]:
    """As the file has them, but each after those that it depends on; up to a circle of dependencies, which comes with it."""
    started: dict[str, ServiceSpec] = {}
    for first in services:
        walk = {first: None}  # in order
        while walk:
            name = next(reversed(walk))
            waiting = [each for each in dependencies(services[name], services) if each in services and each not in started]
            if not waiting:
                walk.pop(name)
                started[name] = services[name]
            elif waiting[0] in walk:
                names = list(walk)
                return list(started.values()), [*names[names.index(waiting[0]) :], waiting[0]]
            else:
                walk[waiting[0]] = None
    return list(started.values()), []
