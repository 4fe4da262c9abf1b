"""A disk that a test can fill, for processes that it starts.

A small library is loaded before the C library (LD_PRELOAD). While a file says so, a write that would make one
of the database's files longer fails with "No space left on device", which is what a full disk does; writes
within a file succeed, as they do there. PostgreSQL's log of its own (pg_wal) is left alone: without room for
it the server ends itself, which is the case of a server that stops.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int no_room(int file, off_t end) {
    const char *switch_path = getenv("DSE_TEST_DISK");
    int saved = errno;
    struct stat found;
    int full = switch_path && access(switch_path, F_OK) == 0;
    int longer = full && fstat(file, &found) == 0 && S_ISREG(found.st_mode) && end > found.st_size;
    errno = saved;
    if (!longer) return 0;
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    errno = saved;
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, "/base/") && !strstr(path, "store.sqlite")) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    return no_room(file, at + (off_t)size) ? -1 : syscall(SYS_pwrite64, file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off_t at) { return pwrite(file, data, size, at); }

ssize_t pwritev(int file, const struct iovec *parts, int n, off_t at) {
    off_t end = at;
    for (int i = 0; i < n; i++) end += (off_t)parts[i].iov_len;
    return no_room(file, end) ? -1 : syscall(SYS_pwritev, file, parts, n, at, 0);
}

ssize_t pwritev64(int file, const struct iovec *parts, int n, off_t at) {
    return pwritev(file, parts, n, at);
}

int ftruncate(int file, off_t size) {
    return no_room(file, size) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}

int ftruncate64(int file, off_t size) { return ftruncate(file, size); }

int posix_fallocate(int file, off_t at, off_t size) {
    int saved = errno;
    if (no_room(file, at + size)) { errno = saved; return ENOSPC; }
    return syscall(SYS_fallocate, file, 0, at, size) ? errno : 0;
}

int posix_fallocate64(int file, off_t at, off_t size) { return posix_fallocate(file, at, size); }
"""


class FillingDisk:
    """Built in `folder`, which everybody may read, with the C compiler at `compiler`; has room at first."""

    def __init__(self, folder: Path, compiler: str) -> None:
        source, library, self._switch = folder / "disk.c", folder / "disk.so", folder / "full"
        source.write_text(_SOURCE)
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self.environment = {"LD_PRELOAD": str(library), "DSE_TEST_DISK": str(self._switch)}

    def fill(self) -> None:
        """From now on no file becomes longer."""
        self._switch.touch()

    def make_room(self) -> None:
        """As it was."""
        self._switch.unlink()
