"""What `docker info` says of a node's swarm (docker/cli command/system/info.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.docker.swarm.cluster import MANAGEMENT_PORT
from emu.packet.address import ip_text

if TYPE_CHECKING:
    from emu.docker.swarm.cluster import Node

INACTIVE = {"NodeID": "", "LocalNodeState": "inactive"}


def data(node: Node | None) -> dict[str, Any]:
    """As the Engine API answers."""
    if node is None:
        return INACTIVE
    cluster = node.cluster
    found: dict[str, Any] = {
        "NodeID": node.id,
        "NodeAddr": ip_text(node.address),
        "LocalNodeState": "active",
        "ControlAvailable": node.manager,
        "Error": "",
        "RemoteManagers": [{"NodeID": each.id, "Addr": _where(each)} for each in cluster.managers],
    }
    if not node.manager:
        return found
    pools = {"DataPathPort": cluster.data_port, "DefaultAddrPool": [str(pool) for pool in cluster.pools], "SubnetSize": cluster.length}
    return found | {"Nodes": len(cluster.nodes), "Managers": len(cluster.managers), "Cluster": {"ID": cluster.id, **pools}}


def _where(node: Node) -> str:
    return f"{ip_text(node.address)}:{MANAGEMENT_PORT}"


def lines(node: Node | None) -> str:
    """What stands after ` Swarm: `."""
    if node is None:
        return "inactive"
    found = ["active", f"NodeID: {node.id}", f"Is Manager: {str(node.manager).lower()}"]
    if node.manager:
        cluster = node.cluster
        found += [f"ClusterID: {cluster.id}", f"Managers: {len(cluster.managers)}", f"Nodes: {len(cluster.nodes)}"]
        found += [f"Default Address Pool: {''.join(f'{pool}  ' for pool in cluster.pools)}", f"SubnetSize: {cluster.length}"]
        found += [f"Data Path Port: {cluster.data_port}", "Orchestration:", f" Task History Retention Limit: {cluster.task_history_limit}"]
        found += ["Raft:", " Snapshot Interval: 10000", " Number of Old Snapshots to Retain: 0", " Heartbeat Tick: 1", " Election Tick: 10"]
        found += ["Dispatcher:", " Heartbeat Period: 5 seconds", "CA Configuration:", " Expiry Duration: 3 months", " Force Rotate: 0"]
        found += ["Autolock Managers: false", "Root Rotation In Progress: false"]
    found += [f"Node Address: {ip_text(node.address)}", "Manager Addresses:", *(f" {_where(each)}" for each in node.cluster.managers)]
    return "\n  ".join(found)
