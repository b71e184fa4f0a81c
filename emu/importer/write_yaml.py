"""A plan as the text of a topology file, to be read and changed by people: the head says where it is from and what is not in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from emu.importer.model import Remark
from emu.importer.plan import Plan

RULES = "/etc/iptables/rules.v4"
WIDTH = 140


class _Writer(yaml.SafeDumper):
    """Long texts as they are, short lists and mappings on a line."""


def _text(writer: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _text)
_Writer.ignore_aliases = lambda *_: True  # type: ignore[method-assign]


def topology_text(plan: Plan, folder: Path, remarks: Iterable[Remark]) -> str:
    head = [f"# A real host, as the files in {folder.absolute().name or folder} tell (`emu import`). The client is one that is made up."]
    listed = [f"#   {' '.join(str(remark).split())}" for remark in remarks]
    if listed:
        head += ["# Not carried over:", *listed]
    return "\n".join(head) + "\n" + yaml.dump(_topology(plan), Dumper=_Writer, sort_keys=False, width=WIDTH, allow_unicode=True)


def _topology(plan: Plan) -> dict[str, Any]:
    host: dict[str, Any] = {"interfaces": plan.interfaces}
    if plan.routes:
        host["routes"] = plan.routes
    if plan.docker is not None:
        host["docker"] = plan.docker
    if plan.services:
        compose = {"services": plan.services, **({"networks": plan.networks} if plan.networks else {})}
        host["compose"] = _escaped(compose)
    lines = [f"{plan.host}$ {command.line}" for command in plan.setup]
    if plan.rules:
        host["files"] = {RULES: plan.rules}
        lines.append(f"{plan.host}$ iptables-restore {RULES}")
    topology: dict[str, Any] = {"name": plan.host, "lans": plan.lans, "hosts": {plan.host: host, "client": plan.client}}
    if plan.images:
        topology["images"] = plan.images
    if lines:
        topology["setup"] = lines
    return topology


def _escaped(value: Any) -> Any:
    """With `$$` for `$`, which begins a variable in compose files."""
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
