"""Tables and columns of Open vSwitch's database, as far as emu has them, and what get, set, remove and clear do (lib/db-ctl-base.c)."""

from __future__ import annotations

from dataclasses import dataclass

from emu.netdev.ovs_datapath import DevicePort
from emu.netns.ovs import BridgeRecord, Interface, OvsSwitch
from emu.packet.address import mac_text
from emu.process import UsageError
from emu.programs.ovs.atoms import Value, atom, parse_map, unquoted

Record = BridgeRecord | Interface

COLUMNS = {  # all of the real one's: those emu has not are refused by name
    "Bridge": "auto_attach controller datapath_id datapath_type datapath_version external_ids fail_mode flood_vlans flow_tables ipfix "
    "mcast_snooping_enable mirrors name netflow other_config ports protocols rstp_enable rstp_status sflow status stp_enable",
    "Port": "bond_active_slave bond_downdelay bond_fake_iface bond_mode bond_updelay cvlans external_ids fake_bridge interfaces lacp mac "
    "name other_config protected qos rstp_statistics rstp_status statistics status tag trunks vlan_mode",
    "Interface": "admin_state bfd bfd_status cfm_fault cfm_fault_status cfm_flap_count cfm_health cfm_mpid cfm_remote_mpids "
    "cfm_remote_opstate duplex error external_ids ifindex ingress_policing_burst ingress_policing_kpkts_burst "
    "ingress_policing_kpkts_rate ingress_policing_rate lacp_current link_resets link_speed link_state lldp mac mac_in_use mtu "
    "mtu_request name ofport ofport_request options other_config statistics status type",
}
_OTHER_TABLES = (
    "AutoAttach CT_Timeout_Policy CT_Zone Controller Datapath Flow_Sample_Collector_Set Flow_Table IPFIX Manager Mirror NetFlow "
    "Open_vSwitch QoS Queue SSL sFlow"
)
OTHER_TABLES = frozenset(_OTHER_TABLES.split())
_OTHER_TYPES = "patch geneve ip6gre erspan ip6erspan stt lisp bareudp gtpu srv6 tap dpdk dpdkvhostuserclient afxdp dummy"
OTHER_TYPES = frozenset(_OTHER_TYPES.split())
WRITABLE = {"Bridge": {"datapath_type", "other_config"}, "Port": set[str](), "Interface": {"type", "options"}}


@dataclass(frozen=True)
class Reader:
    """Reads columns of records, the running ports behind them included."""

    switch: OvsSwitch
    records: dict[str, BridgeRecord]

    def find(self, table: str, name: str) -> Record | None:
        if table == "Bridge":
            return self.records.get(name)
        return next((bridge.interfaces[name] for bridge in self.records.values() if name in bridge.interfaces), None)

    def value(self, record: Record, column: str) -> Value:
        """Raises UsageError for a column that emu has not."""
        if isinstance(record, BridgeRecord):
            plain: dict[str, Value] = {"name": record.name, "datapath_type": record.datapath_type, "other_config": record.other_config}
            plain |= {"fail_mode": None, "external_ids": {}}
        else:
            plain = {"name": record.name, "type": record.type, "options": record.options, "error": record.error or None}
            plain |= {"external_ids": {}, "other_config": {}} | self._running(record)
        if column not in plain:
            raise UsageError(f"ovs-vsctl: column {column} is not modelled", 1)
        return plain[column]

    def _running(self, interface: Interface) -> dict[str, Value]:
        """What the daemon fills in."""
        bridge = next((bridge for bridge in self.records.values() if interface.name in bridge.interfaces), None)
        port = self.switch.port(bridge.name, interface.name) if bridge is not None else None
        columns = dict.fromkeys(("ofport", "mac_in_use", "mtu", "ifindex", "admin_state", "link_state"))
        if port is None:
            return {**columns, "ofport": -1} if interface.error else {**columns}
        if not isinstance(port, DevicePort):
            return {**columns, "ofport": port.number, "admin_state": "up", "link_state": "up"}
        dev = port.dev
        states = {"admin_state": "up" if dev.up else "down", "link_state": "up" if dev.up and dev.carrier else "down"}
        return {"ofport": port.number, "mac_in_use": mac_text(dev.mac), "mtu": dev.mtu, "ifindex": dev.ifindex, **states}


def find_table(word: str) -> str:
    """A table by the beginning of its name, in whatever case. Raises UsageError."""
    found = [name for name in (*COLUMNS, *OTHER_TABLES) if name.lower().startswith(word.lower().replace("-", "_"))]
    exact = [name for name in found if name.lower() == word.lower()]
    if not found:
        raise UsageError(f'ovs-vsctl: unknown table "{word}"', 1)
    if len(found) > 1 and not exact:
        raise UsageError(f'ovs-vsctl: multiple table names match "{word}"', 1)
    table = (exact or found)[0]
    if table not in COLUMNS:
        raise UsageError(f"ovs-vsctl: table {table} is not modelled", 1)
    return table


def find_column(table: str, word: str) -> str:
    """A column by the beginning of its name. Raises UsageError."""
    names = COLUMNS[table].split()
    wanted = word.lower().replace("-", "_")
    if wanted in names:
        return wanted
    found = [name for name in names if name.startswith(wanted)]
    if not found:
        raise UsageError(f'ovs-vsctl: {table} does not contain a column whose name matches "{word}"', 1)
    if len(found) > 1:
        raise UsageError(f'ovs-vsctl: {table} contains more than one column whose name matches "{word}": {", ".join(found)}', 1)
    return found[0]


def assign(table: str, record: Record, word: str) -> None:
    """`column=value`, `column:key=value`. Raises UsageError."""
    left, equals, value = word.partition("=")
    name, colon, key = left.partition(":")
    column = find_column(table, name)
    if not equals or not value:
        raise UsageError(f'ovs-vsctl: {word}: argument does not end in "=" followed by a value.', 1)
    if column not in WRITABLE[table]:
        raise UsageError(f"ovs-vsctl: setting column {column} of table {table} is not modelled", 1)
    current = getattr(record, column)
    if colon and not isinstance(current, dict):
        raise UsageError(f"ovs-vsctl: cannot specify key to set for non-map column {column}", 1)
    try:
        new: Value = current | {key: unquoted(value)} if colon else parse_map(value) if isinstance(current, dict) else unquoted(value)
    except ValueError as error:
        raise UsageError(f"ovs-vsctl: {error}", 1) from None
    setattr(record, column, new)
    _check(record)


def remove(table: str, record: Record, name: str, keys: list[str]) -> None:
    """Keys of a map. Raises UsageError."""
    column = find_column(table, name)
    current = getattr(record, column, None)
    if column not in WRITABLE[table] or not isinstance(current, dict):
        raise UsageError(f"ovs-vsctl: removing from column {column} of table {table} is not modelled", 1)
    pairs = [key.partition("=") for key in keys]
    gone = {key for key, equals, value in pairs if not equals or current.get(key) == value}
    setattr(record, column, {key: value for key, value in current.items() if key not in gone})


def _check(record: Record) -> None:
    """What the daemon would do and emu does not is refused here, where it is asked for."""
    if isinstance(record, Interface):
        if record.type in OTHER_TYPES:
            raise UsageError(f"ovs-vsctl: interfaces of type {atom(record.type)} are not modelled", 1)
    else:
        unknown = set(record.other_config) - {"hwaddr"}
        if unknown:
            raise UsageError(f"ovs-vsctl: other_config:{min(unknown)} is not modelled", 1)
