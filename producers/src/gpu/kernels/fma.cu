// Fused multiply-adds in registers: as many as the units can do. Each chain goes x → 2x − 1 → ½(2x − 1) + ½ = x, and
// once in a round x + 1/128. With x in [1, 2) every type of 8 bits of mantissa or more does that without rounding, so
// that the end is known to the last bit, and depends on each round. f16 and bf16 go in pairs, two to a register.

const int CHAINS = 4;

#if PAIRED
typedef unsigned Lane;
__device__ __forceinline__ Lane both(T x) { return (unsigned)x.bits << 16 | x.bits; }
#else
typedef T Lane;
__device__ __forceinline__ Lane both(T x) { return x; }
__device__ __forceinline__ double fma_of(double x, double a, double b, double) { return __fma_rn(x, a, b); }
__device__ __forceinline__ float fma_of(float x, float a, float b, float) { return __fmaf_rn(x, a, b); }
#endif

__device__ __forceinline__ Lane number(double x) {
    T y;
    narrow((W)x, y);
    return both(y);
}

// Multiply-adds of a chain: ROUNDS · (2 · PAIRS + 1). `two` is 2: what the compiler cannot know it cannot simplify.
extern "C" __global__ void __launch_bounds__(THREADS) fma_chains(Lane *x, double two) {
    Size thread = (Size)blockIdx.x * THREADS + threadIdx.x, threads = (Size)gridDim.x * THREADS;
    const Lane double_it = number(two), minus_one = number(1 - two), half = number(1 / two);
    const Lane one = number(two - 1), step = number((two - 1) / 128);
    Lane y[CHAINS];
#pragma unroll
    for (int c = 0; c < CHAINS; ++c) y[c] = x[thread + c * threads];
#pragma unroll 1
    for (int round = 0; round < ROUNDS; ++round) {
#pragma unroll 32
        for (int pair = 0; pair < PAIRS; ++pair) {
#pragma unroll
            for (int c = 0; c < CHAINS; ++c) y[c] = fma_of(y[c], double_it, minus_one, T());
#pragma unroll
            for (int c = 0; c < CHAINS; ++c) y[c] = fma_of(y[c], half, half, T());
        }
#pragma unroll
        for (int c = 0; c < CHAINS; ++c) y[c] = fma_of(y[c], one, step, T());
    }
#pragma unroll
    for (int c = 0; c < CHAINS; ++c) x[threads * CHAINS + thread + c * threads] = y[c];
}
