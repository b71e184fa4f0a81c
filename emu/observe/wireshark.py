"""`wireshark/`: settings with which Wireshark reads a run's captures well, as a configuration folder of its own.

    WIRESHARK_CONFIG_DIR=emu-lab/wireshark wireshark -C emu emu-lab/captures/all.pcapng

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

# A profile's rules replace the stock ones, so those come along: emu's own first.
_EMU_COLOURS = """\
@Dropped by emu@frame.comment contains "dropped"@[4626,10023,11822][63479,34695,34695]
@Rewritten on its way@frame.comment contains "source " || frame.comment contains "destination "@[65535,62451,52428][4626,10023,11822]
"""
_STOCK_COLOURS = """\
@Bad TCP@tcp.analysis.flags && !tcp.analysis.window_update \
 && !tcp.analysis.keep_alive && !tcp.analysis.keep_alive_ack@[4626,10023,11822][63479,34695,34695]
@Spanning Tree Topology  Change@stp.type == 0x80@[4626,10023,11822][65535,64764,40092]
@ARP@arp@[64250,61680,55255][4626,10023,11822]
@ICMP errors@icmp.type in { 3..5, 11 } || icmpv6.type in { 1..4 }@[4626,10023,11822][47031,63479,29812]
@ICMP@icmp || icmpv6@[64764,57568,65535][4626,10023,11822]
@TCP RST@tcp.flags.reset eq 1@[42148,0,0][65535,64764,40092]
@Checksum Errors@eth.fcs.status=="Bad" || ip.checksum.status=="Bad" ||\
 tcp.checksum.status=="Bad" || udp.checksum.status=="Bad"@[4626,10023,11822][63479,34695,34695]
@HTTP@http || tcp.port == 80 || http2@[58596,65535,51143][4626,10023,11822]
@UDP@udp@[56026,61166,65535][4626,10023,11822]
@TCP SYN/FIN@tcp.flags & 0x02 || tcp.flags.fin == 1@[41120,41120,41120][4626,10023,11822]
@TCP@tcp@[59367,59110,65535][4626,10023,11822]
@Broadcast@eth[0] & 1@[65535,65535,65535][47802,48573,46774]
"""


def write(folder: Path) -> None:
    """Write the configuration folder. Raises OSError."""
    for place, preferences in ((folder, _PREFERENCES), (folder / "profiles" / PROFILE, _PREFERENCES + _MERGED)):
        place.mkdir(parents=True, exist_ok=True)
        (place / "preferences").write_text(preferences, encoding="utf-8")
        (place / "decode_as_entries").write_text(_DECODE_AS, encoding="utf-8")
        (place / "colorfilters").write_text(_EMU_COLOURS + _STOCK_COLOURS, encoding="utf-8")
