"""Recording instructions: canned output of lackey over code of our own, then real programs under valgrind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from traces import TraceError
from traces.disassembly import Disassembler
from traces.instructions import Branch, InstructionTrace, Operation
from traces.record_code import Code, Program
from traces.record_instructions import Span, _columns, _Kept, record_instructions, scan_events, warnings

NO_PROCESS = 2**30

# 1000: mov eax, [rdi] | 1002: add [rsi], eax | 1004: dec ecx | 1006: jne 1000 | 1008: call 100e | 100d: nop
# 100e: imul eax, ebx | 1011: ret
CODE = bytes.fromhex("8b07 0106 ffc9 75f8 e801000000 90 0fafc3 c3")
ROUND = "I  1000,2\n L 8000,4\nI  1002,2\n M 9000,4\nI  1004,2\nI  1006,2\n"
TEXT = (
    "==7== Lackey, an example: I  am no instruction, nor L\n"
    + ROUND * 3
    + "I  1008,5\n S 7ff8,8\nI  100e,3\nI  1011,1\n L 7ff8,8\nI  100d,1\n"
    + "==7== \n"
).encode()


class Canned:
    """A program that lies where it lies: no file, no process."""

    def __init__(self, code=CODE, **symbols):
        self.code, self.symbols = code, symbols

    def fixed_code(self):
        code = Code()
        code.add(0x1000, self.code)
        return code

    def address_of(self, symbol):
        return self.symbols[symbol]

    def moved_by(self, process_id):
        return 0


def recorded(text=TEXT, *, block=None, code=CODE, span=None, **symbols):
    """The trace of lackey's text, handed over in blocks of `block` bytes."""
    kept = _Kept(Canned(code, **symbols), span or Span())
    for start in range(0, len(text), block or len(text)):
        kept.add(text[start : start + (block or len(text))], NO_PROCESS)
        if kept.is_full:
            break
    columns, notes = _columns(kept, Disassembler())
    return InstructionTrace(**columns, provenance={"ends": kept.ended, **notes})


def test_instructions_come_in_program_order_with_their_accesses():
    trace = recorded()

    assert [hex(ip) for ip in trace.ip[:4]] == ["0x1000", "0x1002", "0x1004", "0x1006"]
    assert len(trace) == 16
    assert trace.n_loads.tolist() == [1, 1, 0, 0] * 3 + [0, 0, 1, 0]
    assert trace.n_stores.tolist() == [0, 1, 0, 0] * 3 + [1, 0, 0, 0]
    assert trace.address.tolist() == [0x8000, 0x9000, 0x9000] * 3 + [0x7FF8, 0x7FF8]


def test_branches_are_taken_when_the_next_instruction_lies_elsewhere():
    trace = recorded()

    assert trace.branch[trace.branch > 0].tolist() == [Branch.CONDITIONAL] * 3 + [Branch.CALL, Branch.RETURN]
    assert trace.taken[trace.branch > 0].tolist() == [True, True, False, True, True]


def test_registers_and_operations_are_those_of_the_code():
    trace = recorded()

    assert trace.sources[0].tolist() == [8, 0, 0, 0]  # rdi
    assert trace.destinations[0].tolist() == [1, 0]  # rax
    assert trace.operation[13] == Operation.MULTIPLY


@pytest.mark.parametrize("block", [1, 7, 64, 100])
def test_where_the_text_is_cut_into_blocks_makes_no_difference(block):
    assert recorded(block=block).hash == recorded().hash


def test_loads_and_stores_beyond_the_room_are_left_out_and_counted():
    text = b"I  1000,2\n" + b" L 8000,4\n" * 6 + b" S 9000,4\n" * 3 + b"I  1002,2\n S a000,4\n"

    trace = recorded(text)

    assert trace.n_loads.tolist() == [4, 0]
    assert trace.n_stores.tolist() == [2, 1]
    assert trace.address.tolist() == [0x8000] * 4 + [0x9000] * 2 + [0xA000]
    assert (trace.provenance["loads without room"], trace.provenance["stores without room"]) == ("2", "1")


def test_an_operand_that_valgrind_reads_in_pieces_is_one_access():
    pieces = "".join(f" L {0x8000 + 8 * k:x},8\n" for k in range(4))
    text = f"I  1000,2\n{pieces} L 8030,8\n S 9000,8\n S 9008,8\nI  1002,2\n L 8038,8\n"

    trace = recorded(text.encode())

    assert trace.n_loads.tolist() == [2, 1]
    assert trace.address.tolist() == [0x8000, 0x8030, 0x9000, 0x8038]
    assert "loads without room" not in trace.provenance


def test_an_operand_is_not_larger_than_the_largest_register():
    text = "I  1000,2\n" + "".join(f" L {0x8000 + 16 * k:x},16\n" for k in range(12))

    assert recorded(text.encode()).address.tolist() == [0x8000, 0x8040, 0x8080]


@pytest.mark.parametrize("block", [1, 50, None])
@pytest.mark.parametrize(
    ("span", "expected", "ends"),
    [
        (Span(max_instructions=5), slice(0, 5), "5 instructions"),
        (Span(max_instructions=16), slice(0, 16), "end of the program"),
        (Span(skip=4, max_instructions=3), slice(4, 7), "3 instructions"),
        (Span(first="callee"), slice(13, 16), "end of the program"),
        (Span(last="callee"), slice(0, 13), "callee"),
        (Span(first="loop", last="callee", skip=2), slice(2, 13), "callee"),
        (Span(first="callee", last="after"), slice(13, 15), "after"),
        (Span(first="loop", last="loop"), slice(0, 4), "loop"),
    ],
)
def test_a_span_is_a_part_of_the_whole(span, expected, ends, block):
    whole = recorded()

    part = recorded(block=block, span=span, loop=0x1000, callee=0x100E, after=0x100D)

    assert part.ip.tolist() == whole.ip[expected].tolist()
    assert part.taken.tolist() == whole.taken[expected].tolist()
    first = [*whole.first_access.tolist(), len(whole.address)]
    assert part.address.tolist() == whole.address[first[expected.start] : first[expected.stop]].tolist()
    assert part.provenance["ends"] == ends


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (Span(first="never"), "'never' was never called in 16 instructions: was it inlined"),
        (Span(skip=100), "nothing is left of 16 instructions after skipping 100: skip fewer"),
        (Span(first="loop", last="callee", skip=13), "nothing is left of 16 instructions"),
    ],
)
def test_a_span_without_instructions_is_explained(span, reason):
    with pytest.raises(TraceError, match=reason):
        recorded(span=span, never=0x5000, loop=0x1000, callee=0x100E)


def test_a_program_without_instructions_is_explained():
    with pytest.raises(TraceError, match="executed no instruction"):
        recorded(b"==7== nothing\n")


@pytest.mark.parametrize(
    "line", [b"I  what", b" L 8000", b" S 8000,", b" M 8000,4x", b"I  " + b"1" * 17 + b",2"]
)
def test_output_that_is_not_lackeys_is_reported_with_its_line(line):
    text = b"==7== Lackey\n" + ROUND.encode() + line + b"\n"

    with pytest.raises(TraceError, match=r"line 8: valgrind printed") as caught:
        recorded(text, block=40)

    assert line.decode() in str(caught.value)


def test_events_keep_every_digit_of_an_address():
    events, lines, consumed = scan_events(b"I  04016ac0,3\n L 1ffeFFffe8,16\nI  ffffffffff600000,2\nI  40")

    assert events.address.tolist() == [0x4016AC0, 0x1FFEFFFFE8, 0xFFFFFFFFFF600000]
    assert events.size.tolist() == [3, 16, 2]
    assert (lines, consumed) == (3, 53)


def test_code_that_is_in_no_file_is_counted_and_said():
    trace = recorded(TEXT + b"I  5000,4\nI  5004,4\n")

    assert trace.provenance["instructions without code"] == "2"
    assert "2 instructions lie in code that is in no file" in warnings(trace)[0]


def test_a_signal_between_two_instructions_is_counted_and_said():
    trace = recorded(b"I  1004,2\nI  100e,3\nI  1011,1\nI  1000,2\n L 8000,4\n")

    assert trace.provenance["leaps of signals and threads"] == "1"
    assert "1 times a signal or another thread came between" in warnings(trace)[0]


def test_a_repeated_instruction_is_no_leap():
    movs = bytes.fromhex("f3a4")  # rep movsb
    text = b"I  1000,2\n L 8000,1\n S 9000,1\n" * 3

    trace = recorded(text, code=movs)

    assert len(trace) == 3
    assert warnings(trace) == []


def test_what_was_recorded_without_loss_has_nothing_to_say():
    assert warnings(recorded()) == []


@pytest.mark.parametrize("span", [Span(max_instructions=0), Span(skip=-1), Span(max_instructions=2**31)])
def test_impossible_spans_are_refused_before_anything_runs(span):
    with pytest.raises(TraceError, match="expected 1 to"):
        record_instructions(["true"], span=span)


def test_a_missing_pyelftools_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "elftools.elf.elffile", None)

    with pytest.raises(TraceError, match=r"needs pyelftools.*pip install 'marl-dse\[record\]'"):
        Program.of("true")


def test_a_program_for_another_processor_is_refused(tmp_path):
    header = bytearray(Path(sys.executable).read_bytes()[:64])
    header[18] = 183  # e_machine: AArch64
    (tmp_path / "arm").write_bytes(header)

    with pytest.raises(TraceError, match="built for EM_AARCH64: expected x86-64"):
        Program(tmp_path / "arm")


@pytest.mark.parametrize("length", [4, 20, 60])
def test_a_damaged_program_is_refused(tmp_path, length):
    (tmp_path / "cut").write_bytes(Path(sys.executable).read_bytes()[:length])

    with pytest.raises(TraceError, match="a damaged ELF file"):
        Program(tmp_path / "cut")


def test_a_program_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(TraceError, match="cannot read the program: Is a directory"):
        Program(tmp_path)


# ---------------------------------------------------------------------------------------------- real programs

needs_tools = pytest.mark.requires_program("gcc", "valgrind")

BARE = """
.globl _start, work, done
.text
_start: mov $5, %ecx
        lea cell(%rip), %rdi
        call work
        call done
        xor %edi, %edi
        mov $60, %eax
        syscall
work:   mov %ecx, (%rdi)
        imul %ecx, %eax
        dec %ecx
        jne work
        ret
done:   ret
.bss
cell:   .skip 8
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Compile a source with the given options."""
    folder = tmp_path_factory.mktemp("programs")

    def compiled(name, source, *options):
        path = folder / name
        path.with_suffix(".s" if source is BARE else ".c").write_text(source)
        source_path = path.with_suffix(".s" if source is BARE else ".c")
        subprocess.run(["gcc", *options, "-o", str(path), str(source_path)], check=True)
        return str(path)

    return compiled


@pytest.fixture(scope="module")
def bare(build):
    return build("bare", BARE, "-nostdlib", "-static", "-no-pie")


@needs_tools
def test_a_bare_program_is_recorded_instruction_for_instruction(bare):
    trace = record_instructions([bare])

    assert len(trace) == 2 + 1 + 5 * 4 + 1 + 2 + 3
    conditional = trace.branch == Branch.CONDITIONAL
    assert trace.taken[conditional].tolist() == [True] * 4 + [False]
    assert np.bincount(trace.branch, minlength=8).tolist() == [20, 0, 0, 5, 2, 0, 2, 0]
    assert (trace.operation == Operation.MULTIPLY).sum() == 5
    assert trace.n_stores.sum() == 5 + 2
    assert trace.provenance["ends"] == "end of the program"
    assert trace.provenance["recorded"] == "bare"
    assert warnings(trace) == []


@needs_tools
def test_a_position_independent_program_is_recorded_alike(bare, build):
    fixed = record_instructions([bare], span=Span(first="work", last="done"))
    moved = build("moved", BARE, "-nostdlib", "-static-pie")

    trace = record_instructions([moved], span=Span(first="work", last="done"))

    assert len(trace) == len(fixed) == 22
    for column in ("branch", "taken", "operation", "sources", "destinations", "n_loads", "n_stores"):
        assert getattr(trace, column).tolist() == getattr(fixed, column).tolist()
    assert np.diff(trace.ip.astype(np.int64)).tolist() == np.diff(fixed.ip.astype(np.int64)).tolist()


@needs_tools
def test_shared_libraries_have_registers_too(build):
    source = "#include <string.h>\nint main(int c, char **v) { return (int)strlen(v[0]) < c; }\n"
    program = build("shared", source, "-O1")

    trace = record_instructions([program], span=Span(first="main"))

    assert trace.provenance.get("instructions without code") is None
    assert len(np.unique(trace.ip >> np.uint64(20))) > 1  # the program, the C library, the loader


@needs_tools
def test_threads_are_noticed(build):
    source = """
    #include <pthread.h>
    static void *count(void *to) { for (int i = 0; i < 30000; i++) ++*(volatile int *)to; return to; }
    int main(void) {
        pthread_t other;
        int here = 0, there = 0;
        pthread_create(&other, 0, count, &there);
        count(&here);
        return pthread_join(other, 0) + (here != there);
    }
    """

    trace = record_instructions([build("threads", source, "-pthread")])

    assert "the program ran 2 threads" in warnings(trace)[0]


@needs_tools
def test_an_interrupt_keeps_what_is_there(build):
    source = "int main(void) { for (volatile long i = 0; i < 100000000; i++); }"

    def interrupt(kept, executed):
        if kept > 1000:
            raise KeyboardInterrupt

    trace = record_instructions([build("endless", source)], progress=interrupt)

    assert len(trace) > 1000
    assert trace.provenance["ends"] == "interrupt"


@needs_tools
def test_an_interrupt_before_anything_is_kept_stays_one(bare):
    def interrupt(kept, executed):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_instructions([bare], span=Span(first="_start", skip=10**6), progress=interrupt)


@needs_tools
@pytest.mark.parametrize(
    ("symbol", "options", "reason"),
    [("wrok", (), "no function 'wrok'; did you mean 'work'"), ("work", ("-s",), "it has no symbols")],
)
def test_a_function_that_is_not_there_is_reported_before_anything_runs(build, symbol, options, reason):
    program = build("".join(("symbols", *options)), BARE, "-nostdlib", "-static", *options)

    with pytest.raises(TraceError, match=reason):
        record_instructions([program], span=Span(first=symbol))


@needs_tools
def test_a_program_that_fails_is_reported():
    with pytest.raises(TraceError, match=r"'ls' ended with exit code \d under valgrind.*No such file"):
        record_instructions(["ls", "/no/such/folder"])


@needs_tools
def test_a_script_is_recorded_as_what_reads_it(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)

    trace = record_instructions([str(script)], span=Span(max_instructions=1000))

    assert len(trace) == 1000
    with pytest.raises(TraceError, match="a script, which has no symbol 'main'"):
        record_instructions([str(script)], span=Span(first="main"))
