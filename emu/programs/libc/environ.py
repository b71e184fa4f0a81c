"""What a shell hands on as environment (ash var.c, as busybox and dash have it): its own variables, in the order of its hash table."""

from __future__ import annotations

from collections.abc import Mapping

TABLE = 39  # VTABSIZE


def of_shell(env: Mapping[str, str], cwd: str, *, busybox: bool) -> dict[str, str]:
    """`env` as a shell that has been started with it exports it: with PWD, in busybox with SHLVL too."""
    given = {**env, "PWD": cwd}
    if busybox:
        level = env.get("SHLVL", "0")
        given["SHLVL"] = str(int(level) + 1 if level.isdigit() else 1)
    return dict(sorted(given.items(), key=lambda item: _slot(item[0])))


def _slot(name: str) -> int:
    return ((ord(name[0]) << 4) + sum(map(ord, name))) % TABLE if name else 0
