"""Bring flannel up: its configuration in the store, flanneld on every host that takes part, and what Docker is told by mk-docker-opts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emu.engine import SECOND
from emu.errors import EmuError
from emu.flannel.subnet_file import SUBNET_FILE, read_subnet_file
from emu.packet.address import ip_text, prefix
from emu.store.model import StoreError
from emu.topology.check_flannel import takes_part

if TYPE_CHECKING:
    from emu.host import Host
    from emu.lab import Lab
    from emu.topology.spec import DockerSpec, HostSpec
    from emu.topology.spec_flannel import FlannelSpec

PATIENCE_NS = 10 * SECOND


def start_flannel(lab: Lab) -> dict[str, DockerSpec]:
    """Docker's settings on the hosts that take part, by host. Raises EmuError, with file and line, if flanneld does not come up."""
    spec = lab.topology.flannel
    if spec is None:
        return {}
    _write_config(lab, spec)
    hosts = [host for host in lab.topology.hosts.values() if takes_part(host)]
    return {host.name: _start(lab, spec, host) for host in hosts}


def _write_config(lab: Lab, spec: FlannelSpec) -> None:
    assert lab.store is not None
    try:
        if lab.store.range(spec.prefix + "/"):
            raise EmuError(f"{spec.source}: flannel: {lab.topology.store} has keys under {spec.prefix} already; give it another `prefix`")
        lab.store.put(f"{spec.prefix}/config", spec.config())
    except StoreError as error:
        raise EmuError(f"{spec.source}: flannel: {error}") from error


def _start(lab: Lab, spec: FlannelSpec, host_spec: HostSpec) -> DockerSpec:
    """Flanneld on one host; Docker's settings there."""
    from emu.topology.spec import DockerSpec

    host = lab.hosts[host_spec.name]
    part = host_spec.flannel
    words = ["flanneld", "-etcd-endpoints=http://127.0.0.1:2379", f"-etcd-prefix={spec.prefix}", f"-release={spec.release}"]
    words.append(f"-iface={part.interface if part is not None and part.interface else _interface(host, host_spec)}")
    if part is not None and part.public_ip is not None:
        words.append(f"-public-ip={part.public_ip}")
    if spec.ip_masq:
        words.append("-ip-masq")
    if part is not None and part.subnet is not None:
        address, length = prefix(part.subnet)
        first = ip_text(address[:3] + bytes([address[3] + 1]))
        host.place.files.write(SUBNET_FILE, f"FLANNEL_NETWORK={spec.network}\nFLANNEL_SUBNET={first}/{length}\n")
    process = host.services.start("flanneld", words)
    lab.engine.run(until_ns=lab.engine.now)
    deadline = lab.engine.now + PATIENCE_NS
    while "FLANNEL_MTU" not in read_subnet_file(host.place.files) and process.exit_status is None and lab.engine.now < deadline:
        lab.engine.run(until_ns=lab.engine.now + SECOND // 10)
    env = read_subnet_file(host.place.files)
    if "FLANNEL_MTU" not in env:
        last = process.stderr.strip().splitlines()[-1:] or ["it does not come up"]
        raise EmuError(f"{host_spec.source}: hosts.{host.name}: flanneld: {last[0]}")
    docker = host_spec.docker or DockerSpec()
    return replace(docker, bip=env["FLANNEL_SUBNET"], mtu=docker.mtu or int(env["FLANNEL_MTU"]), ip_masq=env["FLANNEL_IPMASQ"] != "true")


def _interface(host: Host, spec: HostSpec) -> str:
    """That of the default route, else the first: one host has one as a rule."""
    default = host.netns.fib.default_device()
    return default.name if default is not None else next(iter(spec.interfaces))
