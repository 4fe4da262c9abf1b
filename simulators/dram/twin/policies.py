"""The policies by the numbers that a `ControllerConfig` holds: positions in the tables of
`simulators.dram.config`.
"""

from __future__ import annotations

(OPEN, OPEN_ADAPTIVE, CLOSED, CLOSED_ADAPTIVE, TIMEOUT, CLOSED_CAP) = range(6)
(FIFO, FR_FCFS_GRP, FR_FCFS, FCFS, FR_FCFS_CAP, GRP_FR_FCFS, GRP_FR_FCFS_WM, BLISS) = range(8)
(BANKWISE, READ_WRITE, SHARED, SPLIT_READ_WRITE) = range(4)
(RESPONSE_FIFO, RESPONSE_REORDER) = range(2)
(NO_REFRESH, ALL_BANK, PER_BANK, SAME_BANK) = range(4)
(ARBITER_SIMPLE, ARBITER_FIFO, ARBITER_REORDER) = range(3)
(NO_POWER_DOWN, ACTIVE_POWER_DOWN, PRECHARGE_POWER_DOWN) = range(3)
(OLDEST, COLUMNS_FIRST) = range(2)
(AT_COLUMN, AT_ACTIVATE) = range(2)
(NO_MITIGATION, PARA, GRAPHENE, RFM, PRAC) = range(5)
