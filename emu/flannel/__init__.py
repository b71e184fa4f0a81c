"""What flanneld does on a host: a subnet leased from the store, a way to every other subnet, and firewall rules that let it through."""
