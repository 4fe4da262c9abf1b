"""When a command becomes legal: each command, once issued, raises the floors of those that must keep their
distance.

A floor is the earliest cycle allowed by everything issued so far. Floors exist per bank, per bank group
(`group_floor`, the _l timings) and per rank (`rank_floor`, the _s timings; never above those of the own
group, since _l >= _s), so that the earliest cycle of any command is a maximum of three numbers. Rules:
JEDEC JESD79-3/-4 as written out in simulators/dram/reference.py (`_earliest_*`). O(1) a command.
"""

from ext._types cimport cycle_t
from ext.dram_state cimport (
    LANE_ACTIVATE, LANE_PRECHARGE, LANE_READ, LANE_WRITE, MAX_GROUPS, Arena, Bank, later,
)


cdef inline void raise_floor(cycle_t* floor, cycle_t cycle) noexcept nogil:
    floor[0] = later(floor[0], cycle)


cdef inline cycle_t write_to_precharge(const Arena* a) noexcept nogil:
    """From a WR to the precharge of its bank."""
    return a.config.t_cwl + a.config.t_burst + a.config.t_wr


cdef inline void floors_after_activate(Arena* a, Bank* bank, cycle_t t) noexcept nogil:
    a.recent_activates[a.n_activates & 3] = t
    a.n_activates += 1
    cdef cycle_t four_ago = a.recent_activates[a.n_activates & 3]
    bank.activated = t
    bank.column_floor = t + a.config.t_rcd
    raise_floor(&bank.read_auto_floor, t + a.config.t_rcd)
    raise_floor(&bank.precharge_floor, t + a.config.t_ras)
    raise_floor(&bank.activate_floor, t + a.config.t_rc)
    raise_floor(&a.group_floor[LANE_ACTIVATE * MAX_GROUPS + bank.group], t + a.config.t_rrd_l)
    raise_floor(&a.rank_floor[LANE_ACTIVATE], later(t + a.config.t_rrd_s, four_ago + a.config.t_faw))
    raise_floor(&a.precharge_all_floor, t + a.config.t_ras)
    raise_floor(&a.refresh_floor, t + a.config.t_rc)
    raise_floor(&a.power_down_floor, t + 1)


cdef inline void floors_after_precharge(Arena* a, Bank* bank, cycle_t t) noexcept nogil:
    raise_floor(&bank.activate_floor, t + a.config.t_rp)
    raise_floor(&a.refresh_floor, t + a.config.t_rp)
    raise_floor(&a.power_down_floor, t + 1)


cdef inline void floors_after_precharge_all(Arena* a, cycle_t t) noexcept nogil:
    raise_floor(&a.rank_floor[LANE_ACTIVATE], t + a.config.t_rp)
    raise_floor(&a.refresh_floor, t + a.config.t_rp)
    raise_floor(&a.power_down_floor, t + 1)


cdef inline void floors_after_read(Arena* a, Bank* bank, cycle_t t, bint auto_precharge) noexcept nogil:
    cdef cycle_t precharge = t + a.config.t_rtp
    raise_floor(&a.rank_floor[LANE_READ], t + a.config.t_ccd_s)
    raise_floor(&a.group_floor[LANE_READ * MAX_GROUPS + bank.group], t + a.config.t_ccd_l)
    raise_floor(&a.rank_floor[LANE_WRITE], t + a.config.t_rtw)
    raise_floor(&a.precharge_all_floor, precharge)
    raise_floor(&a.power_down_floor, t + a.config.t_cl + a.config.t_burst + 1)
    if auto_precharge:
        raise_floor(&bank.activate_floor, precharge + a.config.t_rp)
        raise_floor(&a.refresh_floor, precharge + a.config.t_rp)
    else:
        raise_floor(&bank.precharge_floor, precharge)


cdef inline void floors_after_write(Arena* a, Bank* bank, cycle_t t, bint auto_precharge) noexcept nogil:
    cdef cycle_t data_end = t + a.config.t_cwl + a.config.t_burst
    cdef cycle_t precharge = data_end + a.config.t_wr
    raise_floor(&a.rank_floor[LANE_WRITE], t + a.config.t_ccd_s)
    raise_floor(&a.group_floor[LANE_WRITE * MAX_GROUPS + bank.group], t + a.config.t_ccd_l)
    raise_floor(&a.rank_floor[LANE_READ], data_end + a.config.t_wtr_s)
    raise_floor(&a.group_floor[LANE_READ * MAX_GROUPS + bank.group], data_end + a.config.t_wtr_l)
    raise_floor(&a.precharge_all_floor, precharge)
    raise_floor(&a.power_down_floor, precharge + auto_precharge)
    if auto_precharge:
        raise_floor(&bank.activate_floor, precharge + a.config.t_rp)
        raise_floor(&a.refresh_floor, precharge + a.config.t_rp)
    else:
        raise_floor(&bank.precharge_floor, precharge)
        raise_floor(&bank.read_auto_floor, precharge - a.config.t_rtp)


cdef inline void floors_after_refresh(Arena* a, cycle_t t) noexcept nogil:
    raise_floor(&a.rank_floor[LANE_ACTIVATE], t + a.config.t_rfc)
    raise_floor(&a.refresh_floor, t + a.config.t_rfc)
    raise_floor(&a.power_down_floor, t + a.config.t_rfc)


cdef inline void floors_after_power_up(Arena* a, cycle_t t) noexcept nogil:
    cdef cycle_t any_command = t + a.config.t_xp
    raise_floor(&a.rank_floor[LANE_READ], any_command)
    raise_floor(&a.rank_floor[LANE_WRITE], any_command)
    raise_floor(&a.rank_floor[LANE_ACTIVATE], any_command)
    raise_floor(&a.rank_floor[LANE_PRECHARGE], any_command)
    raise_floor(&a.precharge_all_floor, any_command)
    raise_floor(&a.refresh_floor, any_command)
    raise_floor(&a.power_down_floor, t + a.config.t_cke)
