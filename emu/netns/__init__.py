"""A network namespace: addresses, neighbours, routes, IP, ICMP, UDP, TCP and sockets (net/ipv4)."""
