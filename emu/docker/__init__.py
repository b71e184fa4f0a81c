"""What dockerd and libnetwork do: networks, containers, addresses, rules, names (Docker 20.10)."""
