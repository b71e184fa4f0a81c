"""A packet's way in words: one line a step for comments in captures, and the whole way for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from emu.netdev.drop import DropReason
from emu.observe import journey as way
from emu.observe.journey import Journey, RuleHit, Step

LINKS = {
    "answers": "answers #{}", "answered by": "answered by #{}", "about": "an error about #{}", "error": "error #{}",
    "redirects": "a redirect about #{}", "redirected by": "redirect #{}", "asks for": "asks for #{}",
}  # fmt: skip


def step_text(step: Step) -> str:
    """One line."""
    return _TEXTS[step.kind](step)


def hit_text(hit: RuleHit) -> str:
    """`DOCKER #2 DNAT`, `FORWARD #1 → DOCKER-USER` (a jump), `INPUT policy DROP`."""
    if not hit.number:
        return f"{hit.chain} policy {hit.verdict}"
    return f"{hit.chain} #{hit.number} {'→ ' if hit.jump else ''}{hit.verdict or '(no target)'}"


def _chain(step: way.Chain) -> str:
    text = step.decided.text
    return path_text(step) + (f" ({text})" if text else "")


def path_text(step: way.Chain) -> str:
    """`filter FORWARD: #1 → DOCKER-USER #1 RETURN, #4 → DOCKER #1 ACCEPT`; the hook's own chain is named once."""
    words, jumped_to = "", ""
    for hit in step.rules:
        text = hit_text(hit)
        if hit.chain in (step.hook, jumped_to):
            text = text.removeprefix(f"{hit.chain} ")
        words += ("" if not words else " " if hit.chain == jumped_to else ", ") + text
        jumped_to = hit.verdict if hit.jump else ""
    return f"{step.table} {step.hook}: {words}"


def _route(step: way.Routed) -> str:
    kind = "" if step.type == "unicast" else f"{step.type} "
    via = f" via {step.via}" if step.via else ""
    dev = f" dev {step.dev}" if step.dev else ""
    matched = f" ({step.matched})" if step.matched not in ("", f"{step.dst}/32") else ""
    return f"route {kind}{step.dst}{via}{dev}{matched}"


def _bridge(step: way.Bridged) -> str:
    ports = ", ".join(step.ports) or "no port"
    return f"bridge {step.bridge}: " + {"forward": f"to {ports}", "flood": f"flood to {ports}", "up": "to the host"}[step.decision]


def _tunnel(step: way.Encapsulated | way.Decapsulated) -> str:
    vni = "" if step.vni is None else f" vni {step.vni}"
    word = "into" if isinstance(step, way.Encapsulated) else "out of"
    return f"{word} {step.how}{vni} {step.src} > {step.dst}"


def _drop(step: way.Dropped) -> str:
    if step.rule is None:
        to = f" but to {step.to}" if step.to else ""
        return f"{'ignored' if step.quiet else 'dropped'} at {step.at}: {DropReason[step.reason].value}{to}"
    return f"{'rejected' if step.rule.verdict == 'REJECT' else 'dropped'} at {step.at} by {rule_words(step)}"


def rule_words(drop: way.Dropped) -> str:
    """`filter INPUT: #1 DROP (-i eth0 -j DROP)`; nothing for a drop by no rule."""
    return _chain(way.Chain(drop.hook, drop.table, [drop.rule])) if drop.rule is not None else ""


_TEXTS: dict[str, Callable[[Any], str]] = {
    "chain": _chain,
    "conntrack": lambda step: f"conntrack {step.state}",
    "nat": lambda step: f"{step.end} {step.before} → {step.after}",
    "route": _route,
    "bridge": _bridge,
    "encapsulate": _tunnel,
    "decapsulate": _tunnel,
    "ttl": lambda step: f"TTL {step.before} → {step.after}",
    "size": lambda step: str(step.what),
    "neighbour": lambda step: f"waits for the address of {step.address}: ARP #{step.request}",
    "link": lambda step: LINKS[step.relation].format(step.id),
    "drop": _drop,
    "unanswered": lambda step: f"no answer to {step.to}: {DropReason[step.reason].value}",
    "note": lambda step: str(step.text),
}


# --- for people


def journey_lines(journey: Journey, asked: Callable[[way.Waited], str] = lambda _: "") -> list[str]:
    """A line a hop, with the packet where it has changed, and below what befell it there; `asked` tells of a wait for a neighbour."""
    hops = [hop for hop in journey.hops if not hop.copy]
    if not hops:
        return []
    places, devices = (max(len(text) for text in texts) for texts in zip(*((hop.place, hop.device) for hop in hops), strict=True))
    lines, packet = [], ""
    for hop in hops:
        begin = f"  {hop.place:{places}}  {hop.device:{devices}}  {hop.direction:3}  "
        told = [hop.packet] if hop.packet not in ("", packet) else []
        told += [line for told_of_step in _not_again(hop, asked) for line in told_of_step]
        lines.append((begin + told[0] if told else begin).rstrip())
        lines += [" " * len(begin) + text for text in told[1:]]
        packet = hop.packet or packet
    return lines


def _not_again(hop: way.Hop, asked: Callable[[way.Waited], str]) -> Iterable[tuple[str, ...]]:
    """What several copies met alike is said once; on lo what a packet meets coming in is not said again after what it met going out."""
    texts = (tuple(_lines(step, asked)) for step in hop.steps)
    return dict.fromkeys(texts) if hop.device == "lo" else (each for each, _ in groupby(texts))


def _lines(step: Step, asked: Callable[[way.Waited], str]) -> list[str]:
    """The text of a rule that did something has a line of its own; what stands in the packet's line or above is not said again."""
    if isinstance(step, way.Chain):
        return [] if _is_silent(step) else [path_text(step), *(f"    {hit.text}" for hit in step.rules if _did_something(step, hit))]
    if isinstance(step, way.Dropped) and step.rule is not None:
        return ["rejected" if step.rule.verdict == "REJECT" else "dropped"]
    if isinstance(step, way.Waited):
        return [step_text(step), *(f"    {text}" for text in filter(None, [asked(step)]))]
    return [] if isinstance(step, (way.Linked, way.Ttl)) else [step_text(step)]


def _did_something(step: way.Chain, hit: RuleHit) -> bool:
    """Did the rule decide, or change or note the packet, which goes on: MARK, TTL, TCPMSS, LOG …?"""
    return bool(hit.text) and (hit is step.decided or not (hit.jump or hit.verdict in ("", "RETURN")))


def _is_silent(step: way.Chain) -> bool:
    return len(step.rules) == 1 and not step.decided.number and step.decided.verdict == "ACCEPT" and step.table != "filter"
