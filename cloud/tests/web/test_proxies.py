"""Behind a proxy: whose address counts, what the address of a page is, and that nobody can choose his own."""

from __future__ import annotations

import dataclasses

import pytest

from lockmate import db
from lockmate.app import create_app

TRIES = 12


@pytest.fixture
def behind(hotel, house):
    """Makes the application behind so many proxies."""

    def make(count):
        db.database.close()
        chosen = dataclasses.replace(house, trusted_proxies=count, public_url="https://hotel.example")
        return create_app(chosen).test_client()

    return make


def guesses(client, forwarded):
    """The answers to log-ins that guess, each with what the proxy (or somebody) says of the asker."""
    client.get("/desk/login", headers={"X-Forwarded-For": forwarded(0)})
    return [
        client.post("/desk/login", data={"name": "anna", "password": "x"},
                    headers={"X-Forwarded-For": forwarded(n), "X-Forwarded-Proto": "https"}).status_code
        for n in range(TRIES)
    ]  # fmt: skip


def test_behind_a_proxy_the_limit_counts_the_guest_and_not_the_proxy(behind):
    client = behind(1)
    client.application.config["WTF_CSRF_ENABLED"] = False
    assert 429 not in guesses(client, lambda n: f"203.0.113.{n}")
    assert guesses(client, lambda _: "203.0.113.99")[-1] == 429


def test_an_address_that_a_guest_made_up_does_not_count(behind):
    """He may write what he likes into the header: only what our own proxy appended is read."""
    client = behind(1)
    client.application.config["WTF_CSRF_ENABLED"] = False
    assert guesses(client, lambda n: f"198.51.100.{n}, 203.0.113.7")[-1] == 429


def test_without_a_proxy_nobody_is_believed(behind):
    client = behind(0)
    client.application.config["WTF_CSRF_ENABLED"] = False
    assert guesses(client, lambda n: f"203.0.113.{n}")[-1] == 429


def test_behind_a_proxy_pages_are_told_to_stay_on_https(behind):
    answer = behind(1).get("/desk/login", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "hotel.example"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Secure" in answer.headers["Set-Cookie"]
