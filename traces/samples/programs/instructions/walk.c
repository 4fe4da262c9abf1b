/* Breadth-first walk over a random graph of 16,384 vertices and 8 edges each, of which a window is recorded: vertex
 * records of 64 bytes, 1 MiB of them, are visited in random order, and whether one is new depends on the data. */
#include "region.h"

#define VERTICES 16384
#define DEGREE 8

static struct vertex {
    uint32_t depth, parent;
    uint32_t neighbour[DEGREE];
    uint64_t visits, padding[2];
} vertex[VERTICES];
static uint32_t queue[VERTICES];

__attribute__((noinline)) static uint32_t walk(void)
{
    uint32_t head = 0, tail = 0;
    vertex[0].depth = 1;
    queue[tail++] = 0;
    while (head < tail) {
        uint32_t at = queue[head++];
        for (int e = 0; e < DEGREE; e++) {
            struct vertex *found = &vertex[vertex[at].neighbour[e]];
            found->visits++;
            if (!found->depth) {
                found->depth = vertex[at].depth + 1;
                found->parent = at;
                queue[tail++] = vertex[at].neighbour[e];
            }
        }
    }
    return tail;
}

int main(void)
{
    for (uint32_t v = 0; v < VERTICES; v++)
        for (int e = 0; e < DEGREE; e++)
            vertex[v].neighbour[e] = mix(v * DEGREE + e + 1) % VERTICES;
    region_begins();
    uint32_t reached = walk();
    region_ends();
    printf("%u vertices, the last one at depth %u\n", reached, vertex[queue[reached - 1]].depth);
    return 0;
}
