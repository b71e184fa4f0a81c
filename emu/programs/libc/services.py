"""/etc/services: the names of ports, as Debian's netbase has them (those that networks of tutorials meet)."""

from __future__ import annotations

_TCP = {
    7: "echo", 9: "discard", 13: "daytime", 19: "chargen", 20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 37: "time",
    43: "whois", 49: "tacacs", 53: "domain", 70: "gopher", 79: "finger", 80: "http", 88: "kerberos", 110: "pop3", 111: "sunrpc",
    113: "auth", 119: "nntp", 143: "imap2", 161: "snmp", 162: "snmp-trap", 179: "bgp", 389: "ldap",
    427: "svrloc", 443: "https", 445: "microsoft-ds", 464: "kpasswd", 465: "submissions", 514: "shell", 515: "printer", 543: "klogin",
    544: "kshell", 548: "afpovertcp", 554: "rtsp", 587: "submission", 636: "ldaps", 646: "ldp", 853: "domain-s", 873: "rsync",
    989: "ftps-data", 990: "ftps", 993: "imaps", 995: "pop3s", 1080: "socks", 1194: "openvpn", 1433: "ms-sql-s",
    2049: "nfs", 2086: "gnunet", 2628: "dict", 3260: "iscsi-target", 3306: "mysql", 3690: "svn", 4369: "epmd",
    3389: "ms-wbt-server", 5060: "sip", 5061: "sip-tls", 5222: "xmpp-client", 5269: "xmpp-server", 5432: "postgresql", 5671: "amqps",
    5672: "amqp", 6000: "x11", 6379: "redis", 8080: "http-alt", 9418: "git", 10050: "zabbix-agent",
}  # fmt: skip
_UDP = {
    7: "echo", 9: "discard", 13: "daytime", 19: "chargen", 37: "time", 49: "tacacs", 53: "domain", 67: "bootps", 68: "bootpc", 69: "tftp",
    88: "kerberos", 111: "sunrpc", 123: "ntp", 137: "netbios-ns", 138: "netbios-dgm", 161: "snmp", 162: "snmp-trap", 389: "ldap",
    427: "svrloc", 443: "https", 464: "kpasswd", 500: "isakmp", 514: "syslog", 517: "talk", 518: "ntalk", 520: "route",
    546: "dhcpv6-client", 547: "dhcpv6-server", 623: "asf-rmcp", 636: "ldaps", 853: "domain-s",
    1194: "openvpn", 1701: "l2f", 1812: "radius", 1813: "radius-acct",
    2049: "nfs", 4500: "ipsec-nat-t", 5060: "sip", 5061: "sip-tls", 5353: "mdns",
}  # fmt: skip
NAMES = {"tcp": _TCP, "udp": _UDP}


def service_name(protocol: str, port: int) -> str | None:
    return NAMES[protocol].get(port)


def service_port(protocol: str, name: str) -> int | None:
    return next((port for port, known in NAMES[protocol].items() if known == name), None)
