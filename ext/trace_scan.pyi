from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

class Grammar(IntEnum):
    STL = 0
    RSTL = 1
    LOAD_STORE = 2
    READ_WRITE = 3
    DRAMSIM3 = 4

class Fault(IntEnum):
    NONE = 0
    NOT_A_CYCLE = 1
    TOO_LARGE = 2
    NO_COLON = 3
    BAD_LENGTH = 4
    NOT_AN_OPERATION = 5
    NOT_AN_ADDRESS = 6
    TRAILING_TEXT = 7
    GOES_BACK = 8
    NO_ORGANISATION = 9
    OUTSIDE_ORGANISATION = 10

def scan(
    text: bytes | bytearray | memoryview,
    grammar: int,
    final: bool,
    *,
    previous: int = 0,
    line_bytes: int = 64,
    levels: NDArray[np.int64] | None = None,
) -> tuple[
    tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint8], NDArray[np.int32]], int, int, int, int
]: ...
def scan_lackey(
    text: bytes | bytearray | memoryview, executed: int
) -> tuple[
    tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64]],
    int,
    int,
    int,
    int,
    int,
]: ...
