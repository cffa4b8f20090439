"""Letters go out by a real mail server: tried again as the outbox says, never in clear, once each."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager

import pytest

from cloud.tests.mailserver import NAME, PASSWORD, MailServer
from lockmate import ground, notices, outbox, settings
from lockmate.delivery.beside import Beside
from lockmate.delivery.smtp import Letters
from lockmate.keys import holders
from lockmate.mqtt import Backoff, Stop
from lockmate.outbox import Outbox
from lockmate.settings import SettingsError
from lockmate.web.letters import letter as in_words
from tools.processes import wait_until


@pytest.fixture
def server(hotel, tmp_path):
    made = MailServer(tmp_path, hotel.property.property_id)
    yield made
    made.stop()


@pytest.fixture
def stop():
    made = Stop()
    yield made
    made.close()


@pytest.fixture
def environment(house, server, tmp_path):
    """The settings that a house with this mail server has."""
    password = tmp_path / "smtp.password"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o600)
    return {
        "LOCKMATE_DATA": str(house.data),
        "LOCKMATE_TESTING": "1",
        "LOCKMATE_TEST_CLOCK": str(house.test_clock),
        "LOCKMATE_PUBLIC_URL": "https://hotel.example",
        "LOCKMATE_SMTP_HOST": NAME,
        "LOCKMATE_SMTP_PORT": str(server.port),
        "LOCKMATE_SMTP_FROM": "cards@hotel.example",
        "LOCKMATE_SMTP_CA": str(server.ca),
    }


@pytest.fixture
def channel(environment, stop):
    """Makes the channel under settings with some changed."""

    def make(render=in_words, **changes):
        chosen = settings.use(settings.load(environment | changes))
        return Letters(chosen, render, stop)

    return make


def log_in(tmp_path, **more):
    return {"LOCKMATE_SMTP_USER": "house", "LOCKMATE_SMTP_PASSWORD_FILE": str(tmp_path / "smtp.password"), **more}


def tell(phone, kind="issued", address="wang@mail.example", **facts):
    holders.set_email(phone.holder, address)
    told = {"hotel": "Lakeside", "room": "801", "order": "261124-0001", "timezone": "Asia/Shanghai"}
    told |= {"starts_at": 1_795_453_300_000, "ends_at": 1_795_539_700_000}
    return notices.put(phone.holder, kind, told | facts)


def state():
    return [(row.state, row.attempts) for row in Outbox.select().where(Outbox.channel == "smtp").order_by(Outbox.id)]


def test_a_letter_arrives_in_the_holders_language_over_tls(channel, server, phone):
    letters = channel()
    server.start()
    tell(phone)
    assert letters.deliver() == 1
    [(to, letter)] = server.handler.letters
    assert to == ["wang@mail.example"]
    assert str(letter["From"]) == "Lakeside <cards@hotel.example>"
    assert "Lakeside" in letter["Subject"]
    assert "801" in letter.get_content() and "https://hotel.example/g/card" in letter.get_content()
    assert letter["Content-Language"] == "zh-CN"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert server.handler.encrypted == [True]
    assert state() == [("sent", 1)]
    assert letters.deliver() == 0


@pytest.mark.parametrize("language", settings.LANGUAGES)
@pytest.mark.parametrize("kind", notices.KINDS)
def test_every_kind_has_words_in_every_language(channel, server, phone, kind, language):
    letters = channel()
    server.start()
    phone.holder.language = language
    phone.holder.save()
    tell(phone, kind, from_room="801")
    assert letters.deliver() == 1
    assert "{" not in server.handler.letters[0][1].get_content()


def test_a_hotels_name_cannot_write_headers(channel, server, phone):
    letters = channel()
    server.start()
    tell(phone, hotel="Lake\r\nBcc: all@x.cn\r\n\r\n湖畔酒店")
    assert letters.deliver() == 1
    [(to, letter)] = server.handler.letters
    assert (to, letter["Bcc"]) == (["wang@mail.example"], None)
    assert "湖畔酒店" in str(letter["From"])


def test_the_house_logs_in_and_its_password_is_in_no_log(channel, server, phone, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG, logger="lockmate")
    letters = channel(**log_in(tmp_path))
    server.start(log_in=True)
    tell(phone)
    assert letters.deliver() == 1
    assert server.handler.users == [True]
    (tmp_path / "smtp.password").write_text("another-secret")
    letters = channel(**log_in(tmp_path))
    tell(phone)
    with pytest.raises(OSError, match="535"):
        letters.deliver()
    assert state() == [("sent", 1), ("pending", 0)]  # waiting costs no attempt
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("lockmate"))
    assert "event=letter_sent" in ours
    told = ours + repr(letters) + repr(settings.current()) + "".join(capfd.readouterr())
    for secret in (PASSWORD, "another-secret", "wang@mail.example"):
        assert secret not in told


def test_a_password_file_that_others_can_read_stops_the_start(channel, tmp_path):
    (tmp_path / "smtp.password").chmod(0o644)
    with pytest.raises(SettingsError) as refused:
        channel(**log_in(tmp_path))
    assert refused.value.code == "smtp_password_open"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"LOCKMATE_SMTP_FROM": ""}, "bad_smtp_from"),
        ({"LOCKMATE_SMTP_FROM": "hotel"}, "bad_smtp_from"),
        ({"LOCKMATE_SMTP_FROM": "a@b.c\nBcc: x@y.z"}, "bad_smtp_from"),
        ({"LOCKMATE_SMTP_USER": "house"}, "smtp_log_in_incomplete"),
        (
            {"LOCKMATE_SMTP_USER": "house", "LOCKMATE_SMTP_PASSWORD_FILE": "p", "LOCKMATE_SMTP_STARTTLS": "0"},
            "smtp_password_in_clear",
        ),
        ({"LOCKMATE_SMTP_STARTTLS": "maybe"}, "bad_flag"),
        ({"LOCKMATE_SMTP_PORT": "0"}, "bad_port"),
    ],
)
def test_a_wrong_mail_setting_is_refused_by_name(environment, changes, code):
    with pytest.raises(SettingsError) as refused:
        settings.load(environment | changes)
    assert refused.value.code == code


def test_a_server_without_tls_gets_no_letter_unless_the_house_says_so(channel, server, phone):
    letters = channel()
    server.start(tls=False)
    tell(phone)
    with pytest.raises(OSError, match="STARTTLS"):
        letters.deliver()
    assert server.handler.letters == []
    assert channel(LOCKMATE_SMTP_STARTTLS="0").deliver() == 1


def test_a_server_with_a_certificate_we_do_not_know_gets_no_letter(channel, server, phone):
    letters = channel(LOCKMATE_SMTP_CA="")
    server.start()
    tell(phone)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        letters.deliver()
    assert (server.handler.letters, state()) == ([], [("pending", 0)])


def test_a_server_that_says_later_is_asked_again_later(channel, server, phone, time):
    letters = channel()
    server.start()
    server.handler.answers["wang@mail.example"] = ["451 later", "451 later", "250 OK"]
    tell(phone)
    assert letters.deliver() == 0
    assert letters.deliver() == 0  # not before its pause
    assert state() == [("pending", 1)]
    time.passes(seconds=1)
    letters.deliver()
    assert state() == [("pending", 2)]
    time.passes(seconds=2)
    assert letters.deliver() == 1
    assert state() == [("sent", 3)]


def test_after_the_last_try_it_is_dead_and_stays_visible(channel, server, phone, time):
    letters = channel()
    server.start()
    server.handler.data_answer = "451 disk full"
    tell(phone)
    for _ in range(outbox.verbs.ATTEMPTS_MAX):
        letters.deliver()
        time.passes(minutes=5)
    assert state() == [("dead", outbox.verbs.ATTEMPTS_MAX)]
    assert [row.error for row in outbox.dead()] == ["451 disk full"]


def test_an_address_that_does_not_exist_is_not_tried_again_and_the_next_letter_goes(channel, server, phone, phones):
    letters = channel()
    server.start()
    server.handler.answers["nobody@mail.example"] = ["550 no such user"]
    tell(phone, address="nobody@mail.example")
    tell(phones("13900005678"))
    assert letters.deliver() == 1
    assert state() == [("dead", 1), ("sent", 1)]
    assert "nobody" not in outbox.dead()[0].error


def test_letters_of_one_holder_go_in_order(channel, server, phone):
    letters = channel()
    server.start()
    for kind in ("claimed", "issued", "ended"):
        tell(phone, kind)
    assert letters.deliver() == 3
    ids = [letter["Message-ID"] for _, letter in server.handler.letters]
    assert len(set(ids)) == 3
    assert ids == sorted(ids, key=lambda one: int(one.split("-")[1].split(".")[0]))


def test_a_letter_without_words_does_not_hold_up_the_others(channel, server, phone, phones):
    def fails_for_claims(kind, facts, language):
        if kind == "claimed":
            raise KeyError(kind)
        return in_words(kind, facts, language)

    letters = channel(render=fails_for_claims)
    server.start()
    tell(phone, "claimed")
    tell(phones("13900005678"), "issued")
    assert letters.deliver() == 1
    assert state() == [("dead", 1), ("sent", 1)]


def test_a_letter_that_waited_a_day_is_not_sent(channel, server, phone, time):
    letters = channel()
    tell(phone)
    with pytest.raises(OSError, match="refused"):
        letters.deliver()
    time.passes(hours=24)
    server.start()
    assert letters.deliver() == 0
    assert state() == [("dead", 0)]


@contextmanager
def running(beside, stop):
    beside.start()
    try:
        yield
    finally:
        stop.request()
        assert beside.join(20)


def test_the_thread_beside_waits_for_a_server_that_is_away(channel, server, phone, stop):
    letters = channel()
    tell(phone)
    with running(Beside("letters", letters.deliver, stop, every=0.02, backoff=Backoff(0.02, 0.1)), stop):
        server.start()
        wait_until(lambda: server.handler.letters, 20, "the letter")
        wait_until(lambda: state() == [("sent", 1)], 20, "the row to be sent")


def test_work_beside_goes_on_after_a_fault_and_ends_when_asked(house, stop, caplog):
    calls, third = [], threading.Event()

    def work():
        calls.append(1)
        if len(calls) == 3:
            third.set()
        if len(calls) < 3:
            raise RuntimeError("once")

    with running(Beside("work", work, stop, every=0.01, backoff=Backoff(0.01, 0.02)), stop):
        assert third.wait(20)
    assert caplog.text.count("event=fault work=work") == 2


def test_a_house_without_mail_has_its_ground_laid_all_the_same(house):
    assert ground.lay(settings.load({"LOCKMATE_DATA": str(house.data)})).smtp_host == ""
