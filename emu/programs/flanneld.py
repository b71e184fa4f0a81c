"""flanneld: give this host a subnet of the network, and containers a way to those of the others.

The store is the lab's; `-etcd-endpoints` is read and not used, as what goes between daemon and store is no packet here. Not modelled:
Kubernetes as the store, TLS and passwords.
"""

from __future__ import annotations

from emu.errors import did_you_mean
from emu.flannel.flanneld import Flanneld, Options
from emu.flannel.release import DEFAULT_RELEASE, RELEASES
from emu.process import Process, UsageError
from emu.programs.libc import goflag

FLAGS: dict[str, type] = {
    "etcd-endpoints": str,
    "etcd-prefix": str,
    "iface": str,
    "public-ip": str,
    "ip-masq": bool,
    "subnet-file": str,
    "subnet-lease-renew-margin": int,
    "iptables-resync": int,
    "iptables-forward-rules": bool,
    "v": int,
    "version": bool,
    "release": str,  # emu's own: which flannel this is, 0.13 or 0.20
}


async def main(process: Process, argv: list[str]) -> int:
    flags = goflag.parse(argv, FLAGS)
    release = str(flags.get("release", DEFAULT_RELEASE))
    if release not in RELEASES:
        raise UsageError(f"flanneld: release '{release}' is not modelled{did_you_mean(release, RELEASES)}", 2)
    if flags.get("version"):
        process.error(f"v{RELEASES[release].name}")
        return 0
    if process.host is None or process.host.store is None or process.place.container is not None:
        raise UsageError("flanneld: there is no store for it to agree with others through: give the topology a `flannel` or a `store`", 1)
    margin = int(flags.get("subnet-lease-renew-margin", 60))
    if not 0 < margin < 24 * 60:
        raise UsageError("Invalid subnet-lease-renew-margin option, out of acceptable range", 1)
    defaults = Options()
    options = Options(
        interface=str(flags.get("iface", "")),
        public_ip=str(flags.get("public-ip", "")),
        ip_masq=bool(flags.get("ip-masq", False)),
        prefix=str(flags.get("etcd-prefix", defaults.prefix)),
        subnet_file=str(flags.get("subnet-file", defaults.subnet_file)),
        renew_margin=margin,
        resync=int(flags.get("iptables-resync", defaults.resync)),
        forward_rules=bool(flags.get("iptables-forward-rules", True)),
        release=release,
    )
    process.daemon = True
    daemon = Flanneld(process.netns, process.place.files, process.host.store, options, process.error)
    process.at_exit(daemon.stop)
    return await daemon.run()
