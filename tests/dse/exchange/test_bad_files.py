"""Files that were cut, changed, made up or are something else: one message with the place, and no change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.errors import InputError
from dse.exchange import FORMATS as KINDS
from dse.exchange import (
    CampaignArchive,
    ExchangeError,
    csv_file,
    errors,
    export_campaign,
    import_campaign,
    json_file,
)
from dse.exchange.header import header_to_dict
from dse.exchange.whole_file import no_progress
from tests.dse.exchange.campaigns import FORMATS, stored


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return stored(tmp_path_factory.mktemp("store") / "store.sqlite")


@pytest.fixture(scope="module")
def exported(store, tmp_path_factory) -> dict[str, bytes]:
    """File names and contents of one campaign in every format."""
    folder = tmp_path_factory.mktemp("exported")
    for kind in FORMATS:
        export_campaign(store, "one", folder / f"t.{kind}")
    return {path.name: path.read_bytes() for path in folder.glob("t.*")}


@pytest.fixture(scope="module")
def archive(store) -> CampaignArchive:
    """The campaign that was exported."""
    return CampaignArchive.load(store, "one")


@pytest.fixture
def write(exported, tmp_path) -> Callable[..., Path]:
    """Write the file of that name (and those beside it), changed; and return its path."""

    def make(name: str, change: Callable[[bytes], bytes], main: str | None = None) -> Path:
        for other, data in exported.items():
            (tmp_path / other).write_bytes(data)
        (tmp_path / name).write_bytes(change(exported[name]))
        return tmp_path / (main or name)

    return make


def in_line(number: int, old: str, new: str) -> Callable[[bytes], bytes]:
    """A change of one line (from 1) of a text."""

    def change(data: bytes) -> bytes:
        lines = data.decode().split("\n")
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new, 1)
        return "\n".join(lines).encode()

    return change


def in_header(key: str, value: object) -> Callable[[bytes], bytes]:
    """A change of one key of a header that stands in the first line."""

    def change(data: bytes) -> bytes:
        first, newline, rest = data.partition(b"\n")
        header = json.loads(first)
        header[key] = value
        return json.dumps(header).encode() + newline + rest

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_line(5, ",random,", ",other,"), r"t\.csv:5: agent: got 'other', expected 'reference|'random'"),
        (in_line(6, ",1,", ",x,"), r"t\.csv:6: run: got 'x', expected a whole number"),
        (in_line(6, ",1,", ",77,"), r"t\.csv:6: run: got 77, expected a whole number, 0 to 1"),
        (in_line(6, ",3,", ",4,"), r"t\.csv:6: seed: got 4, expected 3, as run 1 says"),
        (in_line(9, ",", ",,"), r"t\.csv:9: got 21 cells, expected 20"),
        (in_line(1, "energy_pj", "energy"), r"t\.csv:1: column 17 is 'energy', expected 'energy_pj'"),
        (lambda data: data[: len(data) // 2], r"t\.csv(:\d+: got \d+ cells|: got \d+ trials, expected 80)"),
        (lambda data: data + data.splitlines(keepends=True)[-1], r"t\.csv:\d+: has more than the 80 trials"),
        (lambda data: data.replace(b"true", b"maybe", 1), r"feasible: got 'maybe', expected true or false"),
        (lambda data: data.replace(b"slow", b"slaw", 1), r"mode: got 'slaw', expected one of 'slow', 'fast'"),
        (lambda data: data.replace(b"\xff", b"").replace(b"slow", b"\xff", 1), "is not UTF-8 text"),
        (lambda data: b'"' + data, r"t\.csv:\d+: is not CSV"),
        (lambda _: b"", r"t\.csv:1: has 0 columns, expected 20"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named_with_line_and_column(change, message, write, tmp_path):
    path = write("t.csv", change)

    with pytest.raises(ExchangeError, match=message):
        import_campaign(path, tmp_path / "store.sqlite")

    assert not (tmp_path / "store.sqlite").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_line(4, '"step":', '"stop":'), r"t\.jsonl:4: step: got .*, expected an object with step"),
        (in_line(4, '"buffers":', '"b":'), r"t\.jsonl:4: design.buffers: got"),
        (in_line(4, '"time_ns":', '"time_ns":"x","y":'), r"t\.jsonl:4: time_ns: got 'x', expected a number"),
        (in_line(4, '"feasible":', '"feasible":1,"y":'), r"t\.jsonl:4: feasible: got 1, expected true"),
        (in_line(4, '"batch":', '"batch":-1,"y":'), r"t\.jsonl:4: batch: got -1, expected a whole number, 0"),
        (in_line(4, '"batch":', f'"batch":{10**30},"y":'), r"t\.jsonl:4: batch: got 1000"),
        (in_line(4, '"seconds":', '"seconds":NaN,"y":'), r"t\.jsonl:4: seconds: got nan, expected a finite"),
        (in_line(4, '"design":', '"design":[],"y":'), r"t\.jsonl:4: design.buffers: got"),
        (in_line(4, "{", ""), r"t\.jsonl:4: is not JSON: .*column"),
        (in_line(4, "{", "[" * 100_000), r"t\.jsonl:4: is not JSON"),
        (in_line(4, '"mode":', '"mode":[1],"y":'), r"t\.jsonl:4: mode: got \[1\], expected text"),
        (in_line(4, '"origin":"', '"origin":"x'), r"t\.jsonl:4: origin: got 'x.*expected one of 'simulated'"),
        (in_line(4, '"fidelity":', '"fidelity":1.5,"y":'), r"t\.jsonl:4: fidelity: got 1.5, exp.* to 1"),
        (in_line(4, '"fidelity":', '"y":'), r"t\.jsonl:4: fidelity: got .*, expected an object with fid"),
        (in_line(4, '"charge":', '"charge":-1.0,"y":'), r"t\.jsonl:4: charge: got -1.0, expected .* or more"),
        (in_line(4, '"fidelity":', '"feasible":true,"fidelity":0.5,"y":'), r"t\.jsonl:4: feasible: got True"),
        (in_header("version", 3), r"version: got 3, expected 2 or less: .* another version"),
        (in_header("version", True), r"version: got True, expected 2 or less: .* another version"),
        (in_header("format", "x"), "format: is not a campaign that `dse store export` wrote"),
        (in_header("state", "running"), "state: got 'running', expected one of finished"),
        (in_header("trials", -1), "trials: got -1, expected 0 or more"),
        (in_header("trials", 10**12), "trials: 1,000,000,000,000 trials of 20 columns are more"),
        (in_header("trials", True), "trials: got bool, expected a whole number"),
        (in_header("more", json.loads("[" * 300 + "]" * 300)), "the header is nested deeper than 200 levels"),
        (in_header("space", []), "space: got list, expected an object"),
        (in_header("space", {}), "space: has no 'name'"),
        (in_header("created", "yesterday"), "created: Invalid isoformat"),
        (in_header("name", "a\nb"), "name: expected 1 to 200 printable characters"),
        (in_header("runs", []), "runs: expected at least one run"),
        (in_header("runs", [{"number": 1}]), "runs: .*is not a run: expected number, agent"),
        (in_header("objectives", [{"metric": "x"}]), "objectives: .*unknown metric 'x'"),
        (in_header("schema", [{"name": "a;", "unit": "", "direction": "min"}]), "schema: .* cannot be a col"),
        (in_header("scale", {"reference": [1], "ideal": [1]}), "scale: expected a list of 2 numbers"),
        (in_header("baseline", {"design": {}, "metrics": [], "trial": 1}), "baseline: its design does"),
        (in_header("workloads", [{"name": "w"}]), "workloads: has no 'cached_as'"),
        (in_header("content", "0" * 32), "header: the header is not the one that was exported"),
        (in_header("provenance", {"seed": 8}), "header: the header is not the one that was exported"),
        (lambda data: data[:-100], r"t\.jsonl:81: is not JSON"),
        (lambda data: b"\n".join(data.split(b"\n")[:50]), "got 49 trials, expected 80: the file is cut off"),
        (lambda data: data + b"{}\n", r"t\.jsonl:82: has more than the 80 trials"),
    ],
)  # fmt: skip
def test_a_wrong_line_of_json_is_named_with_its_key(change, message, write, tmp_path):
    path = write("t.jsonl", change)

    with pytest.raises(ExchangeError, match=message):
        import_campaign(path, tmp_path / "store.sqlite")

    assert not (tmp_path / "store.sqlite").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.replace(b'"step":', b'"stop":', 1), r"t\.json: trials\[0\].step: got"),
        (lambda data: data.replace(b'"slow"', b'"slaw"'), "header: the header is not the one"),
        (lambda data: data[:-20], r"t\.json:\d+: is not JSON: .*column \d+"),
        (lambda _: b"[]", 'expected an object with "campaign" and "trials"'),
        (lambda _: b"[" * 200_000, "is not JSON that can be read"),
        (lambda _: b"1" * 10_000, "is not JSON that can be read"),
    ],
)  # fmt: skip
def test_a_wrong_place_in_a_document_is_named(change, message, write, tmp_path):
    path = write("t.json", change)

    with pytest.raises(ExchangeError, match=message):
        import_campaign(path, tmp_path / "store.sqlite")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-8] + b"PAR2PAR2", "is not Parquet that can be read"),
        (lambda _: b"novel" * 100, "is not Parquet that can be read"),
        (lambda _: b"", "is not Parquet that can be read"),
    ],
)
def test_a_file_that_is_not_parquet_is_refused(change, message, write, tmp_path):
    with pytest.raises(ExchangeError, match=message):
        import_campaign(write("t.parquet", change), tmp_path / "store.sqlite")


def test_parquet_of_another_program_is_refused(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "t.parquet")

    with pytest.raises(ExchangeError, match="its metadata has no campaign"):
        import_campaign(tmp_path / "t.parquet", tmp_path / "store.sqlite")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["step"]), "column 'step' is missing"),
        (lambda table: table.slice(0, 70), "has 70 trials, expected 80"),
        (lambda table: table.set_column(5, "step", table["step"].cast("double")), "step: got double"),
        (lambda table: table.slice(1).take([*range(79), 0]), "trial: got trial 2 in place 1"),
    ],
)  # fmt: skip
def test_a_changed_parquet_table_is_refused(change, message, write, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = write("t.parquet", lambda data: data)
    parquet.write_table(change(parquet.read_table(path)), path)

    with pytest.raises(ExchangeError, match=message):
        import_campaign(path, tmp_path / "store.sqlite")


def test_a_number_that_a_spreadsheet_rounded_is_noticed(write, tmp_path):
    def rounded(data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        cells = lines[6].split(b",")
        cells[15] = b"%.6g" % float(cells[15])
        lines[6] = b",".join(cells)
        return b"\r\n".join(lines)

    with pytest.raises(ExchangeError, match="a value was changed"):
        import_campaign(write("t.csv", rounded), tmp_path / "store.sqlite")


def test_csv_without_its_header_says_what_is_missing(write, tmp_path):
    path = write("t.csv", lambda data: data)
    (tmp_path / "t.csv.json").unlink()

    with pytest.raises(ExchangeError, match=r"there is no t\.csv\.json beside it"):
        import_campaign(path, tmp_path / "store.sqlite")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_does_not_exist_is_named(kind, tmp_path):
    with pytest.raises(ExchangeError, match=rf"t\.{kind}: cannot be read: No such file"):
        import_campaign(tmp_path / f"t.{kind}", tmp_path / "store.sqlite")


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_line_without_end_is_not_read(name, write, monkeypatch, tmp_path):
    monkeypatch.setattr(csv_file, "MAX_LINE_CHARACTERS", 5_000)
    monkeypatch.setattr(json_file, "MAX_LINE_CHARACTERS", 5_000)
    path = write(name, lambda data: data + b"7" * 6_000)

    with pytest.raises(ExchangeError, match="is longer than 5,000 characters"):
        import_campaign(path, tmp_path / "store.sqlite")


def test_a_document_that_is_too_large_names_the_way_out(write, monkeypatch, tmp_path):
    monkeypatch.setattr(json_file, "MAX_DOCUMENT_BYTES", 5_000)

    with pytest.raises(ExchangeError, match=r"more than the 5,000 .* export it as \.jsonl"):
        import_campaign(write("t.json", lambda data: data), tmp_path / "store.sqlite")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.json", "t.json", "t.jsonl", "t.parquet"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_an_error_of_input_or_no_damage(name, data, write, exported, archive):
    kind = name.split(".")[1]
    at = data.draw(st.integers(0, len(exported[name]) - 1))
    put = data.draw(st.binary(max_size=4))
    gone = data.draw(st.integers(0, 3))

    path = write(name, lambda content: content[:at] + put + content[at + gone :], f"t.{kind}")
    try:
        found = _read(path, kind)
    except InputError as error:
        assert error.path is not None  # noqa: PT017
    else:
        assert (found.content, header_to_dict(found)) == (archive.content, header_to_dict(archive))


def _read(path: Path, kind: str) -> CampaignArchive:
    return KINDS[kind][1](path, progress=no_progress)


def test_the_message_of_a_bad_cell_is_short():
    bad = errors.BadCell(3, "x", "y" * 10_000, "a number")

    assert len(bad.message) < 120
