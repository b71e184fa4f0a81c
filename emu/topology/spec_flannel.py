"""What a topology file says of flannel, as plain data: the network, its back end, a host's part."""

from __future__ import annotations

import json
from dataclasses import dataclass

from emu.topology.source import NOWHERE, Source


@dataclass(frozen=True, kw_only=True, slots=True)
class FlannelBackendSpec:
    """How flannel carries packets. None: the back end's default."""

    type: str = "udp"
    vni: int | None = None
    port: int | None = None
    direct_routing: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FlannelSpec:
    """The network that flannel makes of several hosts; what stands in the store under `prefix`."""

    network: str
    subnet_len: int | None = None
    subnet_min: str | None = None
    subnet_max: str | None = None
    backend: FlannelBackendSpec = FlannelBackendSpec()
    ip_masq: bool = True
    prefix: str = "/coreos.com/network"
    release: str = "0.13"
    source: Source = NOWHERE

    def config(self) -> str:
        """The JSON that flannel reads."""
        keys = {"Network": self.network, "SubnetLen": self.subnet_len, "SubnetMin": self.subnet_min, "SubnetMax": self.subnet_max}
        backend = self.backend
        options = {"Type": backend.type, "VNI": backend.vni, "Port": backend.port, "DirectRouting": backend.direct_routing}
        keys["Backend"] = {key: value for key, value in options.items() if value is not None}  # type: ignore[assignment]
        return json.dumps({key: value for key, value in keys.items() if value is not None}, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True, slots=True)
class FlannelHostSpec:
    """A host's part in flannel's network. `subnet` is what it had in an earlier run."""

    takes_part: bool = True
    subnet: str | None = None
    interface: str | None = None
    public_ip: str | None = None
    source: Source = NOWHERE
