"""Networks of several Docker engines: swarm mode, and the older form with an external key-value store.

What the engines of a lab agree on, they keep in one place: Raft, gossip (ports 2377 and 7946) and the store's traffic are no packets here.
A network's data path is (drivers/overlay.py). Not modelled: services and their tasks, encrypted networks.
"""
