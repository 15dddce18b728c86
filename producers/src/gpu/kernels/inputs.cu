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

// The bits of `x` in e4m3, whose bias is 7: to the nearest even; |x| < 2, and what is smaller than the smallest
// normal number is 0. Not by PTX, which has it from compute capability 8.9.
__device__ unsigned char e4m3(float x) {
    unsigned bits = __float_as_uint(x), sign = bits >> 31 << 7, rest = bits & 0x7fffffff;
    rest += (1u << 19) - 1 + (rest >> 20 & 1);
    int power = (int)(rest >> 23) - 127;
    return (unsigned char)(power < -6 ? sign : sign | (unsigned)(power + 7) << 3 | (rest >> 20 & 7));
}

extern "C" __global__ void fill_e4m3(unsigned char *out, Size n, Size seed) {
    Size i = (Size)blockIdx.x * blockDim.x + threadIdx.x;
    for (; i < n; i += (Size)gridDim.x * blockDim.x) out[i] = e4m3((float)element(seed, i));
}

// Whole numbers in [-127, 127].
extern "C" __global__ void fill_int8(signed char *out, Size n, Size seed) {
    Size i = (Size)blockIdx.x * blockDim.x + threadIdx.x;
    for (; i < n; i += (Size)gridDim.x * blockDim.x) out[i] = (signed char)rint(element(seed, i) * 127.0);
}
