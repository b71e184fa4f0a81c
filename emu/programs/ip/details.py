"""What `ip -d link show` adds: a device's limits, its kind's attributes, those of a bridge's port. What is not modelled has its default."""

from __future__ import annotations

from emu.netdev.bridge import Bridge, BridgePort
from emu.netdev.device import NetDevice
from emu.netdev.macvlan import Macvlan
from emu.netdev.vxlan import Vxlan
from emu.packet.address import Mac
from emu.programs.ip import link_tunnel

LIMITS = dict.fromkeys(("loopback", "dummy", "gre", "ipip"), "minmtu 0 maxmtu 0")
LIMITS |= {"gretap": "minmtu 68 maxmtu 0", "tap": "minmtu 68 maxmtu 65521"}

_BRIDGE = (
    "    bridge forward_delay {delay} hello_time 200 max_age 2000 ageing_time {ageing} stp_state 0 priority 32768 vlan_filtering 0 "
    "bridge_id {id} designated_root {id} root_port 0 root_path_cost 0 topology_change 0 topology_change_detected 0 "
    "hello_timer    0.00 tcn_timer    0.00 topology_change_timer    0.00 gc_timer    0.00 group_fwd_mask 0 group_address "
    "01:80:c2:00:00:00 mcast_snooping 1 no_linklocal_learn 0 mcast_vlan_snooping 0 mcast_router 1 mcast_query_use_ifaddr 0 "
    "mcast_querier 0 mcast_hash_elasticity 16 mcast_hash_max 4096 mcast_last_member_count 2 mcast_startup_query_count 2 "
    "mcast_last_member_interval 100 mcast_membership_interval 26000 mcast_querier_interval 25500 mcast_query_interval 12500 "
    "mcast_query_response_interval 1000 mcast_startup_query_interval 3124 mcast_stats_enabled 0 mcast_igmp_version 2 "
    "mcast_mld_version 1 nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0"
)
_PORT = (
    "    bridge_slave state {state} priority {priority} cost {cost} hairpin {hairpin} guard off root_block off fastleave off "
    "learning {learning} flood {flood} port_id {id} port_no {number} designated_port {designated} designated_cost 0 "
    "designated_bridge {bridge} designated_root {bridge} hold_timer    0.00 message_age_timer    0.00 forward_delay_timer    0.00 "
    "topology_change_ack 0 config_pending 0 proxy_arp off proxy_arp_wifi off mcast_router 1 mcast_fast_leave off mcast_flood on "
    "bcast_flood on mcast_to_unicast off neigh_suppress off group_fwd_mask 0 group_fwd_mask_str 0x0 vlan_tunnel off isolated "
    "{isolated} locked off"
)


def common(dev: NetDevice) -> str:
    port = int(dev.master is not None)
    limits = LIMITS.get(dev.kind, "minmtu 68 maxmtu 65535")
    end = " " if dev.kind in {"veth", "bridge", "dummy", "macvlan"} or port or link_tunnel.describe(dev) else ""
    return f" promiscuity {int(dev.promiscuous) + port + _for_children(dev)}  allmulti {port} {limits}{end}"


def _for_children(dev: NetDevice) -> int:
    """A veth or a bridge hears all while it has a macvlan that is up: it cannot filter. Others do for one that passes through."""
    up = [child for child in (dev.macvlans.children if dev.macvlans is not None else ()) if child.up]
    return int(any(dev.kind in {"veth", "bridge"} or child.mode == "passthru" for child in up))


def queues(dev: NetDevice) -> str:
    number = 1 + (dev.kind == "veth")
    return (
        f" addrgenmode eui64 numtxqueues {number} numrxqueues {number} gso_max_size 65536 gso_max_segs 65535 tso_max_size {_tso(dev)} "
        "tso_max_segs 65535 gro_max_size 65536 "
    )


def _tso(dev: NetDevice) -> int:
    """A bridge has the limit of a plain device until br_set_gso_limits looks at its first port, then its ports' lowest."""
    if isinstance(dev, Bridge):
        return min((_tso(port) for port in dev.ports), default=524280) if dev.has_had_ports else 65536
    is_tunnel = link_tunnel.describe(dev) and not (isinstance(dev, Vxlan) and dev.config.lower is not None)
    return 65536 if is_tunnel else 524280


def kind_lines(dev: NetDevice) -> list[str]:
    lines: list[str] = []
    if isinstance(dev, Bridge):
        lines.append(_BRIDGE.format(ageing=dev.fdb.ageing_ns // 10_000_000, delay=dev.forward_delay, id=_id(dev.mac)))
    elif isinstance(dev, Macvlan):
        lines.append("    macvlan " + "".join(f"{key} {value} " for key, value in dev.details().items()).rstrip())
        lines[-1] += " " if dev.master is not None else ""
    elif tunnel := link_tunnel.describe(dev):
        lines.append(f"    {tunnel}" + (" " if dev.master is not None else ""))
    elif dev.kind in {"veth", "dummy"}:
        lines.append(f"    {dev.kind}" + (" " if dev.master is not None else ""))
    if isinstance(dev.master, Bridge):
        lines.append(_port_line(dev.master.ports[dev]))
    return lines


def port_state(dev: NetDevice) -> str:
    return "forwarding" if dev.up and dev.carrier else "disabled"


def on_off(value: object) -> str:
    return "on" if value else "off"


def _id(mac: Mac) -> str:
    return "8000." + ":".join(f"{byte:x}" for byte in mac)


def _port_line(port: BridgePort) -> str:
    return _PORT.format(
        state=port_state(port.dev), priority=port.priority, cost=port.cost, hairpin=on_off(port.hairpin), learning=on_off(port.learning),
        flood=on_off(port.flood), id=f"0x8{port.number:03x}", number=f"0x{port.number:x}", designated=32768 + port.number,
        bridge=_id(port.bridge.mac), isolated=on_off(port.isolated),
    )  # fmt: skip
