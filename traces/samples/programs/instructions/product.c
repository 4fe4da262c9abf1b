/* Product of two 48 x 48 matrices in double precision, complete: the same work however it is compiled. With -DTILE=n
 * it runs over tiles of n x n, which must divide 48. Nothing is rounded, so that all variants give the same numbers. */
#include "region.h"

#define N 48
#ifndef TILE
#define TILE n
#endif

static double a[N * N], b[N * N], c[N * N];

__attribute__((noipa)) static void multiply(double *restrict out, const double *restrict left,
                                               const double *restrict right, int n)
{
    for (int i0 = 0; i0 < n; i0 += TILE)
        for (int k0 = 0; k0 < n; k0 += TILE)
            for (int j0 = 0; j0 < n; j0 += TILE)
                for (int i = i0; i < i0 + TILE; i++)
                    for (int k = k0; k < k0 + TILE; k++) {
                        double factor = left[i * n + k];
                        const double *restrict from = right + k * n;
                        double *restrict to = out + i * n;
                        for (int j = j0; j < j0 + TILE; j++)
                            to[j] += factor * from[j];
                    }
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : N;
    double sum = 0;
    if (n != N)
        return 1;
    for (int i = 0; i < N * N; i++) {
        a[i] = (double)(i % 7) - 3.0;
        b[i] = (double)(i % 5) - 2.0;
    }
    region_begins();
    multiply(c, a, b, n);
    region_ends();
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            sum += c[i * N + j] * (i - j);
    printf("%g\n", sum);
    return 0;
}
