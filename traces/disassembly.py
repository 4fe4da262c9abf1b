"""What one x86-64 instruction depends on: registers read and written, branch kind, class of operation.

capstone decodes; what it leaves out or overstates is mended here:
- a write of 8 or 16 bits merges with the old register, as does a conditional move, and the scalar SSE
  instructions that keep the upper half of their target (Intel 64 and IA-32 Software Developer's Manual,
  volume 1, section 3.4.1.1; volume 2, CMOVcc, SQRTSD, CVTSI2SD, BSF);
- `xor eax, eax` and its kin depend on nothing (Intel 64 and IA-32 Optimization Reference Manual, chapter
  General Optimization Guidelines, Clearing Registers and Dependency Breaking Idioms);
- x87 instructions name places on a stack, not registers: all of them form one chain.

Registers are numbered as in ChampSim where it gives a meaning: 6 stack pointer, 25 flags. The instruction
pointer, segments and control registers are left out: nothing waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from traces.errors import TraceError
from traces.instructions import N_DESTINATIONS, N_SOURCES, Branch, Operation

if TYPE_CHECKING:
    import capstone

STACK, FLAGS = 6, 25
X87, VECTORS, MASKS, MMX = 30, 32, 64, 72
LONGEST_BYTES = 15

NEEDS = "recording instructions needs {}, which is not installed: pip install 'marl-dse[record]'"


class Decoded(NamedTuple):
    """One instruction. dropped: registers for which there was no room."""

    branch: Branch = Branch.NONE
    operation: Operation = Operation.SIMPLE
    sources: tuple[int, ...] = ()
    destinations: tuple[int, ...] = ()
    dropped: int = 0


class Disassembler:
    """Decodes instructions one at a time. Raises TraceError when capstone is missing."""

    def __init__(self) -> None:
        try:
            import capstone
        except ModuleNotFoundError:
            raise TraceError(NEEDS.format("capstone")) from None
        self._capstone = capstone
        self._decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        self._decoder.detail = True
        self.version = f"capstone {'.'.join(str(part) for part in capstone.cs_version()[:2])}"

    def decode(self, code: bytes, ip: int = 0) -> Decoded | None:
        """The instruction that `code` begins with; None when these bytes are none."""
        found = next(self._decoder.disasm(code[:LONGEST_BYTES], ip, 1), None)
        return None if found is None else self._decoded(found)

    def _decoded(self, found: capstone.CsInsn) -> Decoded:
        name = str(found.insn_name())
        branch = self._branch(found, name)
        read, written = self._registers(found, name)
        sources, lost_sources = _chosen(read, N_SOURCES)
        destinations, lost_destinations = _chosen(written, N_DESTINATIONS)
        operation = Operation.SIMPLE if branch else operation_of(name)
        return Decoded(branch, operation, sources, destinations, lost_sources + lost_destinations)

    def _branch(self, found: capstone.CsInsn, name: str) -> Branch:
        groups = self._capstone
        is_direct = any(operand.type == groups.x86.X86_OP_IMM for operand in found.operands)
        if found.group(groups.CS_GRP_CALL):
            return Branch.CALL if is_direct else Branch.INDIRECT_CALL
        if found.group(groups.CS_GRP_RET):
            return Branch.RETURN
        if found.group(groups.CS_GRP_JUMP):
            if name in ("jmp", "ljmp"):
                return Branch.JUMP if is_direct else Branch.INDIRECT
            return Branch.CONDITIONAL
        if found.group(groups.CS_GRP_IRET):
            return Branch.OTHER
        return Branch.NONE

    def _registers(self, found: capstone.CsInsn, name: str) -> tuple[list[int], list[int]]:
        if name in _WITHOUT_REGISTERS:
            return [], []
        if found.group(self._capstone.x86.X86_GRP_FPU):
            return ([] if name in _X87_LOADS else [X87]), [X87]
        names = [[str(found.reg_name(register)) for register in part] for part in found.regs_access()]
        read, written = ([number for one in part if (number := register_number(one))] for part in names)
        more_read, more_written = _IMPLICIT.get(name, ((), ()))
        read += more_read
        written += more_written
        if self._breaks_dependence(found, name):
            return [], written
        merges = name in _MERGING or name.startswith("cmov")
        merged = [
            register_number(one)
            for one in names[1]
            if one in _PARTIAL or (merges and register_number(one) != FLAGS)
        ]
        return [*read, *merged], written

    def _breaks_dependence(self, found: capstone.CsInsn, name: str) -> bool:
        if name.removeprefix("v") not in _BREAKING:
            return False
        operands = found.operands
        if any(operand.type != self._capstone.x86.X86_OP_REG or operand.size < 4 for operand in operands):
            return False
        return len(operands) >= 2 and operands[-1].reg == operands[-2].reg


def register_number(name: str) -> int:
    """Number of the register that `name` is a part of; 0 for those on which nothing waits."""
    if name in _NUMBERS:
        return _NUMBERS[name]
    if name[:3] in ("xmm", "ymm", "zmm"):
        return VECTORS + int(name[3:])
    if name[0] == "r" and name[1:].rstrip("dwb").isdigit():
        return _FIRST_NUMBERED + int(name[1:].rstrip("dwb"))
    if name[0] == "k" and name[1:].isdigit():
        return MASKS + int(name[1:])
    if name[:2] == "mm" and name[2:].isdigit():
        return MMX + int(name[2:])
    return 0


_FIRST_NUMBERED = 1  # r8 is 9
_GENERAL = {"ax": 1, "cx": 2, "dx": 3, "bx": 4, "bp": 5, "sp": STACK, "si": 7, "di": 8}
_NUMBERS = {
    **{prefix + name: number for name, number in _GENERAL.items() for prefix in ("", "e", "r")},
    **{f"{name}l": number for name, number in _GENERAL.items() if name[1] in "pi"},
    **{f"{name[0]}{half}": _GENERAL[name] for name in ("ax", "cx", "dx", "bx") for half in "lh"},
    "flags": FLAGS, "eflags": FLAGS, "rflags": FLAGS,
}  # fmt: skip
_PARTIAL = {name for name in _NUMBERS if name in _GENERAL or (name[-1] in "lh" and len(name) <= 3)} | {
    f"r{number}{part}" for number in range(8, 16) for part in "wb"
}

_WITHOUT_REGISTERS = {"nop", "endbr64", "endbr32", "vzeroupper", "vzeroall", "lfence", "sfence", "mfence"}
_X87_LOADS = {"fld", "fild", "fldz", "fld1", "fldpi"}
# What capstone does not list: registers read, registers written.
_IMPLICIT: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "cmpxchg": ((), (1, FLAGS)),
    "xadd": ((), (FLAGS,)),
    "syscall": ((1, 8, 7, 3), (1, 2)),
}
_MERGING = {
    "cvtsi2sd", "cvtsi2ss", "cvtsd2ss", "cvtss2sd", "sqrtsd", "sqrtss", "rcpss", "rsqrtss", "roundsd",
    "roundss", "bsf", "bsr", "vpgatherdd", "vpgatherdq", "vpgatherqd", "vpgatherqq", "vgatherdpd",
    "vgatherdps", "vgatherqpd", "vgatherqps",
}  # fmt: skip
_BREAKING = {
    "xor", "sub", "pxor", "xorps", "xorpd", "psubb", "psubw", "psubd", "psubq", "pcmpeqb", "pcmpeqw",
    "pcmpeqd", "pcmpeqq", "pcmpgtb", "pcmpgtw", "pcmpgtd", "pcmpgtq",
}  # fmt: skip


def _chosen(registers: Iterable[int], most: int) -> tuple[tuple[int, ...], int]:
    """At most `most` of the registers, flags and stack pointer last, and how many found no room."""
    distinct = sorted(dict.fromkeys(registers), key=lambda number: (number == FLAGS, number == STACK))
    return tuple(distinct[:most]), max(0, len(distinct) - most)


# ------------------------------------------------------------------------------------------------ operations

_FLOAT_TYPES = ("ss", "sd", "ps", "pd")
_FLOAT_ADDS = (
    "add", "sub", "addsub", "hadd", "hsub", "min", "max", "cmp", "comi", "ucomi", "round",
)  # fmt: skip
_FLOAT_PRODUCTS = ("mul", "dp", "fmadd", "fmsub", "fnmadd", "fnmsub", "fmaddsub", "fmsubadd")
_FLOAT_QUOTIENTS = ("div", "sqrt", "rcp", "rsqrt")
_X87_CLASSES = {
    "fadd": Operation.FLOAT_ADD, "faddp": Operation.FLOAT_ADD, "fiadd": Operation.FLOAT_ADD,
    "fsub": Operation.FLOAT_ADD, "fsubp": Operation.FLOAT_ADD, "fsubr": Operation.FLOAT_ADD,
    "fsubrp": Operation.FLOAT_ADD, "fisub": Operation.FLOAT_ADD, "fcomi": Operation.FLOAT_ADD,
    "fcompi": Operation.FLOAT_ADD, "fucomi": Operation.FLOAT_ADD, "fucompi": Operation.FLOAT_ADD,
    "fmul": Operation.FLOAT_MULTIPLY, "fmulp": Operation.FLOAT_MULTIPLY, "fimul": Operation.FLOAT_MULTIPLY,
    "fdiv": Operation.FLOAT_DIVIDE, "fdivp": Operation.FLOAT_DIVIDE, "fdivr": Operation.FLOAT_DIVIDE,
    "fdivrp": Operation.FLOAT_DIVIDE, "fidiv": Operation.FLOAT_DIVIDE, "fsqrt": Operation.FLOAT_DIVIDE,
}  # fmt: skip
_INTEGER_CLASSES = {
    **dict.fromkeys(("mul", "imul", "mulx"), Operation.MULTIPLY),
    **dict.fromkeys(("div", "idiv"), Operation.DIVIDE),
}
# Float-typed instructions that only move bits about.
_VECTOR_STEMS = (
    "and", "andn", "or", "xor", "shuf", "unpckh", "unpckl", "blend", "blendv", "insert", "extract", "perm",
    "permil", "movmsk", "movhl", "movlh", "broadcast", "test",
)  # fmt: skip
_VECTOR_BEGINNINGS = ("insert", "extract", "perm", "broadcast")
_VECTOR_MOVES = ("movmsk", "movddup", "movshdup", "movsldup", "aes")
# Names that begin with p and are no vector instructions.
_SCALAR_WITH_P = {"pause", "pdep", "pext", "popcnt"}
_SCALAR_BEGINNINGS = ("pop", "push", "prefetch")


def operation_of(name: str) -> Operation:
    """Class of the instruction called `name` by its mnemonic; moves, loads and stores are SIMPLE."""
    if name in _INTEGER_CLASSES:
        return _INTEGER_CLASSES[name]
    if name in _X87_CLASSES:
        return _X87_CLASSES[name]
    bare = name.removeprefix("v")
    if bare.startswith("cvt"):
        return Operation.FLOAT_ADD
    if _is_integer_vector(name, bare):
        return Operation.VECTOR
    if bare[-2:] in _FLOAT_TYPES:
        return _float_class(bare[:-2].rstrip("0123456789"))
    return Operation.VECTOR if bare.startswith(_VECTOR_MOVES) else Operation.SIMPLE


def _float_class(stem: str) -> Operation:
    for stems, found in (
        (_FLOAT_ADDS, Operation.FLOAT_ADD),
        (_FLOAT_PRODUCTS, Operation.FLOAT_MULTIPLY),
        (_FLOAT_QUOTIENTS, Operation.FLOAT_DIVIDE),
        (_VECTOR_STEMS, Operation.VECTOR),
    ):
        if stem in stems or (found is Operation.FLOAT_ADD and stem.startswith("cmp")):
            return found
    return Operation.SIMPLE


def _is_integer_vector(name: str, bare: str) -> bool:
    """Names with p before the operation (paddd, vpshufb), and those that insert, extract and permute."""
    if name.startswith("v") and bare.startswith(_VECTOR_BEGINNINGS):
        return True
    return bare.startswith("p") and name not in _SCALAR_WITH_P and not bare.startswith(_SCALAR_BEGINNINGS)
