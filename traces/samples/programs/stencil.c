/* Five-point Jacobi stencil on a square grid in double precision, two grids in turn: three sequential read streams,
 * one of which is new to the cache, and one write stream.
 * The sample `stencil` is a window of: stencil 768 4 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 768, sweeps = argc > 2 ? atoi(argv[2]) : 4;
    size_t cells = (size_t)n * n;
    double *from = malloc(cells * sizeof *from), *to = malloc(cells * sizeof *to);
    if (n < 3 || !from || !to)
        return 1;
    for (size_t i = 0; i < cells; i++)
        from[i] = to[i] = (double)(i % 11);
    for (int sweep = 0; sweep < sweeps; sweep++) {
        for (int y = 1; y < n - 1; y++) {
            const double *row = from + (size_t)y * n;
            double *out = to + (size_t)y * n;
            for (int x = 1; x < n - 1; x++)
                out[x] = 0.2 * (row[x] + row[x - 1] + row[x + 1] + row[x - n] + row[x + n]);
        }
        double *other = from;
        from = to;
        to = other;
    }
    printf("%g\n", from[cells / 2]);
    return 0;
}
