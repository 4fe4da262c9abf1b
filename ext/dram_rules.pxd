"""Timing constraints, compiled once when a simulation is opened; not in the hot loop.

A row says that `after` comes no earlier than `cycles` after `before` in one scope. At each level (bank,
bank group, rank) the commands whose incoming rows are the same share a lane, a bound that is kept ready;
issuing a command raises a few lanes (`Effects`). Rows of scope channel and other_ranks become effects on
other ranks. O(rows + commands cubed).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

from ext._types cimport cycle_t
from ext.dram_numbers cimport (
    CAUSE_BITS, MAX_WINDOWS, NEVER, NO_LANE, N_COMMANDS, PRE, RD, SCOPE_BANK, SCOPE_CHANNEL, SCOPE_GROUP,
    SCOPE_OTHER_RANKS, SCOPE_RANK, VRR, WRA, later,
)
from ext.dram_state cimport Effects, Reach, Rules, Window, bit

cdef enum:
    ROW_FIELDS = 6              # scope, before, after, cycles, window, cause
    DRAFTS = 64                 # windows before those with the same members are joined
    LEVEL_BANK = 0
    LEVEL_GROUP = 1
    LEVEL_RANK = 2
    LEVEL_OTHERS = 3
    N_LEVELS = 4


cdef struct Draft:
    int64_t bound[N_LEVELS][N_COMMANDS][N_COMMANDS]     # [level][before][after], 0: none
    uint64_t windows[N_COMMANDS]                        # that constrain a command, by bit
    Window at[DRAFTS]
    int64_t n_windows


cdef inline void enter_bound(Draft* draft, int level, const int64_t* row) noexcept nogil:
    cdef int64_t* bound = &draft.bound[level][row[1]][row[2]]
    bound[0] = later(bound[0], (row[3] << CAUSE_BITS) | row[5])


cdef inline void enter_window(Draft* draft, const int64_t* row) noexcept nogil:
    """Rows of one scope, after, cycles and window size are one window over all their `before`."""
    cdef int64_t cycles = row[3]
    cdef Window* window
    cdef int64_t k
    for k in range(draft.n_windows):
        window = &draft.at[k]
        if (window.constrained == bit(row[2]) and window.size == row[4]
                and window.bound >> CAUSE_BITS == cycles):
            window.members |= bit(row[1])
            window.bound = later(window.bound, (cycles << CAUSE_BITS) | row[5])
            return
    if draft.n_windows == DRAFTS:
        draft.n_windows = DRAFTS + 1
    if draft.n_windows > DRAFTS:
        return
    window = &draft.at[draft.n_windows]
    draft.n_windows += 1
    window.members, window.constrained = bit(row[1]), bit(row[2])
    window.size, window.bound = row[4], (cycles << CAUSE_BITS) | row[5]


cdef inline void enter_row(Draft* draft, const int64_t* row) noexcept nogil:
    if row[3] <= 0:
        return
    if row[4] > 1:
        enter_window(draft, row)
    elif row[0] == SCOPE_BANK:
        enter_bound(draft, LEVEL_BANK, row)
    elif row[0] == SCOPE_GROUP:
        enter_bound(draft, LEVEL_GROUP, row)
    else:
        if row[0] == SCOPE_RANK or row[0] == SCOPE_CHANNEL:
            enter_bound(draft, LEVEL_RANK, row)
        if row[0] == SCOPE_OTHER_RANKS or row[0] == SCOPE_CHANNEL:
            enter_bound(draft, LEVEL_OTHERS, row)


cdef inline bint join_windows(Draft* draft, Rules* rules) noexcept nogil:
    """Windows of the same members and bound constrain together. False if there are too many."""
    cdef Window* window
    cdef int64_t k, j, after
    if draft.n_windows > DRAFTS:
        return False
    for k in range(draft.n_windows):
        window = &draft.at[k]
        for j in range(rules.n_windows):
            if (rules.windows[j].members == window.members and rules.windows[j].size == window.size
                    and rules.windows[j].bound == window.bound):
                rules.windows[j].constrained |= window.constrained
                break
        else:
            if rules.n_windows == MAX_WINDOWS:
                return False
            rules.windows[rules.n_windows] = window[0]
            rules.n_windows += 1
    for j in range(rules.n_windows):
        for after in range(N_COMMANDS):
            if rules.windows[j].members & bit(after):
                rules.windows_of[after] |= <uint8_t> (1 << j)
            if rules.windows[j].constrained & bit(after):
                draft.windows[after] |= bit(j)
    return True


cdef inline bint same_bounds(const Draft* draft, int level, int64_t one, int64_t other) noexcept nogil:
    """Do two commands wait for the same?"""
    cdef int64_t before
    for before in range(N_COMMANDS):
        if draft.bound[level][before][one] != draft.bound[level][before][other]:
            return False
        if level == LEVEL_RANK and (
                draft.bound[LEVEL_OTHERS][before][one] != draft.bound[LEVEL_OTHERS][before][other]):
            return False
    return level != LEVEL_RANK or draft.windows[one] == draft.windows[other]


cdef inline bint waits(const Draft* draft, int level, int64_t after) noexcept nogil:
    cdef int64_t before
    for before in range(N_COMMANDS):
        if draft.bound[level][before][after]:
            return True
        if level == LEVEL_RANK and draft.bound[LEVEL_OTHERS][before][after]:
            return True
    return level == LEVEL_RANK and draft.windows[after] != 0


cdef inline void add_effects(
    const Draft* draft, int level, int64_t after, int64_t lane, Effects* effects
) noexcept nogil:
    """All commands that `after` waits for raise its lane."""
    cdef int64_t before
    for before in range(N_COMMANDS):
        if draft.bound[level][before][after]:
            effects[before].at[effects[before].n].bound = draft.bound[level][before][after]
            effects[before].at[effects[before].n].lane = <int32_t> lane
            effects[before].at[effects[before].n].level = level
            effects[before].n += 1


cdef inline void list_waits(const Draft* draft, int level, int64_t after, Effects* waits) noexcept nogil:
    """What a manager's command waits for in the rank, or in the other ranks."""
    cdef int64_t before
    for before in range(N_COMMANDS):
        if draft.bound[level][before][after]:
            waits.at[waits.n].bound = draft.bound[level][before][after]
            waits.at[waits.n].lane = <int32_t> before
            waits.n += 1


cdef inline bint is_for_requests(int64_t command) noexcept nogil:
    """Do banks offer the command, so that its bound is kept ready? Those of managers are looked up."""
    return command <= PRE or RD <= command <= WRA or command == VRR


cdef inline void assign_lanes(const Draft* draft, int level, uint8_t* lanes, Rules* rules) noexcept nogil:
    cdef int64_t after, other, j
    cdef int64_t n_lanes = NO_LANE + 1
    for after in range(N_COMMANDS):
        lanes[after] = NO_LANE
        if level == LEVEL_RANK and not is_for_requests(after):
            list_waits(draft, LEVEL_RANK, after, &rules.waits[after])
            list_waits(draft, LEVEL_OTHERS, after, &rules.waits_for_others[after])
            continue
        if not waits(draft, level, after):
            continue
        for other in range(after):
            if lanes[other] != NO_LANE and same_bounds(draft, level, after, other):
                lanes[after] = lanes[other]
                break
        else:
            lanes[after] = <uint8_t> n_lanes
            n_lanes += 1
            if level == LEVEL_BANK:
                add_effects(draft, LEVEL_BANK, after, lanes[after], rules.bank)
            elif level == LEVEL_GROUP:
                add_effects(draft, LEVEL_GROUP, after, lanes[after], rules.group)
            else:
                add_effects(draft, LEVEL_RANK, after, lanes[after], rules.rank)
                add_effects(draft, LEVEL_OTHERS, after, lanes[after], rules.others)
                rules.n_rank_lanes = n_lanes
                for j in range(rules.n_windows):
                    if draft.windows[after] & bit(j):
                        rules.windows[j].lanes[rules.windows[j].n_lanes] = lanes[after]
                        rules.windows[j].n_lanes += 1


cdef inline void join_effects(Reach* reach, const Effects* effects) noexcept nogil:
    cdef int64_t k
    for k in range(effects.n):
        reach.at[reach.n] = effects.at[k]
        reach.at[reach.n].lane *= sizeof(cycle_t)
        reach.n += 1


cdef inline void join_levels(Rules* rules, int64_t command) noexcept nogil:
    cdef Reach* reach = &rules.reach[command]
    join_effects(reach, &rules.bank[command])
    join_effects(reach, &rules.group[command])
    join_effects(reach, &rules.rank[command])
    reach.in_group = ~(<uint64_t> 0) if rules.group[command].n else 0
    if reach.n % 2:
        reach.at[reach.n].bound = -(NEVER << CAUSE_BITS)
        reach.at[reach.n].lane = NO_LANE
        reach.at[reach.n].level = LEVEL_BANK
        reach.n += 1
    rules.lanes[command].of.group = rules.group_lane[command]
    rules.lanes[command].of.rank = rules.rank_lane[command]


cdef inline bint compile_rules(
    Rules* rules, const int64_t* rows, int64_t n, const int64_t* lengths
) noexcept nogil:
    """Given zeroed rules and rows that were checked. False if there are too many windows."""
    cdef Draft draft
    cdef int64_t k
    memset(&draft, 0, sizeof(Draft))
    for k in range(n):
        enter_row(&draft, rows + k * ROW_FIELDS)
    if not join_windows(&draft, rules):
        return False
    rules.n_rank_lanes = NO_LANE + 1
    assign_lanes(&draft, LEVEL_BANK, rules.bank_lane, rules)
    assign_lanes(&draft, LEVEL_GROUP, rules.group_lane, rules)
    assign_lanes(&draft, LEVEL_RANK, rules.rank_lane, rules)
    for k in range(N_COMMANDS):
        rules.lengths[k] = lengths[k]
        join_levels(rules, k)
    return True
