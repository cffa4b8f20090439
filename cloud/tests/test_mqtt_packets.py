"""The MQTT 5 packets of the workers, against another hand's (paho's) and against bytes that nobody should send."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from lockmate.mqtt import packets

topics = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=60)
mids = st.integers(1, 65_535)


def body_of(packet):
    start, end = packets.frame(packet, 0)
    assert end == len(packet)
    return packet[start:]


@given(mid=mids, topic=topics, payload=st.binary(max_size=400), expires=st.none() | st.integers(1, 1 << 40),
       retained=st.booleans())
def test_what_is_published_is_read_back(mid, topic, payload, expires, retained):
    packet = packets.publish(mid, topic, payload, retained=retained, expires_s=expires)
    start, end = packets.frame(packet, 0)
    read = packets.read_publish(packet[0] & 15, packet, start, end)
    assert read == (topic, payload, mid, 1, retained)


@given(texts=st.lists(st.tuples(st.text("abc", max_size=9), st.text("xyz", max_size=9)), max_size=4),
       content=st.text("abc", max_size=200), topic=topics, payload=st.binary(max_size=50))
def test_properties_that_another_hand_wrote_are_stepped_over(texts, content, topic, payload):
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = texts
    properties.ContentType = content
    properties.MessageExpiryInterval = 7
    properties.CorrelationData = b"\1\2"
    name = topic.encode()
    data = len(name).to_bytes(2, "big") + name + b"\0\7" + properties.pack() + payload
    assert packets.read_publish(2, data, 0, len(data)) == (topic, payload, 7, 1, False)


def test_a_welcome_of_another_hand_is_read():
    properties = Properties(PacketTypes.CONNACK)
    properties.ReceiveMaximum, properties.ServerKeepAlive, properties.ReasonString = 20, 45, "hello"
    properties.AssignedClientIdentifier, properties.MaximumPacketSize = "x", 16_384
    assert packets.read_welcome(b"\1\0" + properties.pack()) == (True, 0, 20, 45)
    assert packets.read_welcome(b"\0\x87") == (False, 0x87, 65_535, None)


@pytest.mark.parametrize("code", range(0x80, 0xA3))
def test_reasons_are_told_as_others_tell_them(code):
    names = {name.lower() for name, of in ReasonCode(PacketTypes.DISCONNECT).names.get(code, {}).items() if of}
    if names:
        assert packets.told(code).lower().replace("subscriptions not", "subscription not") in {
            name.replace("subscriptions not", "subscription not") for name in names
        }  # fmt: skip


@given(st.binary(max_size=40), st.sampled_from([packets.read_welcome, packets.read_answer, packets.read_grants]))
def test_bytes_that_nobody_should_send_end_in_one_kind_of_error(data, read):
    with suppress(packets.BadPacket):
        read(data)


@given(flags=st.integers(0, 15), data=st.binary(max_size=60))
def test_a_message_that_is_cut_short_ends_in_one_kind_of_error(flags, data):
    with suppress(packets.BadPacket):
        packets.read_publish(flags, data, 0, len(data))


@given(st.lists(st.binary(max_size=300), max_size=5), st.data())
def test_a_stream_is_cut_into_the_packets_it_was_made_of(payloads, data):
    stream = b"".join(packets.publish(1, "t", payload, retained=False, expires_s=None) for payload in payloads)
    upto = data.draw(st.integers(0, len(stream)))
    at, whole = 0, []
    while (cut := packets.frame(stream[:upto], at)) is not None:
        whole.append(packets.read_publish(2, stream, *cut).payload)
        at = cut[1]
    assert whole == payloads[: len(whole)]
    if upto == len(stream):
        assert at == upto


def test_a_length_that_does_not_end_is_refused():
    with pytest.raises(packets.BadPacket):
        packets.frame(b"\x30\xff\xff\xff\xff\x01", 0)
