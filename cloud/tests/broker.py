"""Real parts for tests of the MQTT edges: a hotel with a real Mosquitto, its workers as real processes, real doors."""

from __future__ import annotations

import os
import ssl
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from companion.core import mac
from lockmate import clock, db, doors, ground, outbox, pki, properties, settings
from lockmate.delivery import broker as configuration
from lockmate.delivery import certificates
from lockmate.doors import link
from lockmate.keys import vault
from lockmate.mqtt import Broker, Connection
from lockmate.records import Disputed, Event
from tools.processes import Process, free_port, wait_until

PATIENCE = 20.0
NAME = "broker.test"


class Site:
    """A hotel in a folder of its own, with the configuration that our own command writes."""

    def __init__(self, folder, database_url=None):
        self.folder = folder
        self.port = free_port()
        self.env = {
            "LOCKMATE_DATA": str(folder / "data"),
            "LOCKMATE_BROKER_PORT": str(self.port),
            "LOCKMATE_BROKER_NAME": NAME,
            **({"LOCKMATE_DATABASE": database_url} if database_url else {}),
        }
        self.settings = settings.use(settings.load(self.env))
        vault.make(self.settings.master_key_file)
        vault.make(self.settings.secret_key_file)
        db.migrate(self.settings)
        ground.lay(self.settings)
        self.property = doors.commission("Lakeside", "Asia/Shanghai")
        for number in (801, 802, 803):
            properties.add_door(self.property, number, str(number), "room")
        self.files = folder / "data" / "broker"
        self.written = self.configure()
        self.broker = Process("broker", self.written.argv, log=folder / "broker.log")
        self._doors = []
        self._workers = []

    def configure(self):
        written = certificates.write(self.files, self.property, [NAME, "127.0.0.1"])
        return configuration.write(self.files, written, port=self.port)

    def start(self):
        self.broker.start()
        self.broker.wait_for_port(self.port)
        return self

    def close(self):
        for door in self._doors:
            door.leave()
        for worker in self._workers:
            worker.stop()
        self.broker.stop()
        db.disconnect()

    # --- what people would ask for

    @contextmanager
    def away(self):
        """The database can be read, and nothing be stored in it."""
        with db.transaction():
            if db.is_postgres():
                db.database.execute_sql("LOCK TABLE event IN EXCLUSIVE MODE")
            yield

    def place(self, user, name=NAME):
        """How `user` (a file name in the broker's folder) goes to the broker."""
        return Broker("127.0.0.1", self.port, name, self.files / "ca.pem", self.files / f"{user}.pem",
                      self.files / f"{user}.key")

    def worker(self, name, *words, ready=True):
        """A worker, as the real command in its own process."""
        process = Process(name, [sys.executable, "-m", "lockmate", "worker", name, *words],
                          {**self.env, "PYTHONPATH": os.pathsep.join(["cloud", ".", "firmware"])},
                          log=self.folder / f"{name}.log", cwd=Path(__file__).parents[2])
        self._workers.append(process)
        process.start()
        if ready:
            process.wait_for_line("event=connected", PATIENCE)
        return process

    def door(self, number=801, companion_id=None):
        door = Door(self, self.number(number), companion_id or f"c-{number}-test")
        self._doors.append(door)
        return door

    def number(self, number):
        return properties.door_of(self.property, number)

    def put(self, topic, payload=b"x", **more):
        more = {"order_key": topic, "property_id": self.property.id} | more
        return outbox.put("mqtt", topic, payload, **more)


class Door:
    """A companion as the broker sees it: MQTT 3.1.1, its own certificate, a session that lasts."""

    def __init__(self, site, door, companion_id):
        self.site = site
        self.id = companion_id
        key = pki.device_key(companion_id)
        enrolled = doors.companions.enrol(site.property, door, companion_id, key.request)
        self.row = enrolled.companion
        self.link_key = bytes.fromhex(enrolled.config["link_key"])
        self.log, self.seq, self.heard = "0123456789abcdef", 0, []
        self._changed = threading.Condition()
        self._client = None
        self._answered = set()
        self._granted = False
        self._write({**enrolled.files, "/key.der": key.key_der})

    def _write(self, files):
        """As PEM: Python's TLS reads nothing else."""
        key = serialization.load_der_private_key(files["/key.der"], None)
        private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        certificate = x509.load_der_x509_certificate(files["/cert.der"])
        (self.site.files / f"{self.id}.key").write_bytes(key.private_bytes(*private))
        (self.site.files / f"{self.id}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    # --- the line to the broker

    def comes(self):
        """Connect and subscribe to what is meant for it."""
        place = self.site.place(self.id)
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=self.id, protocol=paho.MQTTv311,
                                   clean_session=False)
        self._client.tls_set_context(place.context())
        self._client.on_message = lambda _c, _d, message: self._note(self.heard.append, message)
        self._client.on_publish = lambda _c, _d, mid, *_: self._note(self._answered.add, mid)
        self._client.on_connect = lambda client, *_: client.subscribe(f"lm/1/{self.id}/down/#", 1)
        self._client.on_subscribe = lambda *_: self._note(setattr, self, "_granted", True)
        self._client.connect("127.0.0.1", self.site.port, 30)
        self._client.loop_start()
        self.until(lambda: self._granted, "the grant of its subscription")
        return self

    def leaves(self):
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None
            self._granted = False

    leave = leaves

    def _note(self, act, *facts):
        with self._changed:
            act(*facts)
            self._changed.notify_all()

    def until(self, condition, what="something"):
        with self._changed:
            came = self._changed.wait_for(condition, PATIENCE)
        assert came, f"{self.id} waited in vain for {what}; heard {[message.topic for message in self.heard]}"

    def says(self, leaf, payload, *, answered=True, retain=False):
        """Publish under its own up/, or on any other topic that is given whole."""
        topic = leaf if "/" in leaf else f"lm/1/{self.id}/up/{leaf}"
        mid = self._client.publish(topic, payload, 1, retain).mid
        if answered:
            self.until(lambda: mid in self._answered, f"PUBACK on {topic}")

    # --- what it says

    def line(self, kind="opened", *, seq=None, at=None, **fields):
        if seq is None:
            self.seq += 1
            seq = self.seq
        event = {"log": self.log, "seq": seq, "at": at or clock.now_s(), "unsure": 0, "kind": kind}
        body = link.compact(event | fields)
        return mac.tag(self.link_key, body).encode() + b" " + body

    def lines(self, n, **fields):
        return b"\n".join(self.line(**fields) for _ in range(n))

    def state(self, **other):
        newest = doors.policies.newest(self.row.door)
        report = {"log": self.log, "seq": self.seq, "policy_version": newest.version, "policy_hash": newest.hash,
                  "generation": 0, "clock": [clock.now_s(), clock.now_s() + 1]} | other
        return mac.seal(self.link_key, f"lm/1/{self.id}/up/state", link.compact(report))

    # --- what it heard

    def on(self, leaf):
        return [message for message in list(self.heard) if message.topic == f"lm/1/{self.id}/down/{leaf}"]

    def acks(self):
        """Opened by the firmware's own code."""
        return [mac.open_sealed(self.link_key, message.topic, message.payload) for message in self.on("ack")]

    def insists(self, payload, seq):
        """Send again until it is acknowledged, as the firmware does: a broker that died may have lost it."""
        def acked():
            with self._changed:
                return self._changed.wait_for(lambda: any(ack["seq"] >= seq for ack in self.acks()), 0.5)

        def again():
            self.says("events", payload)
            return acked()

        wait_until(again, PATIENCE, f"an ack of {seq}")

    def waits_for_ack(self, seq, since=0):
        self.until(lambda: any(ack["seq"] >= seq for ack in self.acks()[since:]), f"an ack of {seq}")
        return next(ack for ack in self.acks()[since:] if ack["seq"] >= seq)


class Raw:
    """A connection of our own under any certificate, for what a door would never do."""

    def __init__(self, site, user, client_id=None, **more):
        self.arrived, self.answers = [], {}
        self.connection = Connection(site.place(user), client_id or user, on_arrival=self.arrived.append,
                                     on_answer=self.answers.__setitem__, **more)

    def __enter__(self):
        self.connection.open()
        return self

    def __exit__(self, *_):
        self.connection.close()

    def until(self, condition, what="something"):
        def look():
            self.connection.turn(0.02)
            return condition()

        return wait_until(look, PATIENCE, what)

    def says(self, topic, payload=b"x", **more):
        """The broker's answer: "" or why not."""
        mid = self.connection.publish(topic, payload, **more)
        self.until(lambda: mid in self.answers, f"the answer on {topic}")
        return self.answers[mid]


def stored(door=None):
    """(log, seq) of what is in the trail, in the order it came."""
    query = Event.select().order_by(Event.id)
    if door is not None:
        query = query.where(Event.companion == door.row)
    return [(event.log, event.seq) for event in query]


def apart():
    """(companion, reason) of what was kept apart."""
    return [(row.companion_id, row.reason) for row in Disputed.select().order_by(Disputed.id)]


def wait(condition, what):
    return wait_until(condition, PATIENCE, what)


def plain_tls_is_refused(site):
    """Whether the broker takes a client without a certificate."""
    context = ssl.create_default_context(cafile=str(site.files / "ca.pem"))
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="nobody")
    context.check_hostname = False
    client.tls_set_context(context)
    codes = []
    client.on_connect = lambda _c, _d, _f, reason, _p: codes.append(reason)
    try:
        client.connect("127.0.0.1", site.port)
        while client.loop(1) == paho.MQTT_ERR_SUCCESS and not codes:
            pass
    except OSError:
        return True
    finally:
        with closing(client.socket() or _Nothing()):
            pass
    return not codes or codes[0].is_failure


class _Nothing:
    def close(self):
        """Nothing to close."""
