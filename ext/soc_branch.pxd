"""Branch prediction: the direction of conditional branches, and the target of all that are taken.

`mispredicted` predicts one branch, trains with what the trace says, and tells whether the front end went the
wrong way and when it would notice. Layers: one function a direction predictor that guesses and trains;
the target buffer, the return stack and the table of indirect targets; the rules that put them together.
O(1) a branch. The readable twin, with the source of every constant: simulators/soc/twin/branch.py.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memmove, memset

from ext.soc_arena cimport Arena, take
from ext.soc_numbers cimport CALL, CONDITIONAL, INDIRECT, INDIRECT_CALL, NOBODY, RETURN

cdef extern from *:
    """
    #include <stdint.h>
    static inline int64_t soc_highest_bit(uint64_t mask) { return 63 - (int64_t) __builtin_clzll(mask); }
    #define SOC_UNKNOWN_ADDRESS UINT64_MAX
    #define SOC_LANES UINT64_C(0x0001000100010001)
    """
    int64_t highest_bit "soc_highest_bit"(uint64_t mask) noexcept nogil     # of a mask that is not 0
    const uint64_t UNKNOWN_ADDRESS "SOC_UNKNOWN_ADDRESS"    # nothing is known, or the place is empty
    const uint64_t LANES "SOC_LANES"        # bit 0 of four lanes of 16 bits, one a tagged table

cdef enum PredictorKind:
    NOT_TAKEN = 0
    BIMODAL = 1
    GSHARE = 2
    PERCEPTRON = 3
    TAGE = 4

cdef enum PredictionOutcome:
    RIGHT = 0
    WRONG_UNTIL_EXECUTED = 1    # the right way is known when the branch has been executed
    WRONG_UNTIL_DECODED = 2     # only the target of a direct branch was missing, and the decoder sees it

cdef enum:
    OTHER_BRANCH = 7            # of a kind that the trace does not tell: as a conditional one
    HISTORY_MASK = 1048575      # 20 outcomes: as many as the largest table of indirect targets needs
    BIMODAL_COUNTERS = 16381
    GSHARE_COUNTERS = 16384
    PERCEPTRONS = 163
    PERCEPTRON_HISTORY = 24
    PERCEPTRON_ROW = 32         # weights of the history, the bias, then zeros up to a whole vector
    PERCEPTRON_THRESHOLD = 60
    TAGGED_TABLES = 4
    TAGGED_BITS = 10
    TAGGED_ENTRIES = 1024
    TAG_BITS = 9
    TAG_MASK = 511
    INDEX_MASK = 1023
    NO_TAG = 65535
    OUTCOMES = 256              # places of the ring of the last outcomes
    OUTCOMES_MASK = 255
    USEFUL_PERIOD = 262144      # branches after which half of every useful counter is cleared
    CALL_SIZES = 1024
    FIRST_CALL_SIZE = 4
    LARGEST_CALL = 10


cdef struct Target:
    uint64_t ip                 # UNKNOWN_ADDRESS: empty
    uint64_t address


cdef struct TaggedCounter:
    uint16_t tag                # NO_TAG: empty
    int8_t counter              # -4 to 3, taken from 0 on
    uint8_t useful              # 0 to 3


cdef struct Folds:              # of the outcomes that each tagged table looks back, four lanes of 16 bits
    uint64_t pieces             # of so many bits each, XORed
    uint64_t[16] leaving        # bits that the oldest outcomes change, by which were taken: a bit a table


cdef struct Predictor:
    # configuration
    int64_t kind                # PredictorKind
    int64_t btb_sets            # a power of two
    int64_t btb_ways
    int64_t indirect_targets    # a power of two, at most 2^20
    int64_t return_addresses    # places of the return stack, at least 1
    # direction
    uint64_t history            # last outcomes of conditional branches, the newest in bit 0
    uint8_t* counter            # two bits each
    int16_t* weight             # PERCEPTRONS rows of PERCEPTRON_ROW
    int16_t[PERCEPTRON_ROW] sign    # the newest outcome first, 1 or -1; then 1 for the bias
    TaggedCounter* tagged       # TAGGED_TABLES times TAGGED_ENTRIES
    Folds[3] folds              # of pieces of TAGGED_BITS, TAG_BITS and TAG_BITS - 1 bits
    uint32_t[TAGGED_TABLES] index   # of the branch at hand in each tagged table
    uint64_t tags               # of it, four lanes
    uint8_t[OUTCOMES] outcome
    int64_t n_outcomes
    int64_t trust_alternative   # -8 to 7: from 0 on, a new entry is trusted less than the next best
    # targets
    Target* btb                 # of each set, the last used first
    uint64_t* indirect
    uint64_t* caller            # ring of the calls that have not returned
    int64_t callers             # in the ring
    int64_t last_caller         # its place
    uint8_t[CALL_SIZES] call_size


cdef inline int64_t n_counters(const Predictor* p) noexcept nogil:
    """Two-bit counters that the predictor uses; the tagged tables stand on a bimodal one."""
    if p.kind == GSHARE:
        return GSHARE_COUNTERS
    return BIMODAL_COUNTERS if p.kind == BIMODAL or p.kind == TAGE else 0


cdef inline void place_predictor(Predictor* p, Arena* arena) noexcept nogil:
    """Take the arrays that the configuration asks for."""
    cdef int64_t weights = PERCEPTRONS * PERCEPTRON_ROW if p.kind == PERCEPTRON else 0
    cdef int64_t tagged = TAGGED_TABLES * TAGGED_ENTRIES if p.kind == TAGE else 0
    p.counter = <uint8_t*> take(arena, n_counters(p))
    p.weight = <int16_t*> take(arena, weights * sizeof(int16_t))
    p.tagged = <TaggedCounter*> take(arena, tagged * sizeof(TaggedCounter))
    p.btb = <Target*> take(arena, p.btb_sets * p.btb_ways * sizeof(Target))
    p.indirect = <uint64_t*> take(arena, p.indirect_targets * sizeof(uint64_t))
    p.caller = <uint64_t*> take(arena, p.return_addresses * sizeof(uint64_t))


cdef inline void reset_predictor(Predictor* p) noexcept nogil:
    """Nothing learnt: counters and weights at 0, every table empty, outcomes before the first not taken."""
    cdef int64_t k
    p.history = 0
    memset(p.counter, 0, n_counters(p))
    reset_perceptrons(p)
    reset_tagged(p)
    for k in range(p.btb_sets * p.btb_ways):
        p.btb[k].ip = UNKNOWN_ADDRESS
        p.btb[k].address = UNKNOWN_ADDRESS
    for k in range(p.indirect_targets):
        p.indirect[k] = UNKNOWN_ADDRESS
    for k in range(p.return_addresses):
        p.caller[k] = UNKNOWN_ADDRESS
    p.callers = 0
    p.last_caller = 0
    memset(p.call_size, FIRST_CALL_SIZE, CALL_SIZES)


cdef inline void reset_perceptrons(Predictor* p) noexcept nogil:
    cdef int64_t k
    if p.kind == PERCEPTRON:
        memset(p.weight, 0, PERCEPTRONS * PERCEPTRON_ROW * sizeof(int16_t))
    for k in range(PERCEPTRON_ROW):
        p.sign[k] = -1 if k < PERCEPTRON_HISTORY else k == PERCEPTRON_HISTORY


cdef inline int64_t looked_back(int64_t table) noexcept nogil:
    """Outcomes that a tagged table looks back."""
    if table < 2:
        return 15 if table else 5
    return 44 if table == 2 else 130


cdef inline void reset_folds(Folds* folds, int64_t bits) noexcept nogil:
    cdef int64_t taken, k
    folds.pieces = 0
    for taken in range(16):
        folds.leaving[taken] = 0
        for k in range(TAGGED_TABLES):
            if (taken >> k) & 1:
                folds.leaving[taken] |= <uint64_t> 1 << (16 * k + looked_back(k) % bits)


cdef inline void reset_tagged(Predictor* p) noexcept nogil:
    cdef int64_t k
    if p.kind == TAGE:
        for k in range(TAGGED_TABLES * TAGGED_ENTRIES):
            p.tagged[k].tag = NO_TAG
            p.tagged[k].counter = 0
            p.tagged[k].useful = 0
    for k in range(3):
        reset_folds(&p.folds[k], TAGGED_BITS - k)
    memset(p.outcome, 0, OUTCOMES)
    p.n_outcomes = 0
    p.trust_alternative = 0


# ----------------------------------------------------------------------------------------------- direction

cdef inline void count_two_bits(uint8_t* counter, bint up) noexcept nogil:
    if up:
        counter[0] += counter[0] < 3
    else:
        counter[0] -= counter[0] > 0


cdef inline bint guess_by_counter(uint8_t* counter, bint taken) noexcept nogil:
    cdef bint guess = counter[0] >= 2
    count_two_bits(counter, taken)
    return guess


cdef inline bint guess_by_perceptron(Predictor* p, uint64_t ip, bint taken) noexcept nogil:
    """The sign of the weighted outcomes; trained when wrong or not sure enough."""
    cdef int16_t* weight = &p.weight[(ip % PERCEPTRONS) * PERCEPTRON_ROW]
    cdef int32_t sum = 0
    cdef int16_t up = 1 if taken else -1
    cdef int16_t changed
    cdef int64_t k
    for k in range(PERCEPTRON_ROW):
        sum += <int32_t> weight[k] * <int32_t> p.sign[k]
    if (sum >= 0) != taken or -PERCEPTRON_THRESHOLD <= sum <= PERCEPTRON_THRESHOLD:
        for k in range(PERCEPTRON_ROW):
            changed = weight[k] + up * p.sign[k]
            changed = 127 if changed > 127 else changed
            weight[k] = -128 if changed < -128 else changed
    memmove(&p.sign[1], &p.sign[0], (PERCEPTRON_HISTORY - 1) * sizeof(int16_t))
    p.sign[0] = up
    return sum >= 0


cdef inline TaggedCounter* tagged_at(Predictor* p, int64_t k) noexcept nogil:
    """What the branch at hand finds in table k, if its tag matches."""
    return &p.tagged[k * TAGGED_ENTRIES + p.index[k]]


cdef inline uint16_t tag_in(const Predictor* p, int64_t k) noexcept nogil:
    """The tag of the branch at hand in table k."""
    return <uint16_t> (p.tags >> 16 * k)


cdef inline uint64_t matching_tables(Predictor* p, uint64_t ip) noexcept nogil:
    """Address every table for the branch; a mask of those that know it."""
    cdef uint64_t found = 0
    cdef int64_t k
    p.tags = (((ip & TAG_MASK) * LANES) ^ p.folds[1].pieces ^ (p.folds[2].pieces << 1)) & (TAG_MASK * LANES)
    for k in range(TAGGED_TABLES):
        p.index[k] = <uint32_t> (ip ^ (ip >> (TAGGED_BITS - k)) ^ (p.folds[0].pieces >> 16 * k)) & INDEX_MASK
        found |= <uint64_t> (tagged_at(p, k).tag == tag_in(p, k)) << k
    return found


cdef inline void fold_in(Folds* folds, int64_t bits, uint64_t taken, uint64_t oldest) noexcept nogil:
    """An outcome enters every piece and the oldest ones leave: what runs over begins again."""
    cdef uint64_t pieces = ((folds.pieces << 1) | (taken * LANES)) ^ folds.leaving[oldest]
    folds.pieces = (pieces ^ ((pieces >> bits) & LANES)) & ((((<uint64_t> 1) << bits) - 1) * LANES)


cdef inline void remember_outcome(Predictor* p, bint taken) noexcept nogil:
    """One more outcome in the ring and in every fold; now and then, entries become less useful."""
    cdef uint64_t oldest = 0
    cdef uint8_t kept
    cdef int64_t k
    for k in range(TAGGED_TABLES):
        oldest |= <uint64_t> p.outcome[(p.n_outcomes - looked_back(k)) & OUTCOMES_MASK] << k
    for k in range(3):
        fold_in(&p.folds[k], TAGGED_BITS - k, taken, oldest)
    p.outcome[p.n_outcomes & OUTCOMES_MASK] = taken
    p.n_outcomes += 1
    if p.n_outcomes % USEFUL_PERIOD == 0:
        kept = 1 if p.n_outcomes // USEFUL_PERIOD % 2 else 2
        for k in range(TAGGED_TABLES * TAGGED_ENTRIES):
            p.tagged[k].useful &= kept


cdef inline void allocate(Predictor* p, int64_t first, bint taken) noexcept nogil:
    """An entry for the branch in the first table, from `first` on, whose own is of no use there."""
    cdef TaggedCounter* entry
    cdef int64_t k
    for k in range(first, TAGGED_TABLES):
        entry = tagged_at(p, k)
        if entry.useful == 0:
            entry.tag = tag_in(p, k)
            entry.counter = 0 if taken else -1
            return
    for k in range(first, TAGGED_TABLES):
        tagged_at(p, k).useful -= 1


cdef inline void train_entry(TaggedCounter* entry, bint taken, bint alternative) noexcept nogil:
    cdef bint guess = entry.counter >= 0
    if guess != alternative:
        if guess == taken:
            entry.useful += entry.useful < 3
        else:
            entry.useful -= entry.useful > 0
    if taken:
        entry.counter += entry.counter < 3
    else:
        entry.counter -= entry.counter > -4


cdef inline bint guess_by_tables(Predictor* p, uint64_t ip, bint taken) noexcept nogil:
    """The counter with the longest history that knows the branch, or the next best if that one is new."""
    cdef uint8_t* base = &p.counter[ip % BIMODAL_COUNTERS]
    cdef TaggedCounter* entry
    cdef int64_t longest = NOBODY
    cdef uint64_t known = matching_tables(p, ip)
    cdef bint guess, own, alternative, is_new
    if known == 0:
        own = guess = guess_by_counter(base, taken)
    else:
        longest = highest_bit(known)
        entry = tagged_at(p, longest)
        known ^= <uint64_t> 1 << longest
        alternative = tagged_at(p, highest_bit(known)).counter >= 0 if known else base[0] >= 2
        own = entry.counter >= 0
        is_new = entry.useful == 0 and (entry.counter == 0 or entry.counter == -1)
        guess = alternative if is_new and p.trust_alternative >= 0 else own
        if is_new and own != alternative:
            if alternative == taken:
                p.trust_alternative += p.trust_alternative < 7
            else:
                p.trust_alternative -= p.trust_alternative > -8
        train_entry(entry, taken, alternative)
    if guess != taken and own != taken:
        allocate(p, longest + 1, taken)
    remember_outcome(p, taken)
    return guess


cdef inline bint guess_direction(Predictor* p, uint64_t ip, bint taken) noexcept nogil:
    """Whether the branch was predicted taken; trains with the outcome."""
    cdef bint guess = False
    if p.kind == BIMODAL:
        guess = guess_by_counter(&p.counter[ip % BIMODAL_COUNTERS], taken)
    elif p.kind == GSHARE:
        guess = guess_by_counter(&p.counter[(ip ^ p.history) & (GSHARE_COUNTERS - 1)], taken)
    elif p.kind == PERCEPTRON:
        guess = guess_by_perceptron(p, ip, taken)
    elif p.kind == TAGE:
        guess = guess_by_tables(p, ip, taken)
    p.history = ((p.history << 1) | <uint64_t> taken) & HISTORY_MASK
    return guess


# ------------------------------------------------------------------------------------------------- targets

cdef inline uint64_t known_target(Predictor* p, uint64_t ip, uint64_t target, bint taken) noexcept nogil:
    """What the target buffer holds for the branch, or UNKNOWN_ADDRESS; a taken branch enters it."""
    cdef Target* row = &p.btb[((ip >> 2) & (p.btb_sets - 1)) * p.btb_ways]
    cdef uint64_t found = UNKNOWN_ADDRESS
    cdef int64_t k = 1
    if row[0].ip == ip:
        found = row[0].address
        row[0].address = target if taken else found
        return found
    while k < p.btb_ways and row[k].ip != ip:
        k += 1
    if k < p.btb_ways:
        found = row[k].address
    elif taken:
        k -= 1
    else:
        return UNKNOWN_ADDRESS
    memmove(&row[1], &row[0], k * sizeof(Target))
    row[0].ip = ip
    row[0].address = target if taken else found
    return found


cdef inline uint64_t indirect_target(Predictor* p, uint64_t ip, uint64_t target) noexcept nogil:
    """The last target after the same outcomes; the table learns the new one."""
    cdef uint64_t* place = &p.indirect[((ip >> 2) ^ p.history) & <uint64_t> (p.indirect_targets - 1)]
    cdef uint64_t found = place[0]
    place[0] = target
    return found


cdef inline void push_call(Predictor* p, uint64_t ip) noexcept nogil:
    """A call is under way; the oldest is forgotten when the stack is full."""
    p.last_caller = p.last_caller + 1 if p.last_caller + 1 < p.return_addresses else 0
    p.caller[p.last_caller] = ip
    p.callers += p.callers < p.return_addresses


cdef inline uint64_t return_target(Predictor* p, uint64_t target) noexcept nogil:
    """Where the last call would go on, by the size that calls there had; learns this size. Pops the call."""
    cdef uint64_t ip, found
    if p.callers == 0:
        return UNKNOWN_ADDRESS
    ip = p.caller[p.last_caller]
    p.callers -= 1
    p.last_caller = p.last_caller - 1 if p.last_caller > 0 else p.return_addresses - 1
    found = ip + p.call_size[ip % CALL_SIZES]
    if ip <= target and target - ip <= LARGEST_CALL:
        p.call_size[ip % CALL_SIZES] = <uint8_t> (target - ip)
    return found


# --------------------------------------------------------------------------------------------------- rules

cdef inline int64_t mispredicted(
    Predictor* p, uint64_t ip, uint64_t target, int64_t branch_kind, bint taken
) noexcept nogil:
    """RIGHT (0), or how long the front end goes the wrong way; trains with the outcome.

    target: where a taken branch goes, else ignored. Branches that are not conditional are always taken,
    whatever `taken` says. One that the target buffer does not know is predicted to go on behind itself.
    """
    cdef bint is_conditional = branch_kind == CONDITIONAL or branch_kind == OTHER_BRANCH
    cdef uint64_t guess
    if is_conditional:
        guess = known_target(p, ip, target, taken)
        if guess_direction(p, ip, taken) != taken:
            return WRONG_UNTIL_EXECUTED
        return WRONG_UNTIL_DECODED if taken and guess != target else RIGHT
    guess = known_target(p, ip, target, True)
    if branch_kind == CALL or branch_kind == INDIRECT_CALL:
        push_call(p, ip)
    if branch_kind == INDIRECT or branch_kind == INDIRECT_CALL:
        return indirect_outcome(guess, indirect_target(p, ip, target), target)
    if branch_kind == RETURN:
        return indirect_outcome(guess, return_target(p, target), target)
    return RIGHT if guess == target else WRONG_UNTIL_DECODED


cdef inline int64_t indirect_outcome(uint64_t known, uint64_t guess, uint64_t target) noexcept nogil:
    """A target that is not in the instruction helps only for a branch that the target buffer knows."""
    return RIGHT if known != UNKNOWN_ADDRESS and guess == target else WRONG_UNTIL_EXECUTED
