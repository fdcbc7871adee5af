"""What an import keeps, refuses, changes and leaves alone, on both databases."""

from __future__ import annotations

import csv
import gzip
import lzma
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import BadInput, NotFound
from tests.imports.conftest import LINES, MAPPING, NOW, ORDERS


def told(result):
    return {name: result[name] for name in ("rows", "imported", "unchanged", "rejected")}


def rejects(result):
    with Path(result["rejects_file"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_good_files_come_in_whole_and_totals_follow(stand):
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES})
    result = stand.run()
    assert told(result) == {"rows": 5, "imported": 5, "unchanged": 0, "rejected": 0}
    assert result["rejects_file"] is None
    assert stand.rows("SELECT number, total_minor FROM orders ORDER BY number") == [("A1", 4250), ("A2", 1900)]


def test_the_same_files_twice_change_nothing(stand):
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES})
    stand.run()
    before = stand.rows("SELECT * FROM order_lines ORDER BY id"), stand.rows("SELECT * FROM orders ORDER BY id")
    assert told(stand.run(now=NOW + timedelta(hours=1))) == {"rows": 5, "imported": 0, "unchanged": 5, "rejected": 0}
    assert (stand.rows("SELECT * FROM order_lines ORDER BY id"), stand.rows("SELECT * FROM orders ORDER BY id")) == before


def test_a_corrected_file_changes_just_what_was_corrected(stand):
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES})
    stand.run()
    stand.write({
        "orders.csv": ORDERS.replace("2026-11-21 10:00:00", "2026-11-22 10:00:00"),
        "lines.csv": LINES.replace("A1,2,TEA,1,4.50", "A1,2,TEA,3,4.50"),
    })
    assert told(stand.run()) == {"rows": 5, "imported": 2, "unchanged": 3, "rejected": 0}
    assert stand.rows("SELECT number, total_minor FROM orders ORDER BY number") == [("A1", 5150), ("A2", 1900)]
    moments = stand.rows("SELECT o.placed_at, l.placed_at FROM orders o JOIN order_lines l ON l.order_id = o.id")
    assert all(order == line for order, line in moments)


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_the_size_of_a_batch_makes_no_difference(stand, batch):
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES})
    assert told(stand.run(batch=batch)) == {"rows": 5, "imported": 5, "unchanged": 0, "rejected": 0}


@pytest.mark.parametrize(
    ("bad", "field", "value", "reason"),
    [
        ("A1,2,TEA,some,4.50", "quantity", "some", "is not a number"),
        ("A1,2,TEA,1.5,4.50", "quantity", "1.5", "is not a whole number"),
        ("A1,2,TEA,1,4.505", "price", "4.505", "has more than the 2 decimals of EUR"),
        ("A1,2,TEA,1,NaN", "price", "NaN", "is not a number that anything here can have"),
        ("A1,2,TEA,1,1_000", "price", "1_000", "is not a number"),
        ("A1,2,,1,4.50", "code", "", "is empty"),
        ("A1,0,TEA,1,4.50", "line", "0", "is below 1"),
        ("A9,2,TEA,1,4.50", "order", "A9", "there is no order A9"),
        ("A1,2,TEA,1", "", "", "has 4 columns where the header has 5"),
        ("A1,2,TE\0A,1,4.50", "code", "TE\\0A", "holds a NUL character"),
        ('A1,2,"TEA"x,1,4.50', "", "", "is no row of a CSV file"),
        ("A1,2,TEA,1," + "9" * 40, "price", "9" * 40, "is not a number that anything here can have"),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_are_kept(stand, bad, field, value, reason):
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES.replace("A1,2,TEA,1,4.50", bad)})
    result = stand.run()
    assert told(result) == {"rows": 5, "imported": 4, "unchanged": 0, "rejected": 1}
    (reject,) = rejects(result)
    assert (reject["file"], reject["row"], reject["field"], reject["value"]) == ("lines.csv", "2", field, value)
    assert reason in reject["reason"]
    assert stand.rows("SELECT count(*) FROM order_lines") == [(2,)]


def test_bytes_that_are_no_text_refuse_their_row_only(stand):
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES.encode().replace(b"TEA", b"TH\xc9")})
    result = stand.run()
    assert told(result)["rejected"] == 1
    (reject,) = rejects(result)
    assert reject["value"] == "TH\\udcc9"
    assert "UTF-8" in reject["reason"]
    stand.write({"lines.csv": LINES.replace("TEA", "THÉ")})
    assert told(stand.run())["imported"] == 1


def test_a_rejects_file_runs_no_formula(stand):
    stand.write({"orders.csv": ORDERS + '"=HYPERLINK(""http://evil"")",placed,never\n@x,placed,+1\n'})
    values = [reject["value"] for reject in rejects(stand.run())]
    assert values == ["never", "'+1"]
    stand.write({"lines.csv": LINES.replace("A1,2", '"=cmd|\'/c calc\'!A0",2')})
    assert "'=cmd|'/c calc'!A0" in [reject["value"] for reject in rejects(stand.run(now=NOW + timedelta(seconds=1)))]


def test_a_row_that_points_at_nothing_leaves_no_trace(stand, counts):
    both = MAPPING.replace('[[file]]\nname = "lines"', """[[file]]
name = "lines"
needed = false
[[file.record]]
kind = "product"
[file.record.columns]
product = "code"
title = "code"
""").replace('title = "code"\n\nneeded = false\n', 'title = "code"\n')
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES.replace("A1,2,TEA", "A9,2,TEA")})
    result = stand.run(both)
    assert told(result)["rejected"] == 1
    assert stand.rows("SELECT external_id FROM products") == [("MUG",)]


def test_what_only_the_database_refuses_is_found_among_good_rows(stand, counts):
    mapping = MAPPING + """
[[file]]
name = "payments"
[[file.record]]
kind = "payment"
[file.record.columns]
order = "number"
sequence = "sequence"
method = "method"
amount = "amount"
payment_intent = "intent"
"""
    stand.write({
        "orders.csv": ORDERS,
        "payments.csv": "number,sequence,method,amount,intent\nA1,1,card,38.00,pi_1\nA2,1,card,19.00,pi_1\nA2,2,card,1.00,\n",
    })
    result = stand.run(mapping)
    assert told(result) == {"rows": 5, "imported": 4, "unchanged": 0, "rejected": 1}
    (reject,) = rejects(result)
    assert reject["row"] == "2"
    assert "the database refuses it" in reject["reason"]


def test_a_dry_run_counts_the_same_and_writes_nothing(stand, counts):
    stand.write({"orders.csv": ORDERS, "lines.csv": LINES.replace("4.50", "free")})
    dry = stand.run(dry_run=True)
    assert [counts(table) for table in ("shops", "orders", "order_lines", "imports")] == [0, 0, 0, 0]
    wet = stand.run(now=NOW + timedelta(seconds=1))
    assert told(dry) == told(wet) == {"rows": 5, "imported": 4, "unchanged": 0, "rejected": 1}
    assert counts("imports") == 2


@pytest.mark.parametrize(("ending", "pack"), [(".csv", bytes), (".csv.gz", gzip.compress), (".csv.xz", lzma.compress)])
def test_files_are_read_however_they_are_packed(stand, ending, pack):
    stand.write({f"orders{ending}": pack(b"\xef\xbb\xbf" + ORDERS.replace("\n", "\r\n").encode())})
    assert told(stand.run())["imported"] == 2


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_file_that_was_cut_off_is_said_to_be_damaged(stand, pack):
    stand.write({"orders.csv.xz": pack(ORDERS.encode() * 50)[:-20]})
    with pytest.raises(BadInput, match=r"orders\.csv\.xz is damaged"):
        stand.run()


def test_a_missing_column_is_one_sentence_with_those_there_are(stand):
    stand.write({"orders.csv": ORDERS.replace("placed\n", "when\n", 1)})
    with pytest.raises(BadInput, match=r"no column placed\. It has: number, status, when\."):
        stand.run()


def test_a_missing_file_is_named(stand):
    stand.write({"lines.csv": LINES})
    with pytest.raises(BadInput, match=r"needs the file orders\. The folder has lines\.csv\."):
        stand.run()


def test_an_empty_file_is_said_to_be_empty(stand):
    stand.write({"orders.csv": ""})
    with pytest.raises(BadInput, match="is empty"):
        stand.run()


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(stand):
    orders = ORDERS + 'A3,"placed,2026-11-21 10:00:00\n' + "".join(
        f"B{n},placed,2026-11-21 10:00:00\n" for n in range(500)
    )
    stand.write({"orders.csv": orders})
    result = stand.run()
    assert told(result)["imported"] > 250
    assert "quote" in rejects(result)[0]["reason"]


def test_stock_levels_are_the_sums_of_the_ledger_whatever_is_corrected(stand):
    mapping = """
[shop]
name = "Corner shop"
currency = "EUR"
time_zone = "Europe/Berlin"
[[file]]
name = "stock"
[[file.record]]
kind = "product"
[file.record.columns]
product = "sku"
title = "sku"
[[file.record]]
kind = "variant"
[file.record.columns]
sku = "sku"
product = "sku"
title = "sku"
[[file.record]]
kind = "location"
[file.record.columns]
location = { value = "main" }
name = { value = "main" }
[[file.record]]
kind = "stock"
[file.record.columns]
sku = "sku"
location = { value = "main" }
on_hand = "on_hand"
reserved = "reserved"
"""
    stand.write({"stock.csv": "sku,on_hand,reserved\nMUG,10,2\nTEA,5,\n"})
    stand.run(mapping)
    stand.write({"stock.csv": "sku,on_hand,reserved\nMUG,7,3\nTEA,5,\n"})
    assert told(stand.run(mapping, now=NOW + timedelta(days=1))) == {"rows": 2, "imported": 1, "unchanged": 1, "rejected": 0}
    ledger = "SELECT kind, on_hand, reserved FROM stock_movements ORDER BY id"
    assert stand.rows(ledger) == [("opening", 10, 2), ("opening", 5, 0), ("correction", -3, 1)]
    assert stand.rows("SELECT on_hand, reserved FROM stock_levels ORDER BY on_hand DESC") == [(7, 3), (5, 0)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('kind = "order"', 'kind = "oder"'), "is not a kind of record"),
        (('status = "status"', 'state = "status"'), "has no field state"),
        (('placed_at = "placed"\n', ""), "must name placed_at"),
        (('order = "number"', 'order = { columm = "number" }'), "has no columm"),
        (('order = "number"', 'order = { column = "number", value = "1" }'), "exactly one of"),
        (('[[file.record]]\nkind = "order"\n', '[[file.record]]\nkind = "order"\nwhen = ["late"]\n'), "not among the file's tests"),
        (("[shop]", "[shop"), "cannot be read"),
    ],
)
def test_a_mapping_that_is_wrong_says_where(stand, change, says):
    stand.write({"orders.csv": ORDERS})
    with pytest.raises(BadInput, match=says):
        stand.run(MAPPING.replace(*change, 1))


def test_a_shop_of_that_key_is_left_as_it_is(stand):
    stand.write({"orders.csv": ORDERS})
    stand.run()
    stand.run(MAPPING.replace("Corner shop", "Other shop").replace("EUR", "USD", 1).replace('value = "EUR"', 'value = "EUR"'))
    assert stand.rows("SELECT key, name, currency FROM shops") == [("corner", "Corner shop", "EUR")]


def test_without_a_shop_and_without_defaults_the_import_says_what_to_do(stand):
    stand.write({"orders.csv": ORDERS})
    with pytest.raises(NotFound, match=r"shop\.toml"):
        stand.run(MAPPING[MAPPING.index("[[file]]"):])
