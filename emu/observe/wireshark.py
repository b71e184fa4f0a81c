"""`wireshark/`: settings with which Wireshark reads a run's captures well, as a configuration folder of its own.

    WIRESHARK_CONFIG_DIR=emu-lab/wireshark wireshark -C emu emu-lab/captures/all.pcapng     as `emu wireshark emu-lab` does

The folder itself is for the files of one interface; its profile `emu` is for `all.pcapng`, where the same TCP segment is seen on several
interfaces and would look like a retransmission. Checked with Wireshark 4.0. Not modelled: columns' widths, a layout.
"""

from __future__ import annotations

from pathlib import Path

PROFILE = "emu"

_PREFERENCES = """\
# Checksums are right in emu's captures: have them checked.
ip.check_checksum: TRUE
tcp.check_checksum: TRUE
udp.check_checksum: TRUE
# Names and times as emu prints them.
nameres.mac_name: FALSE
nameres.transport_name: FALSE
"""

_MERGED = """\
# One segment is seen on several interfaces: that is no retransmission, and no overlap of what is put together.
tcp.analyze_sequence_numbers: FALSE
tcp.desegment_tcp_streams: FALSE
gui.column.format: "No.", "%m", "Time", "%t", "Interface", "%Cus:frame.interface_name:0:R", "Packet", "%Cus:frame.packet_id:0:R", \
"Source", "%s", "Destination", "%d", "Protocol", "%p", "Length", "%L", "Info", "%i", "Comment", "%Cus:frame.comment:0:R"
"""

# Linux's VXLAN port and that of flannel's udp back end are plain data to Wireshark.
_DECODE_AS = """\
decode_as_entry: udp.port,8472,(none),VXLAN
decode_as_entry: udp.port,8285,(none),IPv4
"""

# A profile's rules replace the stock ones (the file beside this one, of Wireshark 4.0), so those come along: emu's own first.
_EMU_COLOURS = """\
@Dropped by emu@frame.comment contains "dropped at" || frame.comment contains "rejected at"@[4626,10023,11822][63479,34695,34695]
@Rewritten on its way@frame.comment matches "^(source|destination) [0-9]"@[65535,62451,52428][4626,10023,11822]
"""
_STOCK_COLOURS = Path(__file__).with_name("stock_colorfilters.txt")

_BUTTONS = {  # label: display filter, hint
    "Drops": ('frame.comment contains "dropped at" || frame.comment contains "rejected at"', "frames that ended there, and why"),
    "This packet": ("frame.packet_id == ${frame.packet_id}", "the selected frame's packet on its whole way"),
    "Overlay": ("vxlan || gre || ip.proto == 4 || udp.port == 8285", "packets that carry others"),
    "ARP": ("arp", "who asks for whom"),
}


def files() -> dict[str, str]:
    """The profile for merged captures: its files by name."""
    return {
        "preferences": _PREFERENCES + _MERGED,
        "decode_as_entries": _DECODE_AS,
        "colorfilters": _colours(),
        "dfilter_buttons": _buttons(),
    }


def write(folder: Path) -> None:
    """Write the configuration folder. Raises OSError."""
    plain = files() | {"preferences": _PREFERENCES}
    for place, contents in ((folder, plain), (folder / "profiles" / PROFILE, files())):
        place.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            (place / name).write_text(text, encoding="utf-8")


def _colours() -> str:
    return _EMU_COLOURS + _STOCK_COLOURS.read_text(encoding="utf-8")


def _buttons() -> str:
    """A table of Wireshark's: quoted fields, with quotes in them as hexadecimal escapes."""
    rows = [("TRUE", label, expression, hint) for label, (expression, hint) in _BUTTONS.items()]
    return "".join(",".join('"' + field.replace('"', r"\x22") + '"' for field in row) + "\n" for row in rows)
