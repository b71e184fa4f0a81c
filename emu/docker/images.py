"""The images of one engine (moby daemon/images, distribution/reference): names with tags, ids, which are there.

An image is there from when it is first asked for, as if it had been pulled; those of the topology file are from the start. Ids come from
the name. Not modelled: registries, layers, sizes (0 bytes), digests, building.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.docker.model import SHORT, Container, Image

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine

LATEST = "latest"
SHORTEST_ID = 4  # digits that are taken for the beginning of an id


@dataclass(frozen=True)
class LocalImage:
    """A name of an image that is there; several names may have one id."""

    repository: str
    tag: str
    id: str  # 64 hex digits, without `sha256:`
    created_ns: int
    image: Image

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"


class Images:
    def __init__(self, docker: DockerEngine, described: Mapping[str, Image]) -> None:
        self.docker = docker
        self.described = described
        self.local: dict[str, LocalImage] = {}  # by name with tag
        for name, image in described.items():
            if image.own:
                self._add(*split(name), image)

    def pull(self, reference: str) -> LocalImage:
        """The image of that name or id, from now on here: as described, or one that may hold anything."""
        found = self.find(reference)
        if found is not None:
            return found
        repository, tag = split(reference)
        image = self.described.get(reference) or self.described.get(f"{repository}:{tag}") or self.described.get(repository)
        if image is None:
            self.docker.notice(f"image {reference} is not known here: its containers idle, and answer on the ports they expose or publish")
            image = Image(reference, known=False)
        return self._add(repository, tag, image)

    def _add(self, repository: str, tag: str, image: Image) -> LocalImage:
        identity = f"{self.docker.engine.stream(f'docker image {repository}:{tag}').getrandbits(256):064x}"
        added = LocalImage(repository, tag, identity, self.docker.engine.now, image)
        self.local[added.name] = added
        return added

    def find(self, reference: str) -> LocalImage | None:
        """By name, or by the beginning of an id."""
        named = self.local.get(":".join(split(reference)))
        if named is not None:
            return named
        digits = reference.removeprefix("sha256:")
        if len(digits) < SHORTEST_ID:
            return None
        return next((image for image in self.local.values() if image.id.startswith(digits)), None)

    def newest_first(self) -> list[LocalImage]:
        return sorted(self.local.values(), key=lambda image: -image.created_ns)

    def tag(self, source: str, target: str) -> None:
        """Raises DockerError."""
        found = self.find(source)
        if found is None:
            raise DockerError(404, f"No such image: {source if ':' in source else f'{source}:{LATEST}'}")
        added = LocalImage(*split(target), found.id, found.created_ns, found.image)
        self.local[added.name] = added

    def remove(self, reference: str, *, force: bool = False) -> list[str]:
        """What the daemon says that it did. Raises DockerError."""
        found = self.find(reference)
        if found is None:
            raise DockerError(404, f"No such image: {reference}")
        names = [image for image in self.local.values() if image.id == found.id]
        by_id = ":".join(split(reference)) != found.name
        used = next((container for container in self.docker.containers.values() if self.of(container) is found), None)
        if by_id and len(names) > 1 and not force:
            text = f"unable to delete {found.id[:SHORT]} (must be forced) - image is referenced in multiple repositories"
            raise DockerError(409, f"conflict: {text}")
        if used is not None and (by_id or len(names) == 1):
            self._refuse(found, used, by_id=by_id, force=force)
        gone = names if by_id else [found]
        for image in gone:
            del self.local[image.name]
        deleted = [f"Deleted: sha256:{found.id}"] if len(gone) == len(names) and used is None else []
        return [f"Untagged: {image.name}" for image in gone] + deleted

    @staticmethod
    def _refuse(image: LocalImage, user: Container, *, by_id: bool, force: bool) -> None:
        if by_id and (user.running or not force):
            state = (
                f"being used by running container {user.short_id}" if user.running else f"being used by stopped container {user.short_id}"
            )
            how = "cannot be forced" if user.running else "must be forced"
            raise DockerError(409, f"conflict: unable to delete {image.id[:SHORT]} ({how}) - image is {state}")
        if not by_id and not force:
            text = f"container {user.short_id} is using its referenced image {image.id[:SHORT]}"
            raise DockerError(409, f'conflict: unable to remove repository reference "{image.name}" (must force) - {text}')

    def of(self, container: Container) -> LocalImage | None:
        """The image that a container was made from; None if it has been removed since."""
        return self.find(container.config.image)

    def id_of(self, container: Container) -> str:
        """As `docker inspect` shows it."""
        found = self.of(container)
        return f"sha256:{found.id}" if found is not None else container.config.image


def split(reference: str) -> tuple[str, str]:
    """`('nginx', '1.25')` of `docker.io/library/nginx:1.25@sha256:…`: the familiar name and the tag."""
    head, slash, tail = reference.partition("@")[0].rpartition("/")
    last, colon, tag = tail.partition(":")
    path = head + slash + last
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        path = path.removeprefix(prefix)
    return path, tag if colon else LATEST
