/* The triad a = b + s*c as plain C, for comparison. It reads lines "ELEMENTS BYTES REPETITIONS"
 * (BYTES of an element: 4 or 8) and answers each with the seconds that the repetitions took.
 *
 *     gcc -O3 -march=native -fopenmp triad.c -o triad
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIAD(T, name)                                                                      \
    static double name(T *restrict a, const T *restrict b, const T *restrict c, size_t n,   \
                       long repetitions) {                                                  \
        double start = omp_get_wtime();                                                     \
        for (long r = 0; r < repetitions; r++) {                                            \
            _Pragma("omp parallel for schedule(static)") for (size_t i = 0; i < n; i++)     \
                a[i] = b[i] + (T)0.75 * c[i];                                               \
            __asm__ volatile("" : : "r"(a) : "memory");                                     \
        }                                                                                   \
        return omp_get_wtime() - start;                                                     \
    }

TRIAD(float, triad_f32)
TRIAD(double, triad_f64)

static void *array(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) {
        fprintf(stderr, "triad: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return memory;
}

/* Each thread writes the part first that it will use. */
#define FILL(T)                                                                             \
    _Pragma("omp parallel for schedule(static)") for (size_t i = 0; i < n; i++) {           \
        ((T *)a)[i] = 1;                                                                    \
        ((T *)b)[i] = (T)(0.5 + (double)(i % 7));                                           \
        ((T *)c)[i] = (T)(1.5 - (double)(i % 5));                                           \
    }

int main(void) {
    size_t n, bytes, room = 0;
    long repetitions;
    void *a = NULL, *b = NULL, *c = NULL;
    while (scanf("%zu %zu %ld", &n, &bytes, &repetitions) == 3) {
        if (room != n * bytes) {
            free(a), free(b), free(c);
            room = n * bytes;
            a = array(room), b = array(room), c = array(room);
            if (bytes == 4) {
                FILL(float)
            } else {
                FILL(double)
            }
        }
        double seconds = bytes == 4 ? triad_f32(a, b, c, n, repetitions) : triad_f64(a, b, c, n, repetitions);
        printf("%.9f\n", seconds);
        fflush(stdout);
    }
    return 0;
}
