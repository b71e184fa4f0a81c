"""Docker's commands and groups of commands, with a line on each: what `docker`, `docker network` … print (docker/cli cobra.go)."""

from __future__ import annotations

# with whether it may stand before a command without changing what it does
GLOBAL_FLAGS = {
    "-D": True, "--debug": True, "-l": True, "--log-level": True, "-H": False, "--host": False, "-c": False, "--context": False,
    "--config": False, "--tls": False, "--tlsverify": False, "--tlscacert": False, "--tlscert": False, "--tlskey": False,
}  # fmt: skip
MANAGEMENT = {
    "builder": "Manage builds",
    "config": "Manage Docker configs",
    "container": "Manage containers",
    "context": "Manage contexts",
    "image": "Manage images",
    "manifest": "Manage Docker image manifests and manifest lists",
    "network": "Manage networks",
    "node": "Manage Swarm nodes",
    "plugin": "Manage plugins",
    "secret": "Manage Docker secrets",
    "service": "Manage services",
    "stack": "Manage Docker stacks",
    "swarm": "Manage Swarm",
    "system": "Manage Docker",
    "trust": "Manage trust on Docker images",
    "volume": "Manage volumes",
}
COMMANDS = {
    "attach": "Attach local standard input, output, and error streams to a running container",
    "build": "Build an image from a Dockerfile",
    "commit": "Create a new image from a container's changes",
    "cp": "Copy files/folders between a container and the local filesystem",
    "create": "Create a new container",
    "diff": "Inspect changes to files or directories on a container's filesystem",
    "events": "Get real time events from the server",
    "exec": "Run a command in a running container",
    "export": "Export a container's filesystem as a tar archive",
    "history": "Show the history of an image",
    "images": "List images",
    "import": "Import the contents from a tarball to create a filesystem image",
    "info": "Display system-wide information",
    "inspect": "Return low-level information on Docker objects",
    "kill": "Kill one or more running containers",
    "load": "Load an image from a tar archive or STDIN",
    "login": "Log in to a Docker registry",
    "logout": "Log out from a Docker registry",
    "logs": "Fetch the logs of a container",
    "pause": "Pause all processes within one or more containers",
    "port": "List port mappings or a specific mapping for the container",
    "ps": "List containers",
    "pull": "Pull an image or a repository from a registry",
    "push": "Push an image or a repository to a registry",
    "rename": "Rename a container",
    "restart": "Restart one or more containers",
    "rm": "Remove one or more containers",
    "rmi": "Remove one or more images",
    "run": "Run a command in a new container",
    "save": "Save one or more images to a tar archive (streamed to STDOUT by default)",
    "search": "Search the Docker Hub for images",
    "start": "Start one or more stopped containers",
    "stats": "Display a live stream of container(s) resource usage statistics",
    "stop": "Stop one or more running containers",
    "tag": "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    "top": "Display the running processes of a container",
    "unpause": "Unpause all processes within one or more containers",
    "update": "Update configuration of one or more containers",
    "version": "Show the Docker version information",
    "wait": "Block until one or more containers stop, then print their exit codes",
}
ABOUT = "A self-sufficient runtime for containers"
OPTIONS = """\
      --config string      Location of client config files (default
                           "/root/.docker")
  -c, --context string     Name of the context to use to connect to the
                           daemon (overrides DOCKER_HOST env var and
                           default context set with "docker context use")
  -D, --debug              Enable debug mode
  -H, --host list          Daemon socket(s) to connect to
  -l, --log-level string   Set the logging level
                           ("debug"|"info"|"warn"|"error"|"fatal")
                           (default "info")
      --tls                Use TLS; implied by --tlsverify
      --tlscacert string   Trust certs signed only by this CA (default
                           "/root/.docker/ca.pem")
      --tlscert string     Path to TLS certificate file (default
                           "/root/.docker/cert.pem")
      --tlskey string      Path to TLS key file (default
                           "/root/.docker/key.pem")
      --tlsverify          Use TLS and verify the remote
  -v, --version            Print version information and quit"""
IN_CONTAINER = (
    "attach",
    "commit",
    "cp",
    "create",
    "diff",
    "exec",
    "export",
    "kill",
    "logs",
    "pause",
    "port",
    "rename",
    "restart",
    "rm",
    "run",
    "start",
    "stats",
    "stop",
    "top",
    "unpause",
    "update",
    "wait",
)
IN_IMAGE = ("build", "history", "import", "load", "pull", "push", "save", "tag")
UNKNOWN = ("builder", "config", "context", "manifest", "plugin", "secret", "service", "stack", "trust", "volume")  # no command is modelled
GROUPS: dict[str, dict[str, str]] = {
    "": COMMANDS,
    "container": {name: COMMANDS[name] for name in IN_CONTAINER}
    | {
        "inspect": "Display detailed information on one or more containers",
        "ls": "List containers",
        "prune": "Remove all stopped containers",
    },
    "image": {name: COMMANDS[name] for name in IN_IMAGE}
    | {
        "inspect": "Display detailed information on one or more images",
        "ls": "List images",
        "prune": "Remove unused images",
        "rm": "Remove one or more images",
    },
    "network": {
        "connect": "Connect a container to a network",
        "create": "Create a network",
        "disconnect": "Disconnect a container from a network",
        "inspect": "Display detailed information on one or more networks",
        "ls": "List networks",
        "prune": "Remove all unused networks",
        "rm": "Remove one or more networks",
    },
    "node": {
        "demote": "Demote one or more nodes from manager in the swarm",
        "inspect": "Display detailed information on one or more nodes",
        "ls": "List nodes in the swarm",
        "promote": "Promote one or more nodes to manager in the swarm",
        "ps": "List tasks running on one or more nodes, defaults to current node",
        "rm": "Remove one or more nodes from the swarm",
        "update": "Update a node",
    },
    "swarm": {
        "ca": "Display and rotate the root CA",
        "init": "Initialize a swarm",
        "join": "Join a swarm as a node and/or manager",
        "join-token": "Manage join tokens",
        "leave": "Leave the swarm",
        "unlock": "Unlock swarm",
        "unlock-key": "Manage the unlock key",
        "update": "Update the swarm",
    },
    "system": {
        "df": "Show docker disk usage",
        "events": "Get real time events from the server",
        "info": "Display system-wide information",
        "prune": "Remove unused data",
    },
} | {name: {} for name in UNKNOWN}


def _lines(commands: dict[str, str]) -> str:
    return "".join(f"  {name:10}  {about}\n" for name, about in sorted(commands.items()))


TOP = f"""
Usage:  docker [OPTIONS] COMMAND

{ABOUT}

Options:
{OPTIONS}

Management Commands:
{_lines(MANAGEMENT)}
Commands:
{_lines(COMMANDS)}
Run 'docker COMMAND --help' for more information on a command.

To get more help with docker, check out our guides at https://docs.docker.com/go/guides/"""


def group_help(group: str) -> str:
    commands = f"\nCommands:\n{_lines(GROUPS[group])}" if GROUPS[group] else ""
    more = f"Run 'docker {group} COMMAND --help' for more information on a command."
    return f"\nUsage:  docker {group} COMMAND\n\n{MANAGEMENT[group]}\n{commands}\n{more}"
