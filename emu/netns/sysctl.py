"""The sysctls of one namespace (net/ipv4/sysctl_net_ipv4.c, devinet.c, nf_conntrack_standalone.c), with the kernel's defaults.

Per-device values live under `conf.NAME` and `neigh.NAME`; a new device takes those of `default`; dots in a device's name are written as
slashes. Not modelled: keys that are not in the tables here, and other values for those in the tables of what is fixed; setting one of them
is an error, so that nobody believes it had an effect.
"""

from __future__ import annotations

from collections.abc import Callable

_CONF = {
    "accept_local": "0",
    "accept_redirects": "1",
    "arp_accept": "0",
    "arp_announce": "0",
    "arp_evict_nocarrier": "1",
    "arp_filter": "0",
    "arp_ignore": "0",
    "forwarding": "0",
    "log_martians": "0",
    "proxy_arp": "0",
    "route_localnet": "0",
    "rp_filter": "0",
    "secure_redirects": "1",
    "send_redirects": "1",
    "shared_media": "1",
}

_FIXED_CONF = {
    "arp_notify": "0",
    "bc_forwarding": "0",
    "mc_forwarding": "0",
    "proxy_arp_pvlan": "0",
}

_NEIGH = {
    "base_reachable_time_ms": "30000",
    "delay_first_probe_time": "5",
    "gc_stale_time": "60",
    "locktime": "100",
    "mcast_solicit": "3",
    "retrans_time_ms": "1000",
    "ucast_solicit": "3",
    "unres_qlen": "101",
}

_GLOBAL = {
    "net.ipv4.icmp_echo_ignore_all": "0",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
    "net.ipv4.icmp_ratelimit": "1000",
    "net.ipv4.icmp_ratemask": "6168",
    "net.ipv4.icmp_msgs_per_sec": "1000",
    "net.ipv4.icmp_msgs_burst": "50",
    "net.ipv4.ip_default_ttl": "64",
    "net.ipv4.ip_forward": "0",
    "net.ipv4.ip_local_port_range": "32768\t60999",
    "net.ipv4.ip_no_pmtu_disc": "0",
    "net.ipv4.ip_nonlocal_bind": "0",
    "net.ipv4.ip_unprivileged_port_start": "1024",
    "net.ipv4.ipfrag_time": "30",
    "net.ipv4.neigh.default.gc_thresh1": "128",
    "net.ipv4.neigh.default.gc_thresh2": "512",
    "net.ipv4.neigh.default.gc_thresh3": "1024",
    "net.ipv4.ping_group_range": "1\t0",
    "net.ipv4.tcp_fin_timeout": "60",
    "net.ipv4.tcp_keepalive_intvl": "75",
    "net.ipv4.tcp_keepalive_probes": "9",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.ipv4.tcp_max_syn_backlog": "1024",
    "net.ipv4.tcp_retries1": "3",
    "net.ipv4.tcp_retries2": "15",
    "net.ipv4.tcp_rmem": "4096\t131072\t33554432",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_syn_linear_timeouts": "4",
    "net.ipv4.tcp_syn_retries": "6",
    "net.ipv4.tcp_synack_retries": "5",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_window_scaling": "1",
    "net.ipv4.tcp_wmem": "4096\t16384\t4194304",
    "net.core.rmem_default": "212992",
    "net.core.somaxconn": "4096",
    "net.netfilter.nf_conntrack_generic_timeout": "600",
    "net.netfilter.nf_conntrack_icmp_timeout": "30",
    "net.netfilter.nf_conntrack_max": "262144",
    "net.netfilter.nf_conntrack_tcp_be_liberal": "0",
    "net.netfilter.nf_conntrack_tcp_loose": "1",
    "net.netfilter.nf_conntrack_tcp_timeout_close": "10",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait": "60",
    "net.netfilter.nf_conntrack_tcp_timeout_established": "432000",
    "net.netfilter.nf_conntrack_tcp_timeout_fin_wait": "120",
    "net.netfilter.nf_conntrack_tcp_timeout_last_ack": "30",
    "net.netfilter.nf_conntrack_tcp_timeout_syn_recv": "60",
    "net.netfilter.nf_conntrack_tcp_timeout_syn_sent": "120",
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "120",
    "net.netfilter.nf_conntrack_udp_timeout": "30",
    "net.netfilter.nf_conntrack_udp_timeout_stream": "120",
}

_FIXED = {
    "net.ipv4.icmp_echo_enable_probe": "0",
    "net.ipv4.icmp_errors_use_inbound_ifaddr": "0",
    "net.ipv4.icmp_ignore_bogus_error_responses": "1",
    "net.ipv4.ip_forward_update_priority": "1",
    "net.ipv4.ip_forward_use_pmtu": "0",
    "net.ipv4.tcp_congestion_control": "cubic",
}

# What appears with `modprobe br_netfilter`.
_BRIDGE = {
    "net.bridge.bridge-nf-call-arptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
}


_FIXED_BRIDGE = {
    "net.bridge.bridge-nf-filter-pppoe-tagged": "0",
    "net.bridge.bridge-nf-filter-vlan-tagged": "0",
    "net.bridge.bridge-nf-pass-vlan-input-dev": "0",
}
_FIXED_NAMES = {*_FIXED, *_FIXED_BRIDGE, *_FIXED_CONF}

_ALL_CONF = _CONF | _FIXED_CONF
_ALL_BRIDGE = _BRIDGE | _FIXED_BRIDGE
_ALL_GLOBAL = _GLOBAL | _FIXED
_OF_DEVICE = {"conf": _ALL_CONF, "neigh": _NEIGH}


class FixedError(ValueError):
    """A value whose effect is not modelled."""


class Sysctl:
    """Values as text, as in /proc/sys. `on_change` is called with the key after each change.

    Only what was set is kept: a lab has thousands of namespaces, and nearly all of their sysctls are as the kernel made them.
    """

    def __init__(self) -> None:
        self.on_change: list[Callable[[str], None]] = []
        self._set: dict[str, str] = {}
        self._devices: dict[str, dict[str, str] | None] = {"all": None, "default": None}  # what was set of each, if anything was
        self._integers: dict[str, int] = {}
        self._br_netfilter = False

    def add_device(self, name: str) -> None:
        default = self._devices["default"]
        self._devices[name] = dict(default) if default is not None else None
        self._integers.clear()

    def remove_device(self, name: str) -> None:
        self._devices.pop(name, None)
        self._integers.clear()

    def rename_device(self, old: str, new: str) -> None:
        self._devices[new] = self._devices.pop(old)
        self._integers.clear()

    def load_br_netfilter(self) -> None:
        """The module's sysctls appear, switched on."""
        if not self._br_netfilter:
            self._br_netfilter = True
            for key, value in _BRIDGE.items():
                self._store(key, value)

    def keys(self) -> list[str]:
        found = [*_ALL_GLOBAL, *(_ALL_BRIDGE if self._br_netfilter else ())]
        for device in (name.replace(".", "/") for name in self._devices):
            found += [f"net.ipv4.conf.{device}.{name}" for name in _ALL_CONF]
            if device != "all":
                found += [f"net.ipv4.neigh.{device}.{name}" for name in _NEIGH]
        return sorted(found)

    def get(self, key: str) -> str:
        """Raises KeyError for a key that is not modelled."""
        device, name, default = self._find(key)
        kept = self._devices[device] if device else self._set
        return kept.get(name, default) if kept is not None else default

    def _find(self, key: str) -> tuple[str, str, str]:
        """Of which device it is (empty: of none), the name it has there, and the kernel's own value. Raises KeyError."""
        if key in _ALL_GLOBAL:
            return "", key, _ALL_GLOBAL[key]
        if self._br_netfilter and key in _ALL_BRIDGE:
            return "", key, _ALL_BRIDGE[key]
        family, _, rest = key.removeprefix("net.ipv4.").partition(".")
        device, _, name = rest.replace("/", ".").rpartition(".")
        if (family, device) == ("neigh", "all") or device not in self._devices:
            raise KeyError(key)
        return device, f"{family}.{name}", _OF_DEVICE[family][name]

    def integer(self, key: str) -> int:
        value = self._integers.get(key)
        if value is None:
            value = self._integers[key] = int(self.get(key))
        return value

    def conf(self, device: str, key: str) -> int:
        return self.integer(f"net.ipv4.conf.{device}.{key}")

    def either(self, device: str, key: str) -> bool:
        """`all` or the device's own (IN_DEV_ORCONF)."""
        return bool(self.conf("all", key) or self.conf(device, key))

    def both(self, device: str, key: str) -> bool:
        """`all` and the device's own (IN_DEV_ANDCONF)."""
        return bool(self.conf("all", key) and self.conf(device, key))

    def highest(self, device: str, key: str) -> int:
        """The larger of the two (IN_DEV_MAXCONF)."""
        return max(self.conf("all", key), self.conf(device, key))

    def set(self, key: str, value: str) -> None:
        """Raises KeyError for an unknown key, ValueError where a number is wanted and something else given, FixedError."""
        old = self.get(key)
        value = "\t".join(value.split())
        if value != old and not _FIXED_NAMES.isdisjoint((key, key.rpartition(".")[2])):
            raise FixedError(f"{key}: another value than {old} is not modelled")
        if all(word.isdigit() for word in old.split()):
            words = value.split()
            if len(words) != len(old.split()) or not all(word.lstrip("-").isdigit() for word in words):
                raise ValueError(value)
        self._store(key, value)
        if key == "net.ipv4.ip_forward":  # sets every device's `forwarding`, and routers take no redirects: inet_forward_change
            self._store("net.ipv4.conf.all.accept_redirects", "0" if value != "0" else "1")
            for device in self._devices:
                self._store(f"net.ipv4.conf.{device}.forwarding", value)
        elif key == "net.ipv4.conf.all.forwarding":
            self.set("net.ipv4.ip_forward", value)

    def _store(self, key: str, value: str) -> None:
        device, name, default = self._find(key)
        kept = self._devices[device] if device else self._set
        if value != default:
            if kept is None:
                kept = self._devices[device] = {}
            kept[name] = value
        elif kept is not None:
            kept.pop(name, None)
        self._integers.clear()  # where it may stand under another spelling: a device's dots may be slashes
        for watcher in self.on_change:
            watcher(key)
