"""UDP echoes in ns-3: two nodes on a learning switch, pcap of all devices. Its run is measured, not its import.

python -m benchmarks.echo_ns3 ECHOES FOLDER
"""

# mypy: ignore-errors
# ns-3's bindings are made at run time from its C++ headers: no types can be had.

from __future__ import annotations

import sys
import time

try:
    from ns import ns
except ImportError:
    sys.stderr.write("not installed: pip install '.[bench]'\n")
    sys.exit(3)


def main(echoes: int, folder: str) -> float:
    """Microseconds of processor work for one echo."""
    ns.GlobalValue.Bind("ChecksumEnabled", ns.BooleanValue(True))  # off by default; the captures of both are valid
    ns.Config.SetDefault("ns3::ArpL3Protocol::RequestJitter", ns.StringValue("ns3::ConstantRandomVariable[Constant=0]"))
    hosts = ns.NodeContainer()
    hosts.Create(2)
    switch = ns.NodeContainer()
    switch.Create(1)
    csma = ns.CsmaHelper()
    csma.SetChannelAttribute("DataRate", ns.StringValue("10Gbps"))
    csma.SetChannelAttribute("Delay", ns.TimeValue(ns.MicroSeconds(5)))
    host_devices, ports = ns.NetDeviceContainer(), ns.NetDeviceContainer()
    for number in range(2):
        ends = ns.NodeContainer(hosts.Get(number))
        ends.Add(switch.Get(0))
        devices = csma.Install(ends)
        host_devices.Add(devices.Get(0))
        ports.Add(devices.Get(1))
    ns.BridgeHelper().Install(switch.Get(0), ports)
    ns.InternetStackHelper().Install(hosts)
    addresses = ns.Ipv4AddressHelper()
    addresses.SetBase(ns.Ipv4Address("10.0.0.0"), ns.Ipv4Mask("255.255.255.0"))
    interfaces = addresses.Assign(host_devices)
    ns.UdpEchoServerHelper(9).Install(hosts.Get(1))
    client = ns.UdpEchoClientHelper(interfaces.GetAddress(1).ConvertTo(), 9)
    client.SetAttribute("MaxPackets", ns.UintegerValue(echoes))
    client.SetAttribute("Interval", ns.TimeValue(ns.MicroSeconds(100)))
    client.SetAttribute("PacketSize", ns.UintegerValue(56))
    client.Install(hosts.Get(0))
    csma.EnablePcapAll(f"{folder}/echo", True)
    ns.Simulator.Stop(ns.MicroSeconds(echoes * 100 + 1_000_000))
    start = time.process_time()
    ns.Simulator.Run()
    elapsed = time.process_time() - start
    ns.Simulator.Destroy()  # closes the captures
    return elapsed * 1e6 / echoes


if __name__ == "__main__":
    print(main(int(sys.argv[1]), sys.argv[2]))
