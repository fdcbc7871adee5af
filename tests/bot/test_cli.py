"""The command line as a script meets it: one JSON document or one clear sentence, and the exit status."""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path

import jsonschema
import pytest

from bot.cli import main
from bot.manifest import manifest

FILES = {
    "products.csv": "sku,title,product,category,price,cost,supplier,pack_size,minimum_order,barcode\n"
                    "MUG,Blue mug,MUG,Tableware,19.00,7.20,,12,24,\n",
    "stock.csv": "sku,location,on_hand,reserved,incoming,counted_at\nMUG,main,3,0,0,2026-11-20 08:00:00\n",
    "orders.csv": "order,customer,status,placed_at,approved_at,currency,promised_on,ship_by,country\n"
                  "1,,placed,2026-11-19 23:30:00,2026-11-20 00:10:00,EUR,2026-11-22,2026-11-21 18:00:00,DE\n",
    "order_lines.csv": "order,line,kind,sku,title,quantity,unit_price,freight\n1,1,sale,MUG,Blue mug,2,19.00,0.00\n",
    "payments.csv": "order,sequence,method,amount,paid_at,payment_intent,card_last4\n"
                    "1,1,card,38.00,2026-11-19 23:31:00,pi_1,4242\n",
}


@pytest.fixture
def shop_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop's files in the generic form, in a folder where commands run."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "shop.toml").write_text(
        '[shop]\nkey = "corner"\nname = "Corner shop"\ncurrency = "EUR"\ntime_zone = "Europe/Berlin"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPSBELL_DATABASE_URL", f"sqlite:///{tmp_path / 'desk.db'}")
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    """What a command that went well printed: exactly one JSON document."""
    assert main(words) == 0
    out, _err = capsys.readouterr()
    return json.loads(out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The sentence of a command that went wrong; nothing on standard output, and no stack."""
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


def test_a_shop_is_imported_asked_and_imported_again(shop_folder, capsys):
    first = told(capsys, "import", "generic", str(shop_folder), "--shop", "corner", "--json")
    assert {name: first[name] for name in ("rows", "imported", "unchanged", "rejected", "rejects_file")} == {
        "rows": 5, "imported": 5, "unchanged": 0, "rejected": 0, "rejects_file": None,
    }
    assert first["tells"]["order"] == 1
    assert first["seconds"] >= 0
    again = told(capsys, "import", "generic", str(shop_folder), "--shop", "corner", "--json")
    assert (again["imported"], again["unchanged"]) == (0, 5)
    day = told(capsys, "digest", "--shop", "corner", "--date", "2026-11-19", "--json")
    assert (day["orders_placed"], day["payments"]) == (1, {"amount_minor": 3800, "currency": "EUR"})
    assert (day["approved"], day["handed_to_carrier"], day["delivered"], day["delivered_late"], day["promised"]) == (0,) * 5
    low = told(capsys, "stock", "low", "--shop", "corner", "--at", "2026-11-23T09:00", "--json")
    assert low["skus"][0].keys() >= {
        "sku", "available", "daily_demand", "lead_time", "safety_stock", "reorder_point", "days_of_cover",
        "suggested_quantity", "explanation",
    }
    assert told(capsys, "returns", "list", "--shop", "corner", "--json")["returns"] == []


def test_a_moment_without_an_offset_is_the_shops_local_time(shop_folder, capsys):
    told(capsys, "import", "generic", str(shop_folder), "--shop", "corner", "--json")
    for at in ("2026-11-23T00:30", "2026-11-22T23:30Z", "2026-11-23T00:30+01:00"):
        late = told(capsys, "parcels", "late", "--shop", "corner", "--at", at, "--json")
        assert late["at"] == "2026-11-22T23:30:00+00:00"
        assert late["summary"] == {"open": 1, "overdue": 1, "handover_overdue": 1, "due_in_3_days": 0}
        assert late["parcels"][0].keys() >= {"order", "rule", "since", "promised", "days_late", "explanation"}


def test_levels_without_a_moment_of_their_own_speak_for_the_moment_that_was_given(shop_folder, capsys):
    (shop_folder / "stock.csv").write_text("sku,location,on_hand,reserved,incoming,counted_at\nMUG,main,3,0,0,\n")
    at = ("--at", "2026-11-18T12:00")
    told(capsys, "import", "generic", str(shop_folder), "--shop", "corner", *at, "--json")
    before = told(capsys, "digest", "--shop", "corner", "--date", "2026-11-17", "--json")
    after = told(capsys, "digest", "--shop", "corner", "--date", "2026-11-18", "--json")
    assert (before["stock"]["known"], after["stock"]["known"]) == (False, True)


def test_a_person_reads_the_same_in_words(shop_folder, capsys):
    assert main(["import", "generic", str(shop_folder), "--shop", "corner"]) == 0
    assert "In them: orders 1, order lines 1, payments 1, products 1, SKUs 1, locations 1, stock levels 1." in capsys.readouterr().out
    assert main(["digest", "--shop", "corner", "--date", "2026-11-19"]) == 0
    assert "payments: €38.00" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "says"), [
    (("digest", "--shop", "nobody", "--json"), "There is no shop 'nobody'"),
    (("digest", "--shop", "corner", "--date", "15.3.2018", "--json"), "Write it like 2018-03-15"),
    (("parcels", "late", "--shop", "corner", "--at", "soon", "--json"), "Write it like 2018-03-01T00:00"),
    (("import", "nothing", "x.csv", "--shop", "corner", "--json"), "There is no mapping 'nothing'"),
    (("import", "generic", "nowhere", "--shop", "corner", "--json"), "There is no file nowhere"),
    (("import", "generic", "files", "--shop", "corner", "--at", "soon", "--json"), "'soon' is not a moment"),
])
def test_what_cannot_be_done_is_one_sentence_on_standard_error(shop_folder, capsys, words, says):
    told(capsys, "import", "generic", str(shop_folder), "--shop", "corner", "--json")
    assert says in refused(capsys, *words)


@pytest.mark.parametrize("address", ["mysql://root:secret@host/x", "no address", "postgresql+psycopg2://a:secret@b/c"])
def test_another_database_is_refused_without_its_password(monkeypatch, capsys, address):
    monkeypatch.setenv("OPSBELL_DATABASE_URL", address)
    said = refused(capsys, "digest", "--shop", "corner", "--json")
    assert "OPSBELL_DATABASE_URL is sqlite:///opsbell.db or postgresql+psycopg://" in said
    assert "secret" not in said


def test_a_new_file_is_made_and_an_old_schema_on_postgresql_is_refused(blank_database_url, monkeypatch, capsys):
    monkeypatch.setenv("OPSBELL_DATABASE_URL", blank_database_url)
    said = refused(capsys, "digest", "--shop", "corner", "--json")
    if blank_database_url.startswith("sqlite"):
        assert "There is no shop 'corner'" in said
        return
    assert "opsbell db upgrade" in said
    assert main(["db", "upgrade"]) == 0
    assert main(["db", "current"]) == 0
    upgraded, current = capsys.readouterr().out.split()
    assert upgraded == current
    assert "There is no shop 'corner'" in refused(capsys, "digest", "--shop", "corner", "--json")


def test_a_port_that_is_taken_is_said(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for name, value in {
            "OPSBELL_LISTEN": f"127.0.0.1:{taken.getsockname()[1]}", "OPSBELL_WITHOUT": "slack,telegram,stripe,shop",
            "OPSBELL_LINK_SECRET": "x" * 40,
        }.items():
            monkeypatch.setenv(name, value)
        assert "listens there already" in refused(capsys, "run"), errno.EADDRINUSE


@pytest.mark.parametrize(("changed", "said"), [
    ({"OPSBELL_LISTEN": "no-such-host.invalid:8080"}, "The system refuses: "),
    ({"OPSBELL_DATABASE_URL": "sqlite:////no/such/folder/desk.db"}, "The system refuses: /no/such/folder/desk.db"),
])
def test_what_the_system_refuses_is_one_sentence_without_a_stack(monkeypatch, capsys, tmp_path, changed, said):
    monkeypatch.chdir(tmp_path)
    given = {
        "OPSBELL_WITHOUT": "slack,telegram,stripe,shop", "OPSBELL_LINK_SECRET": "x" * 40,
        "OPSBELL_DATABASE_URL": f"sqlite:///{tmp_path / 'desk.db'}", **changed,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert main(["run"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith(said)]
    assert not [line for line in lines if "Traceback" in line]


@pytest.mark.parametrize("public_url", ["", "https://desk.example.org"])
def test_the_manifest_is_valid_against_slacks_own_schema(shared_fixtures, public_url):
    schema = json.loads((shared_fixtures / "slack-manifest-schema" / "manifest.schema.2.0.0.json").read_text())
    jsonschema.validate(manifest(public_url), schema)


def test_what_is_missing_at_the_start_is_listed_at_once(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, "run")
    assert all(name in said for name in (
        "OPSBELL_LINK_SECRET", "OPSBELL_SLACK_BOT_TOKEN", "OPSBELL_TELEGRAM_TOKEN", "OPSBELL_STRIPE_KEY",
    ))
