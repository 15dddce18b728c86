// The places of a sparse matrix's elements, which the host can compute too.

// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
__device__ Size scramble(Size seed, Size i) {
    Size z = seed + (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// The columns of each row of n × n, ascending: around the diagonal, or one at a random place of each of `per_row`
// stripes.
extern "C" __global__ void columns(int *out, Size n, Size per_row, int is_random,
                                   Size seed) {
    Size stride = (Size)gridDim.x * blockDim.x;
    for (Size i = (Size)blockIdx.x * blockDim.x + threadIdx.x; i < n * per_row;
         i += stride) {
        Size row = i / per_row, slot = i % per_row;
        if (is_random) {
            Size begin = slot * n / per_row, end = (slot + 1) * n / per_row;
            out[i] = (int)(begin + scramble(seed, i) % (end - begin));
        } else {
            Size first = row > per_row / 2 ? row - per_row / 2 : 0;
            first = first < n - per_row ? first : n - per_row;
            out[i] = (int)(first + slot);
        }
    }
}
