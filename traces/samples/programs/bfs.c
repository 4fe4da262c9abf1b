/* Breadth-first search on a random directed graph of constant out-degree: neighbours are read in sequence, the
 * vertex records they point at in random order, and every vertex found is written and queued.
 * The sample `bfs` is a window of: bfs 17 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define DEGREE 8

struct vertex {
    int32_t depth;
    uint32_t parent;
    uint64_t visits;
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
    if (bits < 4 || bits > 24)
        return 1;
    uint32_t n = 1u << bits, head = 0, tail = 0;
    uint32_t *neighbour = malloc((size_t)n * DEGREE * sizeof *neighbour), *queue = malloc(n * sizeof *queue);
    struct vertex *vertex = malloc(n * sizeof *vertex);
    if (!neighbour || !queue || !vertex)
        return 1;
    for (uint32_t i = 0; i < n * DEGREE; i += 2) {
        uint64_t bits_drawn = mix(i + 1);
        neighbour[i] = (uint32_t)bits_drawn & (n - 1);
        neighbour[i + 1] = (uint32_t)(bits_drawn >> 32) & (n - 1);
    }
    for (uint32_t v = 0; v < n; v++)
        vertex[v] = (struct vertex){-1, 0, 0};
    vertex[0].depth = 0;
    queue[tail++] = 0;
    while (head < tail) {
        uint32_t v = queue[head++];
        for (uint32_t e = v * DEGREE; e < (v + 1) * DEGREE; e++) {
            struct vertex *found = &vertex[neighbour[e]];
            found->visits++;
            if (found->depth < 0) {
                found->depth = vertex[v].depth + 1;
                found->parent = v;
                queue[tail++] = neighbour[e];
            }
        }
    }
    printf("%u of %u vertices, depth %d\n", tail, n, vertex[queue[tail - 1]].depth);
    return 0;
}
