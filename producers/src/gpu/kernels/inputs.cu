// Inputs that the host can compute too. The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of the
// place and the seed, as a number in [-1, 1) of 24 bits, which f32 and f64 hold exactly.

// Element `i` of the array with seed `seed`.
__device__ double element(Size seed, Size i) {
    Size z = seed + (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z = z ^ (z >> 31);
    return (double)(z >> 40) * (1.0 / 8388608.0) - 1.0;
}

extern "C" __global__ void fill(T *out, Size n, Size seed) {
    Size i = (Size)blockIdx.x * blockDim.x + threadIdx.x;
    for (; i < n; i += (Size)gridDim.x * blockDim.x) narrow((W)element(seed, i), out[i]);
}
