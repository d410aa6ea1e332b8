"""`aion keys`, as an operator and a script use it."""

from __future__ import annotations

import json
import re

from tests.cli.conftest import Run

TOKEN = r"aion_[a-z0-9]{10}_[A-Za-z0-9]{43}\n"


def test_a_token_alone_is_on_stdout_and_what_to_do_with_it_beside(aion: Run) -> None:
    done = aion("keys", "add", "ana")
    assert done.code == 0
    assert re.fullmatch(TOKEN, done.out)
    assert "shown this once; it has the role chat for the tenant default" in done.err
    assert "nobody asks without a key" in done.err
    assert "--role admin" in done.err
    assert "nobody asks" not in aion("keys", "add", "rui", "--role", "admin").err


def test_keys_are_listed_without_their_secrets(aion: Run) -> None:
    roles = ("--role", "ingest", "--role", "chat")
    token = aion("keys", "add", "bot [1]", *roles, "--tenant", "a", "--days", "3").out.strip()
    aion("keys", "add", "ana", PRIMARY_TENANT_ID="sintra")
    aion("keys", "revoke", "ana")
    bot, ana = json.loads(aion("keys", "list", "--json").out)["keys"]
    assert (bot["name"], bot["state"], bot["roles"], bot["tenants"]) == (
        "bot [1]", "in use", ["ingest", "chat"], ["a"],
    )  # fmt: skip
    assert (ana["state"], ana["roles"], ana["tenants"]) == ("revoked", ["chat"], ["sintra"])
    listed = aion("keys", "list").out
    assert "bot [1]" in listed
    assert token.rpartition("_")[2] not in listed


def test_a_script_gets_all_as_json(aion: Run) -> None:
    made = json.loads(aion("keys", "add", "ana", "--tenant", "*", "--json").out)
    assert re.fullmatch(TOKEN, made["key"] + "\n")
    assert made["key"].split("_")[1] == made["id"]
    assert made["tenants"] == ["*"]
    assert json.loads(aion("keys", "revoke", made["id"], "--json").out)["state"] == "revoked"


def test_revoking_the_last_one_says_what_follows(aion: Run) -> None:
    assert aion("keys", "list").out.startswith("There is no key: only this machine may ask.")
    aion("keys", "add", "ana")
    aion("keys", "add", "rui")
    assert aion("keys", "revoke", "ana").err == ""
    last = aion("keys", "revoke", "rui")
    assert last.out.startswith("Revoked: rui (")
    assert "whoever sits at this machine" in last.err


def test_what_cannot_be_is_told_in_a_sentence(aion: Run) -> None:
    done = aion("keys", "add", "ana", "--role", "boss")
    assert (done.code, done.out) == (1, "")
    assert "'boss' is no role; give any of chat, ingest, admin, metrics." in done.err


def test_a_name_in_use_is_refused_with_the_way_out(aion: Run) -> None:
    aion("keys", "add", "ana")
    done = aion("keys", "add", "ana")
    assert done.code == 1
    assert "aion keys revoke ana" in done.err
    assert "There is no key 'nobody' in use" in aion("keys", "revoke", "nobody").err
