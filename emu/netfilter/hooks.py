"""Where netfilter looks at packets (include/uapi/linux/netfilter.h; priorities of netfilter_ipv4.h)."""

from __future__ import annotations

from enum import IntEnum

#                 iif                                                                        oif
#                  |                                                                          ^
#                  v                                                                          |
#   PREROUTING: raw, conntrack, mangle, nat (dst)                      POSTROUTING: mangle, nat (src), confirm
#                  |                                                                          ^
#                  v                                                                          |
#               route --------------------> FORWARD: mangle, filter ------------------------->+
#                  |                                                                          |
#                  v                                                                          |
#   INPUT: mangle, filter, nat (src), confirm         OUTPUT: raw, conntrack, mangle, nat (dst), filter
#                  |                                                                          ^
#                  v                                                                          |
#                socket -----------------------------------------------------------> socket, route


class Hook(IntEnum):
    """In the order of the kernel's numbers."""

    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4
