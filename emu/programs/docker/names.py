"""What `docker run` says of names: `--link`, `--dns`, `--dns-search` (docker/cli opts/opts.go, moby opts)."""

from __future__ import annotations

import re

from emu.docker import links
from emu.packet import address
from emu.programs.docker.options import Options

LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
DOMAIN = re.compile(rf"{LABEL}(\.{LABEL})*\.?\s*")
LONGEST_DOMAIN = 255

Links = tuple[tuple[str, str], ...]


def links_of(options: Options) -> Links:
    """Pairs of name and alias. Raises UsageError."""
    found = []
    for text in options.all("link"):
        try:
            found.append(links.parse(text))
        except ValueError as wrong:
            raise options.wrong("link", text, str(wrong)) from None
    return tuple(found)


def servers(options: Options) -> tuple[str, ...]:
    """Raises UsageError."""
    for text in options.all("dns"):
        try:
            address.ip(text)
        except ValueError:
            raise options.wrong("dns", text, f"{text} is not an ip address") from None
    return tuple(options.all("dns"))


def domains(options: Options) -> tuple[str, ...]:
    """`.` alone means none at all. Raises UsageError."""
    for text in options.all("dns-search"):
        if text.strip() != "." and not (re.search("[a-zA-Z]", text) and len(text) < LONGEST_DOMAIN and DOMAIN.fullmatch(text)):
            raise options.wrong("dns-search", text, f"{text} is not a valid domain")
    return tuple(text.strip() for text in options.all("dns-search"))
