from __future__ import annotations

from pathlib import Path

import pytest

from dse.store.mounts import network_file_system

TABLE = """\
/dev/sda1 / ext4 rw 0 0
server:/data /shared nfs4 rw 0 0
/dev/sdb1 /shared/local xfs rw 0 0
//box/share /mnt/with\\040blank cifs rw 0 0
mds@tcp:/l /scratch lustre rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
/dev/sdc1 /mnt/usb fuseblk rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tmp/store.sqlite", None),
        ("/shared/me/store.sqlite", "nfs4"),
        ("/shared/local/store.sqlite", None),
        ("/sharedless/store.sqlite", None),
        ("/mnt/with blank/store.sqlite", "cifs"),
        ("/scratch/a/b/store.sqlite", "lustre"),
        ("/mnt/ssh/store.sqlite", "fuse.sshfs"),
        ("/mnt/usb/store.sqlite", None),
    ],
)
def test_the_nearest_mount_decides(path, kind):
    assert network_file_system(Path(path), TABLE) == kind


def test_the_last_of_two_mounts_on_one_folder_decides():
    assert network_file_system(Path("/a"), "x / nfs rw 0 0\ny / ext4 rw 0 0\n") is None


def test_a_torn_mount_table_says_nothing():
    assert network_file_system(Path("/a"), "garbage\n\n") is None
