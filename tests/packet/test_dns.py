"""The DNS codec builds and reads what Scapy does, and refuses what is no message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR, dns_compress

from emu.packet import dns
from emu.packet.address import ip, ip_text
from tests.packet.strategies import ips, longs, words

labels = st.from_regex(r"[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=5).map(".".join)
addresses = st.builds(lambda name, ttl, data: dns.Record(name, dns.Type.A, ttl, data), names, longs, ips)
pointers = st.builds(dns.Record, names, st.sampled_from(sorted(dns.NAMED)), longs, names)
texts = st.builds(lambda name, data: dns.Record(name, 99, 5, data), names, st.binary(max_size=30))
records = st.lists(st.one_of(addresses, pointers, texts), max_size=4)
questions = st.lists(st.builds(dns.Question, names, words), max_size=2)
messages = st.builds(dns.Message, words, words, questions, records, records, records)


def as_scapy(message: dns.Message) -> bytes:
    def record(one: dns.Record) -> DNSRR:
        data = ip_text(one.data) if one.type == dns.Type.A else one.data
        return DNSRR(rrname=one.name, type=one.type, ttl=one.ttl, rdata=data)

    head = DNS(message.id.to_bytes(2, "big") + message.flags.to_bytes(2, "big") + bytes(8))
    head.qd = [DNSQR(qname=one.name, qtype=one.type) for one in message.questions]
    head.an, head.ns, head.ar = ([record(one) for one in section] for section in (message.answers, message.authority, message.additional))
    head.qdcount = head.ancount = head.nscount = head.arcount = None
    return bytes(head)


@given(messages)
def test_a_message_is_built_as_scapy_builds_it(message):
    assert dns.build(message) == as_scapy(message)


@given(messages, st.booleans())
def test_a_message_that_was_built_is_read_again(message, compress):
    assert dns.parse(dns.build(message, compress=compress)) == message


@given(names, names, ips)
def test_compressed_names_are_read_by_scapy(one, other, address):
    message = dns.Message(1, 0x8180, [dns.Question(one, 1)], [dns.Record(one, 5, 60, other), dns.Record(other, 1, 60, address)])
    read = DNS(dns.build(message, compress=True))
    assert [read.an[0].rdata, read.an[1].rrname] == [f"{other}.".encode()] * 2
    assert dns.parse(bytes(dns_compress(DNS(as_scapy(message))))) == message


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(wire):
    try:
        message = dns.parse(wire)
    except dns.DnsError:
        return
    assert dns.parse(dns.build(message)) == message


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=3))
def test_a_name_of_any_bytes_survives_as_text(parts):
    wire = b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    text, end = dns.expand(wire, 0)
    assert end == len(wire)
    assert dns.wire_name(text) == wire


@pytest.mark.parametrize("name", ["a..b", ".a", "x" * 64, ".".join(["x" * 63] * 4)])
def test_a_name_that_cannot_be_is_refused(name):
    with pytest.raises(dns.DnsError):
        dns.wire_name(name)


def test_a_name_that_points_to_itself_is_refused():
    with pytest.raises(dns.DnsError):
        dns.parse(bytes.fromhex("000101000001000000000000c00c00010001"))


def test_names_inside_other_data_are_written_out():
    message = dns.Message(1, 0x8180, [dns.Question("example", 15)], [dns.Record("example", 15, 60, b"\x00\x0a\x04mail\xc0\x0c")])
    assert dns.parse(dns.build(message)).answers[0].data == b"\x00\x0a\x04mail\x07example\x00"


def test_a_reply_keeps_what_was_asked():
    query = dns.query(7, dns.reverse_name(ip("172.18.0.2")), dns.Type.PTR)
    reply = dns.reply(query)
    assert (reply.id, reply.flags, reply.questions[0].name) == (7, 0x8180, "2.0.18.172.in-addr.arpa")
    assert reply.answers_to(query)
    assert not reply.answers_to(dns.query(8, "web", 1))
