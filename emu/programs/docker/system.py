"""`docker info version` and `docker system prune`: of a Docker 20.10.24 as Debian 12 packages it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.docker.inspect import VERSION
from emu.process import Process, UsageError
from emu.programs.docker import swarm_info
from emu.programs.docker.engine import confirmed, engine_of
from emu.programs.docker.lifecycle import prune_containers
from emu.programs.docker.options import Command, Options
from emu.programs.docker.template import ExecutionError, TemplateError, render

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine

INFO = Command(
    "docker info", "[OPTIONS]", "Display system-wide information", 0, 0,
    flags="-f, --format string  Format the output using the given Go template",
)  # fmt: skip
VERSIONS = Command("docker version", "[OPTIONS]", "Show the Docker version information", 0, 0, flags="""
-f, --format string  Format the output using the given Go template
--kubeconfig string  Kubernetes config file""", refused=("kubeconfig",))  # fmt: skip
PRUNE = Command("docker system prune", "[OPTIONS]", "Remove unused data", 0, 0, flags="""
-a, --all  Remove all unused images not just dangling ones
--filter filter  Provide filter values (e.g. 'label=<key>=<value>')
-f, --force  Do not prompt for confirmation
--volumes  Prune volumes""", refused=("filter",))  # fmt: skip
API, GO, BUILT = "1.41", "go1.19.8", "Thu May  7 21:09:36 2026"
COMMITS = {"client": "297e128", "server": "5d6db84"}
CONTAINERD, RUNC, INIT = "1.6.20~ds1", "1.1.5+ds1", "0.19.0"
PRUNED = """This will remove:
  - all stopped containers
  - all networks not used by at least one container
  - all dangling images
  - all dangling build cache
"""


def _filled(template: str, data: Any) -> str:
    try:
        return render(template, data)
    except ExecutionError as wrong:
        raise UsageError(str(wrong), 1) from None
    except TemplateError as wrong:
        raise UsageError(f"Template parsing error: {wrong}", 64) from None


async def version(process: Process, options: Options) -> int:
    client = {
        "Version": VERSION, "ApiVersion": API, "DefaultAPIVersion": API, "GitCommit": COMMITS["client"], "GoVersion": GO, "Os": "linux",
        "Arch": "amd64", "BuildTime": BUILT, "Context": "default", "Experimental": True,
    }  # fmt: skip
    server = {
        "Version": VERSION, "ApiVersion": API, "MinAPIVersion": "1.12", "GitCommit": COMMITS["server"], "GoVersion": GO, "Os": "linux",
        "Arch": "amd64", "BuildTime": BUILT, "Experimental": False,
    }  # fmt: skip
    if options.text("format"):
        process.print(_filled(options.text("format"), {"Client": client, "Server": server}))
        return 0
    lines = ["Client:", *_versions(client, 1, API), " Context:           default", " Experimental:      true", ""]
    lines += ["Server:", " Engine:", *_versions(server, 2, f"{API} (minimum version 1.12)"), "  Experimental:     false"]
    for name, number, commit in (
        ("containerd", CONTAINERD, "1.6.20~ds1-1+deb12u3"),
        ("runc", RUNC, "1.1.5+ds1-1+deb12u1"),
        ("docker-init", INIT, ""),
    ):
        lines += [f" {name}:", f"  Version:          {number}", f"  GitCommit:        {commit}"]
    process.print("\n".join(lines))
    return 0


def _versions(of: dict[str, Any], indent: int, api: str) -> list[str]:
    cells = {
        "Version:": of["Version"], "API version:": api, "Go version:": of["GoVersion"], "Git commit:": of["GitCommit"], "Built:": BUILT,
        "OS/Arch:": "linux/amd64",
    }  # fmt: skip
    return [(" " * indent + name).ljust(20) + value for name, value in cells.items()]


async def info(process: Process, options: Options) -> int:
    docker = engine_of(process)
    data = _info(docker)
    if options.text("format"):
        process.print(_filled(options.text("format"), data))
        return 0
    process.print(f"""Client:
 Context:    default
 Debug Mode: false

Server:
 Containers: {data["Containers"]}
  Running: {data["ContainersRunning"]}
  Paused: 0
  Stopped: {data["ContainersStopped"]}
 Images: {data["Images"]}
 Server Version: {VERSION}
 Storage Driver: overlay2
 Logging Driver: json-file
 Cgroup Driver: cgroupfs
 Cgroup Version: 1
 Plugins:
  Volume: local
  Network: {" ".join(data["Plugins"]["Network"])}
  Log: json-file
 Swarm: {swarm_info.lines(docker.node)}
 Runtimes: runc
 Default Runtime: runc
 Init Binary: docker-init
 Operating System: Debian GNU/Linux 12 (bookworm)
 OSType: linux
 Architecture: x86_64
 Name: {data["Name"]}
 Docker Root Dir: /var/lib/docker
 Debug Mode: false
 Experimental: false
 Live Restore Enabled: false
""")
    return 0


def _info(docker: DockerEngine) -> dict[str, Any]:
    running = sum(container.running for container in docker.containers.values())
    return {
        "Containers": len(docker.containers),
        "ContainersRunning": running,
        "ContainersPaused": 0,
        "ContainersStopped": len(docker.containers) - running,
        "Images": len({image.id for image in docker.images.local.values()}),
        "Driver": "overlay2",
        "Plugins": {"Volume": ["local"], "Network": ["bridge", "host", "ipvlan", "macvlan", "null", "overlay"], "Log": ["json-file"]},
        "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs",
        "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
        "OSType": "linux",
        "Architecture": "x86_64",
        "DockerRootDir": "/var/lib/docker",
        "Name": docker.host.place.hostname,
        "ServerVersion": VERSION,
        "Swarm": swarm_info.data(docker.node),
    }


async def prune(process: Process, options: Options) -> int:
    from emu.programs.docker.images import prune_images

    docker = engine_of(process)
    if not options.on("force") and not await confirmed(process, PRUNED):
        return 0
    groups = {"Containers": await prune_containers(docker), "Networks": docker.networks.prune()}
    groups["Images"] = [line.lower() for line in prune_images(docker)] if options.on("all") else []
    for name, gone in groups.items():
        if gone:
            process.print(f"Deleted {name}:\n" + "\n".join(gone) + "\n")
    process.print("Total reclaimed space: 0B")
    return 0


COMMANDS = {"info": (INFO, info), "version": (VERSIONS, version), "system prune": (PRUNE, prune)}
