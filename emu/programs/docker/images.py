"""`docker images rmi tag pull` and `docker image prune` (docker/cli command/image). A pull finds all there: see docker/images.py."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from emu.docker.dates import date
from emu.docker.errors import DockerError
from emu.docker.images import LATEST, LocalImage, split
from emu.docker.model import SHORT
from emu.programs.docker import table
from emu.programs.docker.engine import confirmed, engine_of
from emu.programs.docker.formatter import filters, formatted
from emu.programs.docker.go import Row
from emu.programs.docker.options import Command, Options

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.process import Process

IMAGES = Command("docker images", "[OPTIONS] [REPOSITORY[:TAG]]", "List images", 0, 1, flags="""
-a, --all  Show all images (default hides intermediate images)
--digests  Show digests
-f, --filter filter  Filter output based on conditions provided
--format string  Pretty-print images using a Go template
--no-trunc  Don't truncate output
-q, --quiet  Only show image IDs""", aliases=("ls", "list"))  # fmt: skip
RMI = Command("docker rmi", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", 1, flags="""
-f, --force  Force removal of the image
--no-prune  Do not delete untagged parents""")  # fmt: skip
TAG = Command("docker tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", 2, 2)
PULL = Command("docker pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Pull an image or a repository from a registry", 1, 1, flags="""
-a, --all-tags  Download all tagged images in the repository
--disable-content-trust  Skip image verification (default true)
--platform string  Set platform if server is multi-platform capable
-q, --quiet  Suppress verbose output""", refused=("all-tags",))  # fmt: skip
PRUNE = Command("docker image prune", "[OPTIONS]", "Remove unused images", 0, 0, flags="""
-a, --all  Remove all unused images, not just dangling ones
--filter filter  Provide filter values (e.g. 'until=<timestamp>')
-f, --force  Do not prompt for confirmation""", refused=("filter",))  # fmt: skip
HEADINGS = {
    "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "ID": "IMAGE ID", "CreatedSince": "CREATED", "Size": "SIZE",
    "CreatedAt": "CREATED AT", "Containers": "CONTAINERS", "VirtualSize": "SIZE", "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
}  # fmt: skip
COLUMNS = ("Repository", "Tag", "ID", "CreatedSince", "Size")
DIGEST = (*COLUMNS[:2], "Digest", *COLUMNS[2:])


async def images(process: Process, options: Options) -> int:
    docker = engine_of(process)
    shown = docker.images.newest_first()
    if options.arguments:
        repository, colon, tag = options.arguments[0].partition(":")
        shown = [each for each in shown if fnmatchcase(each.repository, repository) and (not colon or fnmatchcase(each.tag, tag))]
    for key, value in filters(options.all("filter")):
        shown = [each for each in shown if _passes(each, key, value)]
    rows = [_row(docker, each, whole=options.on("no-trunc")) for each in shown]
    if options.on("quiet") and not options.text("format"):
        process.write("".join(f"{identity}\n" for identity in dict.fromkeys(row["ID"] for row in rows)))
    else:
        process.write(formatted(options.text("format"), rows, HEADINGS, DIGEST if options.on("digests") else COLUMNS))
    return 0


def _passes(image: LocalImage, key: str, value: str) -> bool:
    if key == "reference":
        return fnmatchcase(image.name if ":" in value else image.repository, value)
    if key == "dangling":
        return value in ("false", "0")
    if key == "label":
        name, equals, wanted = value.partition("=")
        return name in image.image.labels and (not equals or image.image.labels[name] == wanted)
    raise DockerError(400, f"Invalid filter '{key}'" if key not in ("before", "since") else f"filter '{key}' is not modelled")


def _row(docker: DockerEngine, image: LocalImage, *, whole: bool) -> Row:
    size = "0B"
    cells = {
        "Repository": image.repository,
        "Tag": image.tag,
        "Digest": "<none>",
        "ID": f"sha256:{image.id}" if whole else image.id[:SHORT],
        "CreatedSince": f"{table.duration(docker.engine.now - image.created_ns)} ago",
        "CreatedAt": re.sub(r"T(.{8}).*", r" \1 +0000 UTC", date(image.created_ns)),
        "Size": size,
        "VirtualSize": size,
        "Containers": "N/A",
        "SharedSize": "N/A",
        "UniqueSize": "N/A",
    }
    return Row("*formatter.imageContext", cells)


async def rmi(process: Process, options: Options) -> int:
    errors = []
    for name in options.arguments:
        try:
            for line in engine_of(process).images.remove(name, force=options.on("force")):
                process.print(line)
        except DockerError as error:
            errors.append(f"Error: {error.message}" if error.status == 404 else f"Error response from daemon: {error.message}")
    for text in errors:
        process.error(text)
    return 0 if not errors or (options.on("force") and all("No such image" in text for text in errors)) else 1


async def tag(process: Process, options: Options) -> int:
    engine_of(process).images.tag(*options.arguments)
    return 0


async def pull(process: Process, options: Options) -> int:
    reference = options.arguments[0]
    repository, version = split(reference)
    image = engine_of(process).images.pull(reference)
    full = repository if "/" in repository else f"library/{repository}"
    full = full if "." in full.partition("/")[0] else f"docker.io/{full}"
    if not options.on("quiet"):
        if ":" not in reference.rpartition("/")[2] and "@" not in reference:
            process.print(f"Using default tag: {LATEST}")
        process.print(f"{version}: Pulling from {full.removeprefix('docker.io/')}")
        process.print(f"Digest: sha256:{image.id}")
        process.print(f"Status: Image is up to date for {image.name}")
    process.print(f"{full}:{version}")
    return 0


async def prune(process: Process, options: Options) -> int:
    """There are no dangling images here; with -a all go that no container uses."""
    every = options.on("all")
    warning = "all images without at least one container associated to them." if every else "all dangling images."
    if not options.on("force") and not await confirmed(process, f"This will remove {warning}"):
        return 0
    lines = prune_images(engine_of(process)) if every else []
    process.write("".join(["Deleted Images:\n", *(f"{line.lower()}\n" for line in lines), "\n"]) if lines else "")
    process.print("Total reclaimed space: 0B")
    return 0


def prune_images(docker: DockerEngine) -> list[str]:
    used = {docker.images.id_of(container) for container in docker.containers.values()}
    unused = [image.name for image in docker.images.newest_first() if f"sha256:{image.id}" not in used]
    return [line for name in unused for line in docker.images.remove(name)]


COMMANDS = {
    "images": (IMAGES, images), "rmi": (RMI, rmi), "tag": (TAG, tag), "pull": (PULL, pull), "image prune": (PRUNE, prune),
}  # fmt: skip
