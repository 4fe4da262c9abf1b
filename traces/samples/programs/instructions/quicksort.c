/* Quicksort of 8,192 pseudo-random keys, median of three, with insertion sort for short parts: branches that depend on
 * the data, and a working set of 64 KiB. */
#include "region.h"

#define KEYS 8192
#define SHORT 12

static uint64_t key[KEYS];

static void insert(long low, long high)
{
    for (long i = low + 1; i <= high; i++) {
        uint64_t moved = key[i];
        long j = i;
        for (; j > low && key[j - 1] > moved; j--)
            key[j] = key[j - 1];
        key[j] = moved;
    }
}

static uint64_t median(uint64_t x, uint64_t y, uint64_t z)
{
    uint64_t low = x < y ? x : y, high = x < y ? y : x;
    return z < low ? low : z > high ? high : z;
}

__attribute__((noinline)) static void sort(long low, long high)
{
    while (high - low >= SHORT) {
        uint64_t pivot = median(key[low], key[low + (high - low) / 2], key[high]);
        long i = low, j = high;
        while (i <= j) {
            while (key[i] < pivot)
                i++;
            while (key[j] > pivot)
                j--;
            if (i <= j) {
                uint64_t other = key[i];
                key[i++] = key[j];
                key[j--] = other;
            }
        }
        if (j - low < high - i) {
            sort(low, j);
            low = i;
        } else {
            sort(i, high);
            high = j;
        }
    }
    insert(low, high);
}

int main(void)
{
    for (long i = 0; i < KEYS; i++)
        key[i] = mix(i + 1);
    region_begins();
    sort(0, KEYS - 1);
    region_ends();
    for (long i = 1; i < KEYS; i++)
        if (key[i - 1] > key[i])
            return 1;
    printf("%llx\n", (unsigned long long)key[KEYS / 2]);
    return 0;
}
