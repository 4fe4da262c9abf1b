/* Pointer chase: a list of 32,768 nodes of 64 bytes in random order, 2 MiB, of which 24,000 are visited: every load
 * needs the one before, and one in four nodes is changed. */
#include "region.h"

#define NODES 32768
#define STEPS 24000

static struct node {
    struct node *next;
    uint64_t value, padding[6];
} node[NODES];

__attribute__((noinline)) static uint64_t chase(const struct node *start, int steps)
{
    struct node *at = start->next;
    uint64_t sum = 0;
    for (int i = 0; i < steps; i++) {
        sum += at->value;
        if ((at->value & 3) == 0)
            at->value = sum;
        at = at->next;
    }
    return sum;
}

int main(void)
{
    static uint32_t order[NODES];
    for (uint32_t i = 0; i < NODES; i++)
        order[i] = i;
    for (uint32_t i = NODES - 1; i > 0; i--) {
        uint32_t j = mix(i) % (i + 1), other = order[i];
        order[i] = order[j];
        order[j] = other;
    }
    for (uint32_t i = 0; i < NODES; i++) {
        node[order[i]].next = &node[order[(i + 1) % NODES]];
        node[order[i]].value = mix(i + NODES);
    }
    region_begins();
    uint64_t sum = chase(&node[order[0]], STEPS);
    region_ends();
    printf("%llx\n", (unsigned long long)sum);
    return 0;
}
