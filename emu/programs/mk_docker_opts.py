"""mk-docker-opts.sh, which comes with flannel (dist/): what Docker is to be started with, made of /run/flannel/subnet.env."""

from __future__ import annotations

from emu.flannel.subnet_file import SUBNET_FILE, read_subnet_file
from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt

USAGE = """\
{} [-f FLANNEL-ENV-FILE] [-d DOCKER-ENV-FILE] [-i] [-c] [-m] [-k COMBINED-KEY]

Generate Docker daemon options based on flannel env file
OPTIONS:
	-f	Path to flannel env file. Defaults to /run/flannel/subnet.env
	-d	Path to Docker env file to write to. Defaults to /run/docker_opts.env
	-i	Output each Docker option as individual var. e.g. DOCKER_OPT_MTU=1500
	-c	Output combined Docker options into DOCKER_OPTS var
	-k	Set the combined options key to this value (default DOCKER_OPTS=)
	-m	Do not output --ip-masq (useful for older Docker version)
"""
MASQ = {"true": "--ip-masq=false", "false": "--ip-masq=true"}  # if flannel does it, Docker does not


async def main(process: Process, argv: list[str]) -> int:
    try:
        options = getopt(argv, "f:d:icmk:h")
    except UsageError:
        raise UsageError(USAGE.format(argv[0]), 1) from None
    if "h" in options:
        raise UsageError(USAGE.format(argv[0]), 1)
    files = process.place.files
    env = read_subnet_file(files, process.path(options.text("f", SUBNET_FILE)))
    found = {
        "DOCKER_OPT_BIP": f"--bip={env['FLANNEL_SUBNET']}" if env.get("FLANNEL_SUBNET") else "",
        "DOCKER_OPT_IPMASQ": _masq(env.get("FLANNEL_IPMASQ", "")) if "m" not in options else "",
        "DOCKER_OPT_MTU": f"--mtu={env['FLANNEL_MTU']}" if env.get("FLANNEL_MTU") else "",
    }
    chosen = {name: option for name, option in found.items() if option}
    both = "i" not in options and "c" not in options
    text = ""
    if "i" in options or both:
        text += "".join(f'{name}="{option}"\n' for name, option in chosen.items())
    if "c" in options or both:
        text += f'{options.text("k", "DOCKER_OPTS")}="{"".join(f" {option}" for option in chosen.values())}"\n'
    files.write(process.path(options.text("d", "/run/docker_opts.env")), text)
    return 0


def _masq(value: str) -> str:
    if value and value not in MASQ:
        raise UsageError(f"Invalid value of FLANNEL_IPMASQ: {value}", 1)
    return MASQ.get(value, "")
