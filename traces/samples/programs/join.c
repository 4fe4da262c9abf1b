/* Hash join: the build side goes into an open-addressing table, the probe side is read in sequence, every probe is a
 * random read of the table, and every match is appended to the result.
 * The sample `join` is a window of: join 17 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
    uint64_t key, payload;
};

struct pair {
    uint64_t left, right, key, sum;
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int main(int argc, char **argv)
{
    int bits = argc > 1 ? atoi(argv[1]) : 17;
    if (bits < 4 || bits > 22)
        return 1;
    uint64_t slots = 1ull << bits, build = slots / 2, probe = slots * 2, mask = slots - 1, matches = 0;
    struct row *table = calloc(slots, sizeof *table), *probes = malloc(probe * sizeof *probes);
    struct pair *result = malloc(probe * sizeof *result);
    if (!table || !probes || !result)
        return 1;
    for (uint64_t i = 0; i < probe; i++)
        probes[i] = (struct row){1 + mix(i + 1) % slots, i};
    for (uint64_t i = 0; i < build; i++) {
        uint64_t key = 1 + 2 * i, slot = mix(key) & mask;
        while (table[slot].key)
            slot = (slot + 1) & mask;
        table[slot] = (struct row){key, i};
    }
    for (uint64_t i = 0; i < probe; i++) {
        uint64_t key = probes[i].key, slot = mix(key) & mask;
        while (table[slot].key && table[slot].key != key)
            slot = (slot + 1) & mask;
        if (table[slot].key)
            result[matches++] = (struct pair){probes[i].payload, table[slot].payload, key, table[slot].payload + i};
    }
    printf("%llu matches, sum %llu\n", (unsigned long long)matches, (unsigned long long)result[matches / 2].sum);
    return 0;
}
