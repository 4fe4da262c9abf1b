"""The two managers of the rank, phase D: refresh (with postponing and pulling in) and power-down.

A manager proposes one command (`manager_command`, legal from `manager_ready`); while one is proposed, or
while power-down is enabled, the phase is looked at in every simulated cycle, otherwise only when
`manager_at` is reached. Refresh proposes while no request is queued, or else holds the banks from the next
cycle on (`blocked_from`): only in the first cycle of a forced refresh can a bank's candidate still go out,
if the refresh cannot. Power-down proposes only while nothing is queued or what is queued
waits for company (`gather_until`). Semantics: DRAMSys 4.0, but for the gathering; O(1).
"""

from libc.stdint cimport int64_t

from ext._types cimport cycle_t
from ext.dram_policy cimport schedule_banks
from ext.dram_state cimport (
    ALL_BANK, NEVER, NO_COMMAND, NO_POWER_DOWN, PDE, PDX, PREA, PRECHARGE_POWER_DOWN,
    REF, Arena, earlier, later,
)


cdef inline void propose(Arena* a, int64_t command, cycle_t ready) noexcept nogil:
    a.manager_command = command
    a.manager_ready = ready


cdef inline bint refresh_is_due(const Arena* a, cycle_t t) noexcept nogil:
    return a.config.refresh_policy == ALL_BANK and t >= a.refresh_deadline


cdef inline void skip_interval(Arena* a) noexcept nogil:
    """The current interval is settled: paid, postponed or missed."""
    a.pulling_in = 0
    a.refresh_deadline += a.config.t_refi


cdef inline bint refresh_is_wanted(Arena* a, cycle_t t) noexcept nogil:
    """At or after the deadline: refresh now? False postpones, or ends the pulling in of later refreshes."""
    if t >= a.refresh_deadline + a.config.t_refi:
        skip_interval(a)
    if a.pulling_in:
        if a.queued == 0:
            return True
        skip_interval(a)
        return False
    if a.refresh_debt >= a.config.refresh_max_postponed:
        a.blocked_from = earlier(a.blocked_from, t + 1)
        schedule_banks(a)
        return True
    if a.queued == 0:
        return True
    a.refresh_debt += 1
    a.refresh_deadline += a.config.t_refi
    return False


cdef inline void manage_refresh(Arena* a, cycle_t t) noexcept nogil:
    if not refresh_is_wanted(a, t):
        a.manager_at = later(a.refresh_deadline, t + 1)
        return
    if a.open:
        propose(a, PREA, a.precharge_all_floor)
    else:
        propose(a, REF, a.refresh_floor)
    a.manager_at = later(a.refresh_deadline + a.config.t_refi, t + 1)


cdef inline void settle_refresh(Arena* a) noexcept nogil:
    """After a REF: the first pays the interval, further ones reduce the debt down to the limit."""
    a.blocked_from = NEVER
    if a.pulling_in:
        a.refresh_debt -= 1
    else:
        a.pulling_in = 1
    if a.refresh_debt <= -a.config.refresh_max_pulledin:
        skip_interval(a)


cdef inline void manage_power_down(Arena* a, cycle_t t) noexcept nogil:
    """Only while awake, with no refresh due."""
    cdef cycle_t entry = a.idle_since + a.config.power_down_timeout
    if (a.queued > 0 or a.next_admitted < a.next_id) and t >= a.gather_until:
        return
    if t < entry:
        a.manager_at = earlier(a.manager_at, entry)
        return
    if a.open and a.config.power_down_policy == PRECHARGE_POWER_DOWN:
        propose(a, PREA, a.precharge_all_floor)
    elif a.open:
        propose(a, PDE, a.power_down_floor)
    else:
        propose(a, PDE, later(a.power_down_floor, a.active_end + 1))


cdef inline void manage_wake_up(Arena* a, cycle_t t) noexcept nogil:
    cdef bint waiting = a.queued > 0 or a.next_admitted < a.next_id
    cdef bint may_sleep = a.config.power_down_policy != NO_POWER_DOWN and not refresh_is_due(a, t)
    if not may_sleep or (waiting and t >= a.gather_until):
        propose(a, PDX, a.power_up_floor)
    elif waiting:
        a.manager_at = earlier(a.manager_at, a.gather_until)


cdef inline void manage(Arena* a, cycle_t t) noexcept nogil:
    """Phase D."""
    a.manager_command = NO_COMMAND
    a.manager_at = NEVER
    if a.config.refresh_policy == ALL_BANK and t < a.refresh_deadline:
        a.manager_at = a.refresh_deadline
    if a.powered_down:
        manage_wake_up(a, t)
    elif refresh_is_due(a, t):
        manage_refresh(a, t)
    if not (a.powered_down or a.config.power_down_policy == NO_POWER_DOWN or refresh_is_due(a, t)):
        manage_power_down(a, t)
    if a.manager_command != NO_COMMAND:
        a.manager_at = earlier(a.manager_at, a.manager_ready)
    a.manager_watches = a.manager_command != NO_COMMAND or a.config.power_down_policy != NO_POWER_DOWN
