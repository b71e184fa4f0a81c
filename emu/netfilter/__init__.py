"""Linux's netfilter for one namespace: tables of rules, connection tracking, address translation, and iptables' text for all of it."""
