/* The region of interest lies between a call of region_begins and one of region_ends: nothing else calls these
 * functions, and no compiler inlines them. dse trace record --instructions --from region_begins --to region_ends */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noipa)) void region_begins(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noipa)) void region_ends(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((unused)) static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}
