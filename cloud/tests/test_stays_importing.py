"""Orders from a table: judged line by line, entered all or not at all."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockmate import tables
from lockmate.stays import Order, orders

HEAD = "name,phone,arrival,departure,room,group\n"
GOOD = HEAD + "Wang Xiaoming,13800001234,2026-12-01,2026-12-03,801,Tea fair\n" + "Li,,2026/12/1,2026-12-02,,\n"


def lines(hotel, data):
    return [(line.number, line.error_code) for line in orders.read_csv(hotel.property, data)]


def test_a_table_becomes_orders(hotel):
    entered = orders.import_csv(hotel.property, GOOD, by=hotel.desk)
    assert [(o.guest_name, o.phone, o.arrival, o.departure, o.room and o.room.name, o.group) for o in entered] == [
        ("Wang Xiaoming", "13800001234", date(2026, 12, 1), date(2026, 12, 3), "801", "Tea fair"),
        ("Li", "", date(2026, 12, 1), date(2026, 12, 2), None, ""),
    ]
    assert [o.number for o in entered] == ["261124-0001", "261124-0002"]


def test_a_dry_run_enters_nothing_and_shows_every_line(hotel):
    found = orders.read_csv(hotel.property, GOOD)
    assert [(line.number, line.fields["name"], line.error_code) for line in found] == [
        (2, "Wang Xiaoming", None),
        (3, "Li", None),
    ]
    assert not Order.select().exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_chinese_tables_as_spreadsheets_write_them(hotel, encoding, delimiter):
    text = "客人姓名,手机号,入住日期,离店日期,房号,备注\r\n王小明,138 0000 1234,2026年12月1日,20261203,801,无\r\n"
    found = orders.read_csv(hotel.property, text.replace(",", delimiter).encode(encoding))
    assert [line.error_code for line in found] == [None]
    assert found[0].fields["name"] == "王小明"
    assert orders.import_csv(hotel.property, text, by=hotel.desk)[0].departure == date(2026, 12, 3)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (",,2026-12-01,2026-12-02,,", "bad_name"),
        ("Li,12,2026-12-01,2026-12-02,,", "bad_phone"),
        ("Li,,2026-12-02,2026-12-01,,", "bad_dates"),
        ("Li,,2026-13-01,2026-12-02,,", "bad_dates"),
        ("Li,,2026-12/01,2026-12-02,,", "bad_dates"),
        ("Li,,2026121,20261202,,", "bad_dates"),
        ("Li,,1 Dec,2026-12-02,,", "bad_dates"),
        ("Li", "bad_dates"),
        ("Li,,2026-12-01,2026-12-02,999,", "csv_room_unknown"),
        ("Li,,2026-12-01,2026-12-02,lift,", "not_a_room"),
        ("Li,,2026-12-02,2026-12-04,801,", "csv_room_twice"),
        ("Li,,2026-12-01,2026-12-02,," + "x" * 41, "bad_group"),
        ("Li,,2026-12-03,2026-12-04,801,", None),
        ("Li,,2026-12-01,2026-12-01,802,", None),
    ],
)
def test_each_bad_line_is_named(hotel, line, code):
    assert lines(hotel, GOOD + line) == [(2, None), (3, None), (4, code)]


def test_one_bad_line_and_nothing_is_imported(hotel):
    with pytest.raises(tables.CsvLinesBad) as refused:
        orders.import_csv(hotel.property, GOOD + "Li,12,2026-12-01,2026-12-02,,\n", by=hotel.desk)
    assert refused.value.facts == {"bad": 1, "first": 4}
    assert not Order.select().exists()


def test_the_same_table_twice_is_entered_once(hotel):
    orders.import_csv(hotel.property, GOOD, by=hotel.desk)
    assert lines(hotel, GOOD) == [(2, "order_exists"), (3, "order_exists")]
    with pytest.raises(tables.CsvLinesBad):
        orders.import_csv(hotel.property, GOOD, by=hotel.desk)
    assert Order.select().count() == 2


def test_a_group_of_the_same_name_without_rooms_is_no_mistake(hotel):
    assert lines(hotel, HEAD + "Tour guide,13800001234,2026-12-01,2026-12-02,,Tour\n" * 10) == [
        (number, None) for number in range(2, 12)
    ]


def test_lines_are_counted_as_an_editor_counts_them(hotel):
    data = "\n" + HEAD + '\n"Wang, ""Ming""",,2026-12-01,2026-12-02,,"a\nb"\nLi,12,2026-12-01,2026-12-02,,\n'
    found = orders.read_csv(hotel.property, data)
    assert [(line.number, line.fields["name"], line.error_code) for line in found] == [
        (4, 'Wang, "Ming"', None),
        (6, "Li", "bad_phone"),
    ]


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ("", tables.CsvEmpty),
        (HEAD, tables.CsvEmpty),
        ("name,phone\nLi,1\n", tables.CsvColumns),
        ("name,name,arrival,departure\n", tables.CsvColumns),
        ("just text\n", tables.CsvColumns),
        (HEAD.encode() + b"\xff\xff", tables.CsvUnreadable),
        (HEAD + 'x\0"', tables.CsvUnreadable),
        (HEAD + '"never closed', tables.CsvUnreadable),
        (HEAD + "Li,,2026-12-01,2026-12-02,,\n" * 2_001, tables.CsvTooLong),
        ("x" * (tables.BYTES_MAX + 1), tables.CsvTooLong),
    ],
    ids=lambda value: "" if isinstance(value, str | bytes) else value.code,
)
def test_what_is_no_table_of_orders(hotel, data, refusal):
    with pytest.raises(refusal):
        orders.read_csv(hotel.property, data)


def test_a_long_table_is_read_in_one_go(hotel):
    data = HEAD + "".join(f"Guest {n},,2026-12-01,2026-12-02,,\n" for n in range(2_000))
    assert {code for _, code in lines(hotel, data)} == {None}


@given(data=st.one_of(st.text(max_size=200), st.binary(max_size=200)))
def test_any_file_is_read_or_refused(data):
    refusals = (tables.CsvColumns, tables.CsvTooLong, tables.CsvUnreadable)
    with contextlib.suppress(*refusals):
        for _number, fields in tables.rows(data, orders.CSV_COLUMNS, ("name", "arrival", "departure")):
            assert set(fields) == set(orders.CSV_COLUMNS)
