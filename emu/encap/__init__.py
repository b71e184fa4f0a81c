"""Tunnel headers as pure codecs: bytes in, bytes out; no state, no devices."""
