"""The engine's configuration: the keys of /etc/docker/daemon.json that concern the bridge networks of one host.

Keys that don't touch the network (storage, logging, registries …) are accepted and ignored; those that do and are not here are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from emu.docker.ipam import DEFAULT_POOLS, Prefix
from emu.errors import EmuError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = {
    "userland-proxy": bool, "iptables": bool, "ip-forward": bool, "ip-masq": bool, "icc": bool, "mtu": int, "bip": str, "fixed-cidr": str,
    "default-gateway": str, "ip": str, "bridge": str, "dns": list, "dns-search": list, "dns-opts": list, "default-address-pools": list,
    "cluster-store": str, "cluster-advertise": str,
}  # fmt: skip
STORES = ("consul", "etcd", "zk")
IGNORED = {
    "data-root", "exec-root", "storage-driver", "storage-opts", "log-driver", "log-opts", "log-level", "debug", "hosts", "labels",
    "registry-mirrors", "insecure-registries", "exec-opts", "live-restore", "max-concurrent-downloads", "max-concurrent-uploads",
    "default-ulimits", "default-runtime", "runtimes", "experimental", "features", "shutdown-timeout", "pidfile", "group", "tls",
    "userland-proxy-path", "init", "init-path", "selinux-enabled", "userns-remap", "no-new-privileges", "builder", "metrics-addr",
}  # fmt: skip
NOT_MODELLED = {
    "ipv6", "ip6tables", "fixed-cidr-v6", "default-gateway-v6",
    "host-gateway-ip",
}  # fmt: skip


@dataclass(frozen=True)
class DaemonConfig:
    userland_proxy: bool = True
    iptables: bool = True
    ip_forward: bool = True
    ip_masq: bool = True
    icc: bool = True
    mtu: int = 1500
    bip: str = ""
    fixed_cidr: str = ""
    default_gateway: str = ""
    ip: str = "0.0.0.0"
    bridge: str = ""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opts: tuple[str, ...] = ()
    cluster_store: str = ""
    cluster_advertise: str = ""
    default_pools: tuple[Prefix, ...] = tuple(DEFAULT_POOLS)

    @classmethod
    def from_keys(cls, keys: Mapping[str, Any]) -> DaemonConfig:
        """From daemon.json's own keys. Raises EmuError."""
        values: dict[str, Any] = {}
        for key, value in keys.items():
            if key in NOT_MODELLED and value:
                raise EmuError(f"docker: '{key}' is not modelled")
            if key in IGNORED or key in NOT_MODELLED:
                continue
            if key not in KEYS:
                raise EmuError(f"docker: the following directives don't match any configuration option: {key}{did_you_mean(key, KEYS)}")
            if not isinstance(value, KEYS[key]) or isinstance(value, bool) is not (KEYS[key] is bool):
                raise EmuError(f"docker: {key}: {value!r} is not a {KEYS[key].__name__}")
            values[key.replace("-", "_")] = value
        if values.get("bridge") not in (None, "", "docker0", "none"):
            raise EmuError(f"docker: bridge: {values['bridge']!r} is not modelled; known: docker0, none")
        for key in ("bip", "fixed_cidr"):
            if values.get(key):
                _check_prefix(key.replace("_", "-"), values[key])
        values |= {key: tuple(values.get(key, ())) for key in ("dns", "dns_search", "dns_opts")}
        _check_store(values.get("cluster_store", ""), values.get("cluster_advertise", ""))
        pools = values.pop("default_address_pools", None)
        if pools:
            values["default_pools"] = tuple(part for pool in pools for part in _pool(pool))
        return cls(**values)

    @classmethod
    def from_spec(cls, spec: Any) -> DaemonConfig:
        """From a dataclass whose fields are those keys with underscores; None is the default."""
        values = {each.name.replace("_", "-"): getattr(spec, each.name) for each in fields(spec)}
        given = {key: value for key, value in values.items() if key in KEYS and value is not None}
        return cls.from_keys({key: list(value) if isinstance(value, tuple) else value for key, value in given.items()})


def _check_store(url: str, advertise: str) -> None:
    scheme, separator, rest = url.partition("://")
    if url and (scheme not in STORES or not separator or not rest):
        raise EmuError(f"docker: cluster-store: {url!r} is not a store: {', '.join(f'{each}://HOST:PORT' for each in STORES)}")
    if bool(url) is not bool(advertise):
        raise EmuError("docker: invalid cluster configuration. --cluster-advertise must be accompanied by --cluster-store configuration")


def _check_prefix(key: str, text: str) -> None:
    try:
        Prefix.parse(text)
    except ValueError as wrong:
        raise EmuError(f"docker: {key}: {wrong}") from None


def _pool(entry: Any) -> list[Prefix]:
    """`{base: 10.10.0.0/16, size: 24}`, or a pair of them."""
    try:
        first, second = entry if isinstance(entry, tuple) else (entry["base"], entry["size"])
        base, size = Prefix.parse(str(first)), int(second)
    except (KeyError, TypeError, ValueError):
        raise EmuError(f"docker: default-address-pools: {entry!r} is not {{base: SUBNET, size: LENGTH}}") from None
    if not base.length <= size <= 32:
        raise EmuError(f"docker: default-address-pools: size {size} does not fit in {base}")
    return base.cut(size)
