"""Random addresses, payloads and header fields, for the tests that hold emu's bytes against what Scapy builds."""

from __future__ import annotations

from hypothesis import strategies as st

from emu.packet.address import Ip, Mac

macs = st.binary(min_size=6, max_size=6).map(Mac)
ips = st.binary(min_size=4, max_size=4).map(Ip)
ports = st.integers(0, 0xFFFF)
words = st.integers(0, 0xFFFF)
longs = st.integers(0, 0xFFFFFFFF)
octets = st.integers(0, 255)
payloads = st.one_of(st.binary(max_size=64), st.sampled_from([b"", b"\x00", b"\xff", b"\x00" * 33, b"\xff" * 1480]))
