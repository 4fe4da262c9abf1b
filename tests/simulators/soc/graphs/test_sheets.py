"""FARSI's sheets: what the columns mean, and what is refused, with file, row and column."""

from __future__ import annotations

import pytest

from dse.errors import InputError
from simulators.soc.graphs.graph import Accelerator, Budget, Edge, Task
from simulators.soc.graphs.hardware import PUBLISHED_SCALING
from simulators.soc.graphs.sheets import read_sheets

BLOCKS = (
    "Name,dhrystone_IPC,Freq,Ref,Type,Subtype,Inst_per_joul,Gpp_area,BitWidth,Byte_per_joul,Byte_per_m,"
    "hop_latency,pipe_line_depth\n"
    "A53,2,1000000000,yes,pe,gpp,50000000000,6.5E-07,NA,NA,NA,1,8\n"
    "IP,NA,100000000,yes,pe,ip,,NA,NA,NA,NA,1,4\n"
    "LMEM_0,NA,100000000,yes,mem,sram,,NA,4,200,1,1,4\n"
    "LMEM_1,NA,100000000,no,mem,sram,,NA,8,200,1,1,4\n"
)
SHEETS = {
    "w_database - Task Data Movement.csv": "Task Name,in,work,out\nin,,100,\nwork,,7,50\nout,,,\n",
    "w_database - Task Itr Count.csv": "Task Name,number of iterations\nsource,1\nwork,16\n",
    "w_database - Task PE Performance.csv": "Task Name,A53,IP0\nin,0,\nwork,1000,40\nout,0,\n",
    "w_database - Task PE Energy.csv": "Task Name,A53,IP0,IP1\nin,0,,\nwork,,2000,4000\nout,0,,\n",
    "w_database - Task PE Area.csv": "Task Name,A53,IP0\nin,0,\nwork,,300000\nout,0,\n",
    "misc_database - Block Characteristics.csv": BLOCKS,
    "misc_database - Budget.csv": "Workload,latency,power,area,cost\nw, .034,0.008737,,\n",
}


@pytest.fixture
def sheets(tmp_path):
    """A folder of sheets; `sheets(file, old, new)` changes one of them and gives the name to read."""
    for name, text in SHEETS.items():
        (tmp_path / name).write_text(text)

    def change(file="", old="", new=""):
        if file:
            path = next(tmp_path / name for name in SHEETS if file in name)
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))
        return f"{tmp_path}#w"

    return change


def test_sheets_become_a_graph(sheets):
    graph = read_sheets(sheets())

    work = Task("work", 2000.0, 16, Accelerator(cycles=40.0, energy_pj=2.0, area_mm2=0.3))
    assert graph.tasks == (Task("in", 0.0), work, Task("out", 0.0))
    assert graph.edges == (Edge("in", "work", 100.0), Edge("work", "out", 50.0))
    assert graph.budget == Budget(latency_ms=34.0, power_mw=8.737)


def test_sheets_become_a_library(sheets):
    library = read_sheets(sheets()).library

    assert [core.name for core in library.cores] == ["A53"]
    assert library.cores[0].instructions_per_s == 2e9
    assert library.cores[0].pj_per_instruction == 20.0
    assert library.cores[0].area_mm2 == pytest.approx(0.65)
    assert library.widths == (4, 8)
    assert library.memory_mhz == (100, 400, 600)
    assert library.scaling == PUBLISHED_SCALING


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("Movement", "100", "-100", "row 'in', column 'work': -100 is out of range: expected a number, 0 or"),
        ("Movement", "100", "many", "row 'in', column 'work': 'many' is no number"),
        ("Movement", "in,work,out", "in,work,off", "unknown column 'off'"),
        ("Movement", "work,,7,50", "work,9,7,50", "in a circle: in -> work -> in"),
        ("Movement", "Task Name", "Name", "the first column is called ['Name']: expected 'Task Name'"),
        ("Movement", "out,,,", "in,,,", "row 'in' is there twice"),
        ("Movement", "in,,100,", "in,,100,,5", "5 columns: expected 4"),
        ("Performance", "A53,IP0", "A53,IPX", "unknown column 'IPX'"),
        ("Performance", "A53,IP0", "A53,A53", "column 'A53' is there twice"),
        ("Performance", "A53,IP0", "A53,IP1", "one accelerator a task is supported"),
        ("Performance", "out,0,\n", "", "there is no row 'out': every task needs one"),
        ("Performance", "out,0,", "wurk,0,", "is no task of this workload. Did you mean 'work'"),
        ("Performance", "out,0,", "out,,", "row 'out', column 'A53': the cell is empty"),
        ("Energy", "2000", "", "row 'work', column 'IP0': the cell is empty"),
        ("Area", "300000", "nan", "is out of range"),
        ("Itr", "work,16", "wrok,16", "is no task of this workload. Did you mean 'work'"),
        ("Itr", "work,16", "work,1.5", "1.5 is out of range: expected a whole number"),
        ("Itr", "number of iterations", "count", "unknown column 'count'"),
        ("Block", "hop_latency", "hops", "unknown column 'hops'"),
        ("Block", "pe,gpp", "pe,cpu", "expected a core"),
        ("Block", "50000000000", "0", "row 'A53', column 'Inst_per_joul': 0 is out of range"),
        ("Block", "mem,sram", "memory,sram", "expected rows of type 'mem'"),
        ("Budget", "latency", "delay", "unknown column 'delay'"),
    ],
)
def test_a_wrong_sheet_is_refused_with_the_place(sheets, file, old, new, words):
    spec = sheets(file, old, new)

    with pytest.raises(InputError) as caught:
        read_sheets(spec)

    assert words in str(caught.value)
    assert file in str(caught.value) or "circle" in words


def test_the_line_of_a_wrong_number_is_named(sheets):
    with pytest.raises(InputError) as caught:
        read_sheets(sheets("Movement", "7,50", "7,x"))

    assert caught.value.line == 3


def test_a_workload_without_a_budget_has_no_limits(sheets):
    graph = read_sheets(sheets("Budget", "w,", "other,"))

    assert graph.budget == Budget()


def test_a_missing_sheet_is_refused(sheets, tmp_path):
    (tmp_path / "w_database - Task PE Area.csv").unlink()

    with pytest.raises(InputError, match="No such file or directory\\): expected a sheet of FARSI") as caught:
        read_sheets(sheets())

    assert str(caught.value.path).endswith("Task PE Area.csv")


@pytest.mark.parametrize("spec", ["folder", "#w", "folder#"])
def test_a_name_that_is_none_says_what_one_looks_like(spec):
    with pytest.raises(InputError, match="expected FOLDER#WORKLOAD"):
        read_sheets(spec)


def test_a_sheet_that_is_no_text_is_refused(sheets, tmp_path):
    (tmp_path / "w_database - Task PE Area.csv").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InputError, match="is no text in UTF-8"):
        read_sheets(sheets())
