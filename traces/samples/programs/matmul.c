/* Matrix product C += A x B in double precision, blocked over the inner dimension so that a few rows of B stay in
 * the second-level cache while all of C streams through: reads and write-backs of C, reads of A and B.
 * The sample `matmul` is a window of: matmul 512 */
#include <stdio.h>
#include <stdlib.h>

#define BLOCK 4

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 512;
    size_t cells = (size_t)n * n;
    double *a = malloc(cells * sizeof *a), *b = malloc(cells * sizeof *b), *c = calloc(cells, sizeof *c);
    if (n < BLOCK || n % BLOCK || !a || !b || !c)
        return 1;
    for (size_t i = 0; i < cells; i++) {
        a[i] = (double)(i % 7) - 3.0;
        b[i] = (double)(i % 5) - 2.0;
    }
    for (int block = 0; block < n; block += BLOCK)
        for (int i = 0; i < n; i++)
            for (int k = block; k < block + BLOCK; k++) {
                double factor = a[(size_t)i * n + k];
                for (int j = 0; j < n; j++)
                    c[(size_t)i * n + j] += factor * b[(size_t)k * n + j];
            }
    printf("%g\n", c[cells / 2]);
    return 0;
}
