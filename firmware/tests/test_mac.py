"""Tags and macs: RFC 4231's cases, the vectors' link, and what a broker might try."""

import binascii
import json

import check
from companion.core import mac

KEY = bytes(range(32))
TOPIC = "lm/1/c-801-test/down/ack"


def refuses(payload, topic=TOPIC):
    try:
        mac.open_sealed(KEY, topic, payload)
    except ValueError:
        return True
    return False


def test_rfc_4231():
    for key, data, digest in (
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    ):
        assert binascii.hexlify(mac.hmac_sha256(key, data)).decode() == digest
        assert mac.hmac_sha256(key, data[:3], data[3:]) == mac.hmac_sha256(key, data)


def test_the_vectors_link():
    with open("docs/vectors/hk1.json") as f:
        link = json.load(f)["link"]
    key = binascii.unhexlify(link["link_key"])
    for line in link["event_lines"]:
        tag, body = line[:16], line[17:].encode()
        assert mac.tag(key, body) == tag
        assert mac.tag(key, body[:-1] + b" }") != tag
    topic = "lm/1/%s/down/ack" % link["companion_id"]
    ack = link["ack"].encode()
    document = mac.open_sealed(key, topic, ack)
    assert document["seq"] == 3 and "mac" not in document
    sealed_from = ack[:-74] + b"}"
    assert mac.seal(key, topic, sealed_from) == ack
    state = mac.open_sealed(key, "lm/1/%s/up/state" % link["companion_id"], link["state"].encode())
    assert state["generation"] == 43


def test_what_was_sealed_opens_and_only_on_its_topic():
    payload = mac.seal(KEY, TOPIC, b'{"log":"00","seq":1}')
    assert mac.open_sealed(KEY, TOPIC, payload) == {"log": "00", "seq": 1}
    assert refuses(payload, "lm/1/c-802-test/down/ack")


def test_every_flipped_bit_is_refused():
    payload = mac.seal(KEY, TOPIC, b'{"seq":1}')
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= 1
        assert refuses(bytes(changed)), at


def test_a_second_mac_or_a_repeated_member_changes_nothing():
    payload = mac.seal(KEY, TOPIC, b'{"seq":1}')
    assert refuses(payload[:-1] + b',"seq":9}')
    assert refuses(payload[:-1] + b',"mac":"' + b"0" * 64 + b'"}')
    assert refuses(b'{"seq":9,' + payload[1:])


def test_short_and_empty_payloads_are_refused():
    for payload in (b"", b"{}", b'"}', b"x" * 73, b"x" * 74, b"x" * 75):
        assert refuses(payload)


def test_sealed_garbage_is_refused():
    for document in (b"{", b"[1]", b"nonsense}", b""):
        assert refuses(mac.seal(KEY, TOPIC, document))


if __name__ == "__main__":
    check.run(globals())
