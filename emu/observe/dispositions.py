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
from emu.observe.journey import INCOMPLETE, Bridged, Decapsulated, Dropped, Hop, Journey, Linked, Routed, Size, Step, Unanswered
from emu.observe.journey_text import rule_words

ANSWERED, DELIVERED, REFUSED, REJECTED, DROPPED, UNFINISHED = "answered", "delivered", "refused", "rejected", "dropped", "unfinished"
FLAGS = {"F": "FIN", "S": "SYN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG", "E": "ECE", "C": "CWR"}
SILENCE = "without an answer"
MOST_PLACES = 3
WORDS = (ANSWERED, DELIVERED, REFUSED, REJECTED, DROPPED, UNFINISHED)


@dataclass(frozen=True, slots=True)
class Disposition:
    """`where` is the place (or the device, of a drop); `reason` a DropReason's name; `rule` the rule that decided, in iptables' words."""

    word: str
    where: str = ""
    reason: str = ""
    rule: str = ""
    text: str = ""  # what there is to say besides: with what it was rejected, what became of the answer
    then: Disposition | None = None  # how the answer ended, which `text` begins to tell
    took_ns: int | None = None  # until the answer was there

    @property
    def sentence(self) -> str:
        """`rejected at docker1/eth0 by filter INPUT: #1 REJECT (…): ICMP port unreachable`."""
        return self._said(self.rule, self.then.sentence if self.then is not None else "")

    @property
    def brief(self) -> str:
        """The same without the rule's text, which the way shows where it was met."""
        return self._said(self.rule.partition(" (")[0], self.then.brief if self.then is not None else "")

    def _said(self, rule: str, then: str) -> str:
        by = {ANSWERED: "by", REFUSED: "by", DELIVERED: "to"}.get(self.word, "at")
        where = f" {by} {self.where}" if self.where else ""
        cause = f" by {rule}" if rule else f": {DropReason[self.reason].value}" if self.word == DROPPED and self.reason else ""
        text = self.text + then
        return self.word + where + cause + (f": {text}" if text and not cause else f"; {text}" if text else "")

    def as_data(self) -> dict[str, Any]:
        data = {name: getattr(self, name) for name in self.__slots__ if name != "then"}
        data["text"] += self.then.sentence if self.then is not None else ""
        return data | {"sentence": self.sentence}


def _is(journey: Journey, relation: str) -> bool:
    return any(isinstance(step, Linked) and step.relation == relation for _, step in journey.steps())


def is_error(journey: Journey) -> bool:
    """Is it an ICMP error about its cause?"""
    return _is(journey, "about")


def is_request_for_address(journey: Journey) -> bool:
    return journey.hops[0].packet.startswith("ARP who has")


def is_arp_reply(journey: Journey) -> bool:
    return journey.hops[0].packet.startswith("ARP ") and " is at " in journey.hops[0].packet


def is_answer(journey: Journey) -> bool:
    """Of a packet that names another as its cause: does it say what became of that, be it an error?"""
    return not is_request_for_address(journey) and not _is(journey, "redirects")


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
        if hop.direction == "in" and hop.place not in gone_on and not any(map(_ends_not, hop.steps)):
            return hop
        gone_on.add(hop.place)
    return None


def _ends_not(step: Step) -> bool:
    """Does the step say that the packet was not for this device, or got lost?"""
    if isinstance(step, Routed):
        return step.type not in ("local", "broadcast", "multicast")
    return isinstance(step, (Dropped, Bridged)) or (isinstance(step, Size) and step.what == INCOMPLETE)


def judge(journey: Journey, answers: Iterable[Journey] = ()) -> Disposition:
    """The disposition of a packet; `answers` are the packets that name it as their cause."""
    home = journey.hops[0].place
    replies = list(filter(is_answer, answers))
    returned = next((answer for answer in replies if _is_home(answer, home)), None)
    drop = _decisive_drop(journey)
    if drop is not None and drop.rule is not None and drop.rule.verdict == "REJECT":
        return _rejected(drop, replies, returned, home)
    if returned is not None and not is_error(returned):
        word = REFUSED if is_reset(returned) else ANSWERED
        return Disposition(word, returned.hops[0].place, took_ns=returned.hops[-1].time_ns - journey.hops[0].time_ns, text=_how(returned))
    if drop is not None and drop.reason == "NO_LISTENER" and returned is not None:
        return Disposition(REFUSED, returned.hops[0].place, drop.reason, text=_how(returned))
    if drop is not None:
        return _dropped(journey, drop, replies)
    return _delivered(journey, replies)


def decisive_answer(journey: Journey, answers: Iterable[Journey]) -> Journey | None:
    """The one that came home, or else the first."""
    replies = list(filter(is_answer, answers))
    return next((answer for answer in replies if _is_home(answer, journey.hops[0].place)), next(iter(replies), None))


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


def _rejected(drop: Dropped, replies: list[Journey], returned: Journey | None, home: str) -> Disposition:
    answer = returned or next(iter(replies), None)
    text, then = "without a word", None
    if answer is not None:
        text, then = (_how(answer), None) if answer is returned else _told(answer, home)
    return Disposition(REJECTED, drop.at, drop.reason, rule_words(drop), text, then)


def _dropped(journey: Journey, drop: Dropped, replies: list[Journey]) -> Disposition:
    where = ", ".join(_all_at(journey, drop)) if drop.rule is None else drop.at
    text, then = _unsent(journey)[1] or (f"the frame is for {drop.to}" if drop.to else ""), None
    if replies:
        error = next(filter(is_error, replies), None)
        text, then = _told(error, journey.hops[0].place) if error is not None else _lost(replies[0])
    return Disposition(DROPPED, where, drop.reason, rule_words(drop), text, then)


def _all_at(journey: Journey, drop: Dropped) -> list[str]:
    """The devices of all for whom it ended alike, as a broadcast does, but for the sender's own."""
    alike = [step.at for hop, step in journey.steps() if isinstance(step, Dropped) and step.reason == drop.reason and hop.direction == "in"]
    found = list(dict.fromkeys(alike)) or [drop.at]
    return found if len(found) <= MOST_PLACES else [*found[:MOST_PLACES], "…"]


def _told(error: Journey, home: str) -> tuple[str, Disposition | None]:
    """What an error says, and what became of it if it did not come home."""
    text, end = f"{_how(error)} from {error.hops[0].place}", arrival(error)
    if end is None:
        return f"{text}, which was ", judge(error)
    return text if end.place == home else f"{text}, of which only {end.place} hears", None


def _lost(reply: Journey) -> tuple[str, Disposition]:
    return f"its answer #{reply.id} was ", judge(reply)


def _unsent(journey: Journey) -> tuple[str, str]:
    """Why its answer was not sent: the reason, and in words."""
    unsent = next((step for _, step in journey.steps() if isinstance(step, Unanswered)), None)
    if unsent is None:
        return "", ""
    return unsent.reason, f"its answer to {unsent.to} was not sent: {DropReason[unsent.reason].value}"


def _delivered(journey: Journey, replies: list[Journey]) -> Disposition:
    end = arrival(journey)
    if end is None:
        return Disposition(UNFINISHED, journey.hops[-1].at)
    for reply in replies:
        if is_error(reply):
            text, then = _told(reply, journey.hops[0].place)
            return Disposition(DROPPED, end.place, text=text, then=then)
        text, then = _lost(reply)
        return Disposition(DELIVERED, end.place, text=text, then=then)
    reason, text = _unsent(journey)
    return Disposition(DELIVERED, end.place, reason, text=text or SILENCE)


def _how(answer: Journey) -> str:
    """What the answer was: `TCP SYN ACK`, `ICMP port unreachable`."""
    words = answer.hops[0].packet.partition(" > ")[2].partition(" ")[2]
    words = words.partition(" ttl ")[0].partition(" length ")[0]
    protocol, _, flags = words.partition(" ")
    return " ".join([protocol, *(FLAGS[flag] for flag in flags)]) if protocol == "TCP" and set(flags) <= FLAGS.keys() else words
