"""The comparison has teeth: whatever is changed in a recording is found, and named in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emu.observe import pcap
from emu.observe.compare import compare
from emu.observe.pcap_reader import read
from emu.packet import arp, ethernet, ipv4, tcp, udp
from emu.packet.address import ip
from emu.packet.checksum import checksum

RECORDINGS = Path(__file__).parent.parent.parent / "pcaps" / "linux"
FOLDERS = ("bridge-ping", "bridge-tcp", "bridge-udp-closed-port", "bridge-host-ping", "masquerade-out", "publish-dnat", "publish-from-host")
POINTS = ("host.docker0", "host.eth0", "box.eth0", "host.lo")
CAPTURES = [path for folder in FOLDERS for point in POINTS if (path := RECORDINGS / folder / f"{point}.pcap").exists()]

Frames = list[tuple[int, bytes]]
Mutation = Callable[[bytes], bytes | None]


def _ip(wire: bytes, position: int, value: int) -> bytes | None:
    """With another byte in the IP header, whose checksum is right."""
    if wire[12:14] != ethernet.IPV4:
        return None
    header = wire[14 : 14 + position] + bytes([value]) + wire[15 + position : 34]
    header = header[:10] + b"\x00\x00" + header[12:]
    return wire[:14] + header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + wire[34:]


def ttl(wire: bytes) -> bytes | None:
    return _ip(wire, ipv4.TTL, wire[14 + ipv4.TTL] - 1)


def dont_fragment(wire: bytes) -> bytes | None:
    return _ip(wire, 6, wire[20] ^ 0x40)


def address(wire: bytes) -> bytes | None:
    return _ip(wire, 19, wire[33] ^ 4) or (wire[:41] + bytes([wire[41] ^ 4]) + wire[42:] if wire[12:14] == ethernet.ARP else None)


def mac(wire: bytes) -> bytes | None:
    return wire[:11] + bytes([wire[11] ^ 1]) + wire[12:]


def tcp_flag(wire: bytes) -> bytes | None:
    return wire[:47] + bytes([wire[47] ^ tcp.PSH]) + wire[48:] if wire[12:14] == ethernet.IPV4 and wire[23] == ipv4.TCP else None


def last_byte(wire: bytes) -> bytes | None:
    return wire[:-1] + bytes([wire[-1] ^ 1])


def is_fin(wire: bytes) -> bool:
    """Either of the two may come first."""
    return wire[12:14] == ethernet.IPV4 and wire[23] == ipv4.TCP and bool(wire[47] & tcp.FIN)


WORDS = {ttl: "TTL", dont_fragment: "DF", address: "", mac: "", tcp_flag: "TCP ", last_byte: ""}


def captures() -> list[tuple[Path, Frames]]:
    return [(path, frames) for path in CAPTURES if (frames := [(frame.time_ns, frame.wire) for frame in read(path).frames])]


def is_timing(wire: bytes) -> bool:
    """A pure acknowledgment, or a unicast ARP frame: each may come and go."""
    if wire[12:14] == ethernet.ARP:
        return not wire[0] & 1
    return wire[23] == ipv4.TCP and wire[47] == tcp.ACK


@pytest.mark.parametrize("mutation", WORDS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_change_in_any_frame_is_found_whichever_side_has_it(path, mutation, tmp_path):
    frames = [(frame.time_ns, frame.wire) for frame in read(path).frames]
    changed = tmp_path / path.name
    for number, (when, wire) in enumerate(frames, 1):
        if (mutant := mutation(wire)) is None:
            continue
        pcap.write(changed, [*frames[: number - 1], (when, mutant), *frames[number:]])
        found = [str(each) for each in compare(changed, path).differences]
        assert found, f"frame {number}"
        assert any(WORDS[mutation] in text for text in found)
        assert not compare(path, changed).equal, f"frame {number}"


@pytest.mark.parametrize(
    ("path", "frames"), captures(), ids=lambda each: f"{each.parent.name}-{each.stem}" if isinstance(each, Path) else ""
)
def test_a_frame_dropped_or_swapped_with_the_next_is_found(path, frames, tmp_path):
    changed = tmp_path / path.name
    for number, (when, wire) in enumerate(frames, 1):
        if is_timing(wire) and not (wire[12:14] == ethernet.ARP and wire[21] == arp.REPLY):
            continue
        pcap.write(changed, [*frames[: number - 1], *frames[number:]])
        found = compare(changed, path).differences
        assert any("missing" in each.text or "not answered" in each.text for each in found), f"frame {number}"
        if (
            number < len(frames)
            and not is_timing(wire)
            and not is_timing(after := frames[number][1])
            and not (is_fin(wire) and is_fin(after))
        ):
            pcap.write(changed, [*frames[: number - 1], (when, after), (when, wire), *frames[number + 1 :]])
            found = compare(changed, path).differences
            assert any("too late" in each.text or "too early" in each.text for each in found), f"frame {number}"


def tunnelled(wire: bytes) -> bytes:
    """The frame in VXLAN, as flannel sends it."""
    one, two = ip("192.168.50.10"), ip("192.168.50.11")
    inner = udp.build(one, two, 40000 + wire[33] % 2, 8472, b"\x08\x00\x00\x00\x00\x00\x01\x00" + wire)
    return ethernet.build(b"\x02" * 6, b"\x06" * 6, ethernet.IPV4, ipv4.build(one, two, ipv4.UDP, inner))


@pytest.mark.parametrize("mutation", WORDS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("folder", ["bridge-tcp", "bridge-udp-closed-port"])
def test_a_change_inside_a_tunnel_is_found(folder, mutation, tmp_path):
    frames = [(frame.time_ns, frame.wire) for frame in read(RECORDINGS / folder / "box.eth0.pcap").frames]
    reference, changed = tmp_path / "reference.pcap", tmp_path / "changed.pcap"
    pcap.write(reference, [(when, tunnelled(wire)) for when, wire in frames])
    for number, (when, wire) in enumerate(frames, 1):
        if (mutant := mutation(wire)) is not None:
            whole = [(then, tunnelled(each)) for then, each in frames]
            pcap.write(changed, [*whole[: number - 1], (when, tunnelled(mutant)), *whole[number:]])
            found = [str(each) for each in compare(changed, reference).differences]
            assert any(WORDS[mutation] in text for text in found), f"frame {number}: {found}"
