"""What instructions depend on, from their bytes."""

from __future__ import annotations

import sys

import pytest

from traces import TraceError
from traces.disassembly import (
    FLAGS,
    MASKS,
    STACK,
    VECTORS,
    X87,
    Disassembler,
    operation_of,
    register_number,
)
from traces.instructions import Branch, Operation

AX, CX, DX, BX, BP, SI, DI, R8 = 1, 2, 3, 4, 5, 7, 8, 9
V0, V1, V2 = VECTORS, VECTORS + 1, VECTORS + 2


@pytest.fixture(scope="module")
def disassembler():
    return Disassembler()


@pytest.mark.parametrize(
    ("text", "octets", "sources", "destinations"),
    [
        ("add eax, ebx", "01d8", {AX, BX}, {AX, FLAGS}),
        ("cmp rbx, rax", "4839c3", {AX, BX}, {FLAGS}),
        ("adc [rax+rbx*8], rcx", "48110cd8", {AX, BX, CX, FLAGS}, {FLAGS}),
        ("mov [rax], rbx", "488918", {AX, BX}, set()),
        ("lea rax, [rbx+rcx*8]", "488d04cb", {BX, CX}, {AX}),
        ("mov r8, [rdi]", "4c8b07", {DI}, {R8}),
        ("movzx eax, byte [rdi]", "0fb607", {DI}, {AX}),
        ("push rbx", "53", {BX, STACK}, {STACK}),
        ("pop rbx", "5b", {STACK}, {BX, STACK}),
        ("mov rax, fs:[0x28]", "64488b042528000000", set(), {AX}),
        ("mov rax, [rip+0]", "488b0500000000", set(), {AX}),
        ("nop [rax]", "0f1f00", set(), set()),
        ("vzeroupper", "c5f877", set(), set()),
        ("addsd xmm0, xmm1", "f20f58c1", {V0, V1}, {V0}),
        ("vmovapd ymm0, [rax]", "c5fd2800", {AX}, {V0}),
        ("vfmadd231pd ymm0, ymm1, [rax+rbx*8]", "c4e2f5b804d8", {V0, V1, AX, BX}, {V0}),
        ("kmovw k1, eax", "c5f892c8", {AX}, {MASKS + 1}),
        ("lock cmpxchg [rdi], ecx", "f00fb10f", {AX, CX, DI}, {AX, FLAGS}),
    ],
)
def test_registers_read_and_written(disassembler, text, octets, sources, destinations):
    found = disassembler.decode(bytes.fromhex(octets))

    assert (set(found.sources), set(found.destinations)) == (sources, destinations), text
    assert found.dropped == 0


@pytest.mark.parametrize(
    ("text", "octets", "kept"),
    [
        ("mov al, [rdi]", "8a07", AX),
        ("mov ah, bl", "88dc", AX),
        ("mov r9w, ax", "664189c1", 10),
        ("sete al", "0f94c0", AX),
        ("cmovne eax, ebx", "0f45c3", AX),
        ("cvtsi2sd xmm0, eax", "f20f2ac0", V0),
        ("sqrtsd xmm0, xmm1", "f20f51c1", V0),
        ("movsd xmm0, xmm1", "f20f10c1", V0),
        ("bsf eax, ecx", "0fbcc1", AX),
    ],
)
def test_a_part_that_is_kept_is_a_source(disassembler, text, octets, kept):
    assert kept in disassembler.decode(bytes.fromhex(octets)).sources, text


@pytest.mark.parametrize(
    ("text", "octets", "written"),
    [
        ("mov eax, [rdi]", "8b07", AX),
        ("movsd xmm0, [rax]", "f20f1000", V0),
        ("vsqrtsd xmm0, xmm1, xmm2", "c5f351c2", V0),
        ("tzcnt eax, ecx", "f30fbcc1", AX),
    ],
)
def test_a_register_that_is_written_whole_is_no_source(disassembler, text, octets, written):
    found = disassembler.decode(bytes.fromhex(octets))

    assert written in found.destinations, text
    assert written not in found.sources, text


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("xor eax, eax", "31c0"),
        ("sub eax, eax", "29c0"),
        ("pxor xmm1, xmm1", "660fefc9"),
        ("vpxor xmm1, xmm2, xmm2", "c5e9efca"),
        ("pcmpeqd xmm0, xmm0", "660f76c0"),
    ],
)
def test_what_gives_the_same_whatever_was_there_depends_on_nothing(disassembler, text, octets):
    assert disassembler.decode(bytes.fromhex(octets)).sources == (), text


@pytest.mark.parametrize(
    ("text", "octets"), [("xor al, al", "30c0"), ("sbb eax, eax", "19c0"), ("xor eax, ebx", "31d8")]
)
def test_its_near_kin_do_depend(disassembler, text, octets):
    assert AX in disassembler.decode(bytes.fromhex(octets)).sources, text


@pytest.mark.parametrize(
    ("text", "octets", "kind", "sources"),
    [
        ("jmp 0x10", "eb0e", Branch.JUMP, set()),
        ("jmp rax", "ffe0", Branch.INDIRECT, {AX}),
        ("notrack jmp rax", "3effe0", Branch.INDIRECT, {AX}),
        ("jmp [rip+1]", "ff2501000000", Branch.INDIRECT, set()),
        ("jne 0x2", "7500", Branch.CONDITIONAL, {FLAGS}),
        ("jrcxz 0x2", "e300", Branch.CONDITIONAL, {CX}),
        ("call 0x5", "e800000000", Branch.CALL, {STACK}),
        ("call [rax]", "ff10", Branch.INDIRECT_CALL, {AX, STACK}),
        ("ret", "c3", Branch.RETURN, {STACK}),
        ("bnd ret", "f2c3", Branch.RETURN, {STACK}),
        ("add eax, ebx", "01d8", Branch.NONE, {AX, BX}),
        ("syscall", "0f05", Branch.NONE, {AX, DI, SI, DX}),
    ],
)
def test_kind_of_branch(disassembler, text, octets, kind, sources):
    found = disassembler.decode(bytes.fromhex(octets))

    assert (found.branch, set(found.sources)) == (kind, sources), text


def test_instructions_of_the_x87_form_one_chain(disassembler):
    load, add = (disassembler.decode(bytes.fromhex(octets)) for octets in ("dd00", "dec1"))

    assert (load.sources, load.destinations) == ((), (X87,))
    assert (add.sources, add.destinations) == ((X87,), (X87,))
    assert add.operation is Operation.FLOAT_ADD


def test_flags_go_first_when_there_is_no_room_and_the_loss_is_counted(disassembler):
    divide, identify = (disassembler.decode(bytes.fromhex(octets)) for octets in ("48f7f1", "0fa2"))

    assert (set(divide.destinations), divide.dropped) == ({AX, DX}, 1)
    assert identify.dropped == 2  # cpuid writes four registers


@pytest.mark.parametrize("octets", ["", "06", "0f"])
def test_bytes_that_are_no_instruction_give_none(disassembler, octets):
    assert disassembler.decode(bytes.fromhex(octets)) is None


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            Operation.SIMPLE,
            "add mov movsd movups vmovdqa cmovs lea push popcnt prefetcht0 shl fld pause adcx",
        ),
        (Operation.MULTIPLY, "imul mul mulx"),
        (Operation.DIVIDE, "div idiv"),
        (Operation.FLOAT_ADD, "addsd vsubps maxss ucomisd cvttsd2si vcmppd haddpd roundsd fadd vcvtsi2sd"),
        (Operation.FLOAT_MULTIPLY, "mulsd vmulpd vfmadd231pd vfnmsub132ss dpps fmulp"),
        (Operation.FLOAT_DIVIDE, "divsd vsqrtpd rcpps fdivp rsqrtss"),
        (
            Operation.VECTOR,
            "paddd pmaxsd pabsd vpshufb pxor xorps unpcklpd vinsertf128 vpermpd movmskpd aesenc",
        ),
    ],
)
def test_class_of_operation(kind, names):
    assert {name: operation_of(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


def test_parts_of_a_register_have_its_number():
    assert {register_number(name) for name in ("rsi", "esi", "si", "sil")} == {SI}
    assert {register_number(name) for name in ("rbx", "ebx", "bx", "bl", "bh")} == {BX}
    assert {register_number(name) for name in ("r13", "r13d", "r13w", "r13b")} == {14}
    assert {register_number(name) for name in ("xmm5", "ymm5", "zmm5")} == {VECTORS + 5}


def test_every_register_that_matters_has_a_number_of_its_own():
    general = [f"r{name}" for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")]
    names = [*general, *(f"r{k}" for k in range(8, 16)), *(f"zmm{k}" for k in range(32)), "rflags"]
    names += [*(f"k{k}" for k in range(8)), *(f"mm{k}" for k in range(8))]

    numbers = {register_number(name) for name in names} | {X87}

    assert len(numbers) == len(names) + 1
    assert numbers.isdisjoint({0, 26})  # 26 is ChampSim's instruction pointer


def test_a_missing_capstone_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "capstone", None)

    with pytest.raises(TraceError, match=r"needs capstone.*pip install 'marl-dse\[record\]'"):
        Disassembler()
