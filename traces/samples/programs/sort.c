/* Radix sort of 64-bit keys, least significant byte first: each pass reads one array in sequence and appends to 256
 * buckets of the other, so that the write-backs jump from bucket to bucket.
 * The sample `sort` is a window of: sort 18 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int main(int argc, char **argv)
{
    int bits = argc > 1 ? atoi(argv[1]) : 18;
    if (bits < 4 || bits > 26)
        return 1;
    size_t n = (size_t)1 << bits;
    uint64_t *from = malloc(n * sizeof *from), *to = malloc(n * sizeof *to);
    if (!from || !to)
        return 1;
    for (size_t i = 0; i < n; i++)
        from[i] = mix(i + 1);
    for (int shift = 0; shift < 64; shift += 8) {
        size_t next[257] = {0};
        for (size_t i = 0; i < n; i++)
            next[((from[i] >> shift) & 255) + 1]++;
        for (int bucket = 0; bucket < 256; bucket++)
            next[bucket + 1] += next[bucket];
        for (size_t i = 0; i < n; i++)
            to[next[(from[i] >> shift) & 255]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    for (size_t i = 1; i < n; i++)
        if (from[i - 1] > from[i])
            return 2;
    printf("%llx is the median of %zu keys\n", (unsigned long long)from[n / 2], n);
    return 0;
}
