"""ifconfig(8): net-tools' 2.10 on hosts, busybox's 1.35 in containers that have busybox.

Shown: all interfaces, one, -a, -s. Set: up, down, an address (with netmask, broadcast), mtu, `hw ether`, promisc, arp, txqueuelen.
Not modelled: IPv6, point-to-point addresses, media, memory and interrupts of hardware.
"""

from __future__ import annotations

import re

from emu.netdev.device import NetDevice
from emu.netns.addresses import InterfaceAddress
from emu.packet.address import ANY, broadcast, ip, ip_text, mac, mac_text
from emu.process import Process, UsageError
from emu.programs.libc.inet import class_length, flags, mask_length, mask_text, scaled
from emu.programs.libc.userland import has_busybox


async def main(process: Process, argv: list[str]) -> int:
    words = argv[1:]
    options = ""
    while words and words[0].startswith("-") and not words[0].lstrip("-").startswith(("arp", "promisc")):
        word = words.pop(0)
        if not re.fullmatch(r"-[asv]+", word):
            raise UsageError(f"ifconfig: '{word}' is not modelled", 1)
        options += word[1:]
    ifconfig = _Ifconfig(process)
    if len(words) > 1:
        ifconfig.change(words[0], words[1:])
        return 0
    names = words or ifconfig.names(every="a" in options)
    if "s" in options and not ifconfig.busybox:
        process.print(SHORT_TITLE)
    for name in names:
        dev = ifconfig.find(name)
        if "s" in options and not ifconfig.busybox:
            if ":" not in name:
                process.print(short_line(dev))
        else:
            process.print((ifconfig.busybox_text if ifconfig.busybox else ifconfig.text)(name, dev))
    return 0


# --- `ifconfig -s`, `netstat -i`

SHORT_TITLE = "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg"
LETTERS = {"BROADCAST": "B", "LOOPBACK": "L", "MULTICAST": "M", "NOARP": "O", "PROMISC": "P", "RUNNING": "R", "UP": "U"}


def short_line(dev: NetDevice) -> str:
    counters, own = dev.counters, flags(dev)
    letters = "".join(letter for name, letter in LETTERS.items() if name in own)
    return (
        f"{dev.name:<15} {dev.mtu:>5} {counters.rx_packets:>8} {0:>6} {counters.rx_dropped:>6} {0:<6} "
        f"{counters.tx_packets:>8} {0:>6} {counters.tx_dropped:>6} {0:>6} {letters}"
    )


def in_order(names: list[str]) -> list[str]:
    """Names with numbers in them sort by the number: eth2 before eth10."""
    return sorted(names, key=lambda name: [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part])


class _Ifconfig:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.netns = process.netns
        self.busybox = has_busybox(process.place)

    def names(self, *, every: bool) -> list[str]:
        """Devices (those that are up, or all) and the labels of further addresses (`eth0:1`)."""
        labels = [each.label for each in self.netns.all_addresses() if ":" in each.label and (every or each.dev.up)]
        devices = [name for name, dev in self.netns.devices.items() if every or dev.up]
        return in_order(list(dict.fromkeys(devices + labels)))

    def find(self, name: str) -> NetDevice:
        dev = self.netns.devices.get(name.partition(":")[0])
        if dev is None:
            prefix = "ifconfig: " if self.busybox else ""
            raise UsageError(f"{prefix}{name}: error fetching interface information: Device not found", 1)
        return dev

    def _address(self, name: str, dev: NetDevice) -> InterfaceAddress | None:
        return next((address for address in self.netns.addresses(dev) if address.label == name), None)

    # --- show

    def text(self, name: str, dev: NetDevice) -> str:
        own, counters, address = flags(dev), dev.counters, self._address(name, dev)
        lines = [f"{name}: flags={sum(own.values())}<{','.join(own)}>  mtu {dev.mtu}"]
        if address is not None:
            end = f"  broadcast {ip_text(address.broadcast or ANY)}" if "BROADCAST" in own else ""
            lines.append(f"inet {ip_text(address.ip)}  netmask {mask_text(address.length)}{end}")
        kind = "loop" if dev.kind == "loopback" else f"ether {mac_text(dev.mac)}"
        lines.append(f"{kind}  txqueuelen {dev.txqueuelen}  ({'Local Loopback' if dev.kind == 'loopback' else 'Ethernet'})")
        if ":" not in name:
            lines += [
                f"RX packets {counters.rx_packets}  bytes {scaled(counters.rx_bytes, least=1025)}",
                f"RX errors 0  dropped {counters.rx_dropped}  overruns 0  frame 0",
                f"TX packets {counters.tx_packets}  bytes {scaled(counters.tx_bytes, least=1025)}",
                f"TX errors 0  dropped {counters.tx_dropped} overruns 0  carrier 0  collisions 0",
            ]
        return "\n        ".join(lines) + "\n"

    def busybox_text(self, name: str, dev: NetDevice) -> str:
        own, counters, address = flags(dev), dev.counters, self._address(name, dev)
        kind = "Local Loopback  " if dev.kind == "loopback" else f"Ethernet  HWaddr {mac_text(dev.mac).upper()}  "
        lines = [f"{name:<9} Link encap:{kind}"]
        if address is not None:
            middle = f"  Bcast:{ip_text(address.broadcast or ANY)}" if "BROADCAST" in own else ""
            lines.append(f"inet addr:{ip_text(address.ip)}{middle}  Mask:{mask_text(address.length)}")
        lines.append(f"{' '.join(own) or '[NO FLAGS]'}  MTU:{dev.mtu}  Metric:1")
        if ":" not in name:
            lines += [
                f"RX packets:{counters.rx_packets} errors:0 dropped:{counters.rx_dropped} overruns:0 frame:0",
                f"TX packets:{counters.tx_packets} errors:0 dropped:{counters.tx_dropped} overruns:0 carrier:0",
                f"collisions:0 txqueuelen:{dev.txqueuelen} ",
                f"RX bytes:{scaled(counters.rx_bytes, least=1024)}  TX bytes:{scaled(counters.tx_bytes, least=1024)}",
            ]
        return "\n          ".join(lines) + "\n"

    # --- change

    def change(self, name: str, words: list[str]) -> None:
        """Each word as SIOCSIF… sets it, from left to right."""
        dev = self.netns.devices.get(name.partition(":")[0])
        if dev is None:
            if self.busybox:
                raise UsageError("ifconfig: SIOCGIFFLAGS: No such device", 1)
            first = "" if words[0] in {"up", "down"} else "SIOCSIFADDR: No such device\n"
            raise UsageError(f"{first}{name}: ERROR while getting interface flags: No such device", 255)
        if not self.process.place.net_admin:
            call = "SIOCSIFFLAGS" if words[0] in {"up", "down"} else "SIOCSIFADDR"
            raise UsageError(f"{'ifconfig: ' if self.busybox else ''}{call}: Operation not permitted", 1 if self.busybox else 255)
        words = list(words)
        while words:
            word = words.pop(0)
            if word in {"up", "down"}:
                self._switch(name, dev, up=word == "up")
            elif word in {"promisc", "-promisc"}:
                dev.promiscuous = word == "promisc"
                dev.changed()
            elif word in {"arp", "-arp"}:
                dev.arp = word == "arp"
                dev.changed()
            elif word in {"netmask", "broadcast", "mtu", "txqueuelen", "hw"}:
                if not words:
                    raise self._wrong("missing argument")
                self._set(name, dev, word, words)
            elif word in {"pointopoint", "dstaddr", "add", "del", "tunnel", "media", "metric", "allmulti", "-allmulti", "multicast"}:
                raise UsageError(f"ifconfig: '{word}' is not modelled", 1)
            else:
                self._set_address(name, dev, word)

    def _switch(self, name: str, dev: NetDevice, *, up: bool) -> None:
        address = self._address(name, dev)
        if not up and ":" in name and address is not None:
            self.netns.remove_address(dev, address.ip, address.length)
        elif up:
            self.netns.set_up(dev)
        else:
            self.netns.set_down(dev)

    def _set_address(self, name: str, dev: NetDevice, text: str) -> None:
        """A new address with its class's mask; the interface comes up. 0.0.0.0 takes the address away."""
        head, slash, length_text = text.partition("/")
        try:
            new = ip(head)
            length = int(length_text) if slash else class_length(new)
            if (slash and self.busybox) or not 0 <= length <= 32:
                raise ValueError(text)
        except ValueError:
            raise self._bad_address(text) from None
        old = self._address(name, dev)
        if old is not None:
            self.netns.remove_address(dev, old.ip, old.length)
        if new != ANY:
            self._add(name, dev, new, length)
            self.netns.set_up(dev)

    def _add(self, name: str, dev: NetDevice, address: bytes, length: int) -> None:
        last = broadcast(address, length) if length < 31 and dev.kind != "loopback" else None
        scope = "host" if address[0] == 127 else "global"
        try:
            self.netns.add_address(dev, ip(ip_text(address)), length, broadcast=last, scope=scope, label=name)
        except FileExistsError:
            raise UsageError(f"{'ifconfig: ' if self.busybox else ''}SIOCSIFADDR: File exists", 1) from None

    def _set(self, name: str, dev: NetDevice, word: str, words: list[str]) -> None:
        value = words.pop(0)
        if word == "hw":
            value = words.pop(0) if value == "ether" and words else value
            try:
                self.netns.set_mac(dev, mac(value))
            except ValueError:
                raise UsageError(f"{value}: invalid ether address.", 1) from None
        elif word in {"mtu", "txqueuelen"}:
            self._set_number(dev, word, value)
        else:
            self._set_mask(name, dev, word, value)

    def _set_number(self, dev: NetDevice, word: str, value: str) -> None:
        if not value.isdigit():
            value = "0"  # as atoi(3) reads it
        if word == "txqueuelen":
            dev.txqueuelen = int(value)
            return
        try:
            self.netns.set_mtu(dev, int(value))
        except OSError:
            raise UsageError(f"{'ifconfig: ' if self.busybox else ''}SIOCSIFMTU: Invalid argument", 1) from None

    def _set_mask(self, name: str, dev: NetDevice, word: str, value: str) -> None:
        address = self._address(name, dev)
        try:
            length, last = (mask_length(value), None) if word == "netmask" else (0, ip(value))
        except ValueError:
            raise self._bad_address(value) from None
        if address is None:
            which = "SIOCSIFNETMASK" if word == "netmask" else "SIOCSIFBRDADDR"
            raise UsageError(f"{'ifconfig: ' if self.busybox else ''}{which}: Cannot assign requested address", 1)
        if last is not None:
            address.broadcast = last
        elif length != address.length:
            self.netns.remove_address(dev, address.ip, address.length)
            self._add(name, dev, address.ip, length)

    def _bad_address(self, text: str) -> UsageError:
        if self.busybox:
            return UsageError(f"ifconfig: bad address '{text}'", 1)
        return UsageError(f"{text}: Host name lookup failure\nifconfig: `--help' gives usage information.", 1)

    def _wrong(self, text: str) -> UsageError:
        return UsageError(f"ifconfig: {text}", 1)
