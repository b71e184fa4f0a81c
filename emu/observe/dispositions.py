"""How a packet's way ended, in one word: for it alone, and together with the packets that answer it.

answered    an answer came home
delivered   it reached a socket, a program or a host that did not answer, or whose answer was lost
refused     nobody listens there: RST, or port unreachable
rejected    a rule said no, and said so
dropped     a rule or policy, or a reason of DropReason
unfinished  it was still under way
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emu.netdev.drop import DropReason
from emu.observe.journey import Bridged, Decapsulated, Dropped, Hop, Journey, Linked, Routed, Step, Unanswered
from emu.observe.journey_text import rule_words

ANSWERED, DELIVERED, REFUSED, REJECTED, DROPPED, UNFINISHED = "answered", "delivered", "refused", "rejected", "dropped", "unfinished"
FLAGS = {"F": "FIN", "S": "SYN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG", "E": "ECE", "C": "CWR"}
SILENCE = "without an answer"
WORDS = (ANSWERED, DELIVERED, REFUSED, REJECTED, DROPPED, UNFINISHED)


@dataclass(frozen=True, slots=True)
class Disposition:
    """`where` is the place (or the device, of a drop); `reason` a DropReason's name; `rule` the rule that decided, in iptables' words."""

    word: str
    where: str = ""
    reason: str = ""
    rule: str = ""
    text: str = ""  # what there is to say besides: with what it was rejected, what became of the answer
    took_ns: int | None = None  # until the answer was there

    @property
    def sentence(self) -> str:
        """`rejected at docker1/eth0 by filter INPUT: #1 REJECT (…): ICMP port unreachable`."""
        by = {ANSWERED: "by", REFUSED: "by", DELIVERED: "to"}.get(self.word, "at")
        where = f" {by} {self.where}" if self.where else ""
        cause = f" by {self.rule}" if self.rule else f": {DropReason[self.reason].value}" if self.word == DROPPED and self.reason else ""
        return self.word + where + cause + (f": {self.text}" if self.text and not cause else f"; {self.text}" if self.text else "")

    def as_data(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"sentence": self.sentence}


def is_error(journey: Journey) -> bool:
    """Is it an ICMP error about its cause?"""
    return any(isinstance(step, Linked) and step.relation == "about" for _, step in journey.steps())


def is_request_for_address(journey: Journey) -> bool:
    return bool(journey.hops) and journey.hops[0].packet.startswith("ARP who has")


def is_arp_reply(journey: Journey) -> bool:
    return journey.hops[0].packet.startswith("ARP ") and " is at " in journey.hops[0].packet


def arrival(journey: Journey) -> Hop | None:
    """Where it came to an end unharmed: the last device that took it in and neither passed it on nor dropped it."""
    gone_on: set[str] = set()
    unpacked = 0  # times that it comes out of a tunnel: what came in before was the outer packet
    for hop in reversed([hop for hop in journey.hops if not hop.copy]):
        if any(isinstance(step, Decapsulated) for step in hop.steps):
            unpacked += 1
        elif hop.direction == "in" and unpacked:
            unpacked -= 1
            gone_on.add(hop.place)
        if hop.direction == "in" and hop.place not in gone_on and not any(map(_ends_here, hop.steps)):
            return hop
        gone_on.add(hop.place)
    return None


def _ends_here(step: Step) -> bool:
    """Does the step say that the packet was not for this host, or got lost in it?"""
    if isinstance(step, Routed):
        return step.type not in ("local", "broadcast")
    return isinstance(step, Dropped) or (isinstance(step, Bridged) and step.decision == "forward")


def judge(journey: Journey, answers: Iterable[Journey] = ()) -> Disposition:
    """The disposition of a packet; `answers` are the packets that name it as their cause."""
    home = journey.hops[0].place if journey.hops else ""
    replies = [answer for answer in answers if not is_request_for_address(answer)]
    returned = next((answer for answer in replies if _is_home(answer, home)), None)
    drop = _decisive_drop(journey)
    if drop is not None and drop.rule is not None and drop.rule.verdict == "REJECT":
        return _rejected(drop, replies, returned)
    if returned is not None and not is_error(returned):
        word = REFUSED if is_reset(returned) else ANSWERED
        return Disposition(word, returned.hops[0].place, took_ns=returned.hops[-1].time_ns - journey.hops[0].time_ns, text=_how(returned))
    if drop is not None and drop.reason == "NO_LISTENER" and returned is not None:
        return Disposition(REFUSED, returned.hops[0].place, drop.reason, text=_how(returned))
    if drop is not None:
        return _dropped(drop, replies)
    return _delivered(journey, replies)


def is_reset(journey: Journey) -> bool:
    words = journey.hops[0].packet.split()
    return "TCP" in words and "R" in words[words.index("TCP") + 1]


def _is_home(answer: Journey, home: str) -> bool:
    end = arrival(answer)
    return end is not None and end.place == home


def _decisive_drop(journey: Journey) -> Dropped | None:
    """The drop that ended it, if no copy of it arrived; one that everybody makes only if there is no other."""
    if arrival(journey) is not None:
        return None
    drops = journey.drops()
    quiet = [step for _, step in journey.steps() if isinstance(step, Dropped)]
    return drops[-1] if drops else quiet[-1] if quiet else None


def _rejected(drop: Dropped, replies: list[Journey], returned: Journey | None) -> Disposition:
    answer = returned or next(iter(replies), None)
    text = _how(answer) if answer is not None else "without a word"
    return Disposition(REJECTED, drop.at, drop.reason, rule_words(drop), text if returned is answer else f"{text}, which was lost")


def _dropped(drop: Dropped, replies: list[Journey]) -> Disposition:
    told = next((_told(reply) for reply in replies if is_error(reply)), "")
    return Disposition(DROPPED, drop.at, drop.reason, rule_words(drop), told)


def _told(error: Journey) -> str:
    lost = "" if arrival(error) is not None else f", which was {judge(error).sentence}"
    return f"{_how(error)} from {error.hops[0].place}{lost}"


def _delivered(journey: Journey, replies: list[Journey]) -> Disposition:
    end = arrival(journey)
    if end is None:
        return Disposition(UNFINISHED, journey.hops[-1].at if journey.hops else "")
    for reply in replies:
        if is_error(reply):
            return Disposition(DROPPED, end.place, text=_told(reply))
        lost = judge(reply)
        return Disposition(DELIVERED, end.place, text=f"its answer #{reply.id} was {lost.sentence}")
    unsent = next((step for _, step in journey.steps() if isinstance(step, Unanswered)), None)
    if unsent is not None:
        return Disposition(DELIVERED, end.place, unsent.reason, text=f"its answer was not sent: {DropReason[unsent.reason].value}")
    return Disposition(DELIVERED, end.place, text=SILENCE)


def _how(answer: Journey) -> str:
    """What the answer was: `TCP SYN ACK`, `ICMP port unreachable`."""
    words = answer.hops[0].packet.partition(" > ")[2].partition(" ")[2]
    words = words.partition(" ttl ")[0].partition(" length ")[0]
    protocol, _, flags = words.partition(" ")
    return " ".join([protocol, *(FLAGS[flag] for flag in flags)]) if protocol == "TCP" and set(flags) <= FLAGS.keys() else words
