/* Hash join: 4,096 rows go into an open-addressing table of 8,192 slots, 128 KiB, and 10,000 rows look for their
 * partners there: independent random loads, and a branch for every slot that is tried. */
#include "region.h"

#define SLOTS 8192
#define BUILD 4096
#define PROBE 10000

static struct row {
    uint64_t key, payload;
} table[SLOTS], build[BUILD], probe[PROBE];
static struct {
    uint64_t left, right;
} result[PROBE];

__attribute__((noinline)) static uint64_t join(void)
{
    uint64_t matches = 0;
    for (int i = 0; i < BUILD; i++) {
        uint64_t slot = mix(build[i].key) % SLOTS;
        while (table[slot].key)
            slot = (slot + 1) % SLOTS;
        table[slot] = build[i];
    }
    for (int i = 0; i < PROBE; i++) {
        uint64_t slot = mix(probe[i].key) % SLOTS;
        while (table[slot].key && table[slot].key != probe[i].key)
            slot = (slot + 1) % SLOTS;
        if (table[slot].key) {
            result[matches].left = table[slot].payload;
            result[matches++].right = probe[i].payload;
        }
    }
    return matches;
}

int main(void)
{
    for (uint64_t i = 0; i < BUILD; i++)
        build[i] = (struct row){2 * i + 1, i};
    for (uint64_t i = 0; i < PROBE; i++)
        probe[i] = (struct row){1 + mix(i + 1) % (2 * BUILD), i};
    region_begins();
    uint64_t matches = join();
    region_ends();
    printf("%llu matches\n", (unsigned long long)matches);
    return 0;
}
