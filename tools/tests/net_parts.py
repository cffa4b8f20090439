"""Real parts for tests of the door's network half: a small CA, a broker with mTLS, a door in MicroPython."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lockmate.delivery import broker as configuration
from tools.firmware_folder import FIRMWARE
from tools.processes import LOOPBACK, Process, free_port
from tools.virtual.firmware import binary

if TYPE_CHECKING:
    from pathlib import Path

CA_FIRST_DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
FAR = dt.datetime(2049, 1, 1, tzinfo=dt.UTC)
NAME = "broker.test"
PATIENCE = 20.0
HURRY = {"base_ms": 40, "cap_ms": 400, "stable_ms": 1000}


class Authority:
    """A property's CA for one test: P-256, PEM for the broker and the cloud, DER for doors."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test {name}")])
        builder = self._builder(self._name, self._key.public_key(), CA_FIRST_DAY, FAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self._write(name, builder.sign(self._key, hashes.SHA256()), self._key)
        self.pem = folder / f"{name}.pem"
        self.der = folder / f"{name}.der"
        self.crl = folder / f"{name}.crl"
        self.revoke()

    def certificate(
        self, name: str, *, server: bool = False, until: dt.datetime = FAR, file: str | None = None
    ) -> x509.Certificate:
        """A certificate for `name`; writes FILE.pem, FILE.der, FILE.key (PEM) and FILE.key.der."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = self._builder(subject, key.public_key(), CA_FIRST_DAY, until)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        self._write(file or name, made, key)
        return made

    def certify(self, name: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """A client's certificate for a key that stays where it is."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, CA_FIRST_DAY, FAR)
        return builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        ).sign(self._key, hashes.SHA256())

    def revoke(self, *certificates: x509.Certificate) -> None:
        """Write the CRL with these on it."""
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now - dt.timedelta(days=1)).next_update(now + dt.timedelta(days=30))
        for certificate in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now).build()
            )
        self.crl.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, start: dt.datetime, end: dt.datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        encodings = serialization.Encoding
        plain = serialization.NoEncryption()
        for suffix, content in (
            ("pem", certificate.public_bytes(encodings.PEM)),
            ("der", certificate.public_bytes(encodings.DER)),
            ("key", key.private_bytes(encodings.PEM, serialization.PrivateFormat.PKCS8, plain)),
            ("key.der", key.private_bytes(encodings.DER, serialization.PrivateFormat.TraditionalOpenSSL, plain)),
        ):
            path = self.folder / f"{name}.{suffix}"
            path.touch(0o600)
            path.write_bytes(content)


class Broker:
    """Mosquitto with the project's own configuration, on a loopback port that stays the same over restarts."""

    def __init__(self, folder: Path, authority: Authority, server: str = NAME) -> None:
        self.authority = authority
        self.port = free_port()
        files = authority.folder
        certificates = configuration.Certificates(
            authority.pem, files / f"{server}.pem", files / f"{server}.key", authority.crl
        )
        written = configuration.write(folder, certificates, port=self.port)
        self.process = Process("broker", written.argv, log=folder / "broker.log")

    def start(self) -> None:
        """Start it (again) and wait until it listens."""
        self.process.start()
        self.process.wait_for_port(self.port)

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()


class Cloud:
    """The cloud's side of the line: a real MQTT client with a certificate, and what it has heard."""

    def __init__(self, broker: Broker, user: str) -> None:
        files = broker.authority.folder
        self.heard: list[paho.MQTTMessage] = []
        self._changed = threading.Condition()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=user, protocol=paho.MQTTv311)
        context = ssl.create_default_context(cafile=str(broker.authority.pem))
        context.load_cert_chain(files / f"{user}.pem", files / f"{user}.key")
        context.check_hostname = False  # the test dials by address; the door checks the name
        self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.reconnect_delay_set(1, 1)
        self._subscribed = 0
        self._client.connect(LOOPBACK, broker.port)
        self._client.loop_start()
        self.wait(lambda: self._subscribed)

    def say(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Publish with QoS 1 and wait for the broker's acknowledgement."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE)

    def wait(self, condition: Any) -> Any:
        """Wait until `condition()` is true; what it gave."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), [m.topic for m in self.heard[-5:]]
            return condition()

    def lines(self) -> list[str]:
        """All event lines heard, in order, those that came again too."""
        return [
            line for m in list(self.heard) if m.topic.endswith("/up/events") for line in m.payload.decode().split("\n")
        ]

    def states(self) -> list[dict[str, Any]]:
        """The states heard, wills too."""
        return [json.loads(m.payload) for m in list(self.heard) if m.topic.endswith("/up/state")]

    def again(self) -> int:
        """How often it has subscribed."""
        return self._subscribed

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe("lm/1/+/up/#", qos=1)

    def _on_subscribe(self, *_: Any) -> None:
        with self._changed:
            self._subscribed += 1
            self._changed.notify_all()

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.heard.append(message)
            self._changed.notify_all()


class Door:
    """`firmware/tests/net_door.py` in a real MicroPython: what it says, and lines to it."""

    def __init__(self, setup: Path, word: int, heap: str = "512K") -> None:
        tests = FIRMWARE / "tests"
        self.said: list[dict[str, Any]] = []
        self._other: list[str] = []
        self._changed = threading.Condition()
        self._child = subprocess.Popen(
            [binary(word), "-X", f"heapsize={heap}", str(tests / "net_door.py"), str(setup)],
            env={**os.environ, "MICROPYPATH": f"{FIRMWARE}:{tests}:.frozen"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, **command: Any) -> None:
        """One command line."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(command).encode() + b"\n")
        self._child.stdin.flush()

    def wait(self, *keys: str, since: int = 0, patience: float = PATIENCE, **facts: Any) -> dict[str, Any]:
        """The first thing said (from number `since`) that has these keys and facts."""

        def found() -> dict[str, Any] | None:
            for said in self.said[since:]:
                if all(key in said for key in keys) and all(said.get(k) == v for k, v in facts.items()):
                    return said
            return None

        with self._changed:
            self._changed.wait_for(lambda: found() or self._child.poll() is not None, patience)
            said = found()
            assert said is not None, f"never said {keys} {facts}: {self.said[-8:]} {self._other[-20:]}"
            return said

    def all(self, key: str) -> list[dict[str, Any]]:
        """All that was said with this key."""
        return [said for said in list(self.said) if key in said]

    def wait_for_many(self, key: str, number: int) -> list[dict[str, Any]]:
        """The things said with this key, once they are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all(key)) >= number, PATIENCE), (self.said, self._other)
        return self.all(key)

    def ask(self) -> dict[str, Any]:
        """What it knows now."""
        number = len(self.said)
        self.tell(ask=number)
        return self.wait(asked=number)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self._child.pid}/fd"))  # noqa: PTH208

    def processor_s(self) -> float:
        """Seconds of processor time it has used."""
        with open(f"/proc/{self._child.pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pause(self) -> None:
        """Stand still, as a machine that hangs."""
        self._child.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """A power cut."""
        self._child.kill()
        self._child.wait()
        self._reader.join()
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            with self._changed:
                try:
                    self.said.append(json.loads(line))
                except ValueError:
                    self._other.append(line.decode(errors="replace").rstrip())
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
