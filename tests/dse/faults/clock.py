"""A wall clock that a test can move, for processes that it starts: `time`, `gettimeofday`, `clock_gettime`.

A small library is loaded before the C library (LD_PRELOAD) and adds what a file says to the time of day. The
monotonic clock goes on as it does when somebody sets a machine's clock.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DSE_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) shift = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    int moved = shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE);
    if (!failed && moved) now->tv_sec += *shift;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    int failed = clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *into) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (into) *into = found.tv_sec;
    return found.tv_sec;
}
"""


class JumpingClock:
    """Built in `folder`, which everybody may read, with the C compiler at `compiler`."""

    def __init__(self, folder: Path, compiler: str) -> None:
        source, library, self._shift = folder / "clock.c", folder / "clock.so", folder / "shift"
        source.write_text(_SOURCE)
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self._shift.write_bytes(struct.pack("=q", 0))
        self.environment = {"LD_PRELOAD": str(library), "DSE_TEST_CLOCK": str(self._shift)}

    def show(self, seconds: int) -> None:
        """From now on the clock differs from the true time by so much."""
        with self._shift.open("r+b") as file:
            file.write(struct.pack("=q", seconds))
