// Inputs that the host can compute too. The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of the
// place and the seed, as a number in [-1, 1) of 24 bits, which f32 and f64 hold exactly.

// Element `i` of the array with seed `seed`.
__device__ double element(unsigned long long seed, unsigned long long i) {
    unsigned long long z = seed + (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z = z ^ (z >> 31);
    return (double)(z >> 40) * (1.0 / 8388608.0) - 1.0;
}

// The bits of `x` in a type with `exponent` bits of exponent and `mantissa` of mantissa, rounded to the nearest even; |x| < 2, and what is smaller than the smallest normal number is 0.
__device__ unsigned short narrow(float x, int exponent, int mantissa) {
    unsigned bits = __float_as_uint(x);
    unsigned sign = bits >> 31, rest = bits & 0x7fffffff;
    rest += (1u << (22 - mantissa)) - 1 + ((rest >> (23 - mantissa)) & 1);
    int power = (int)(rest >> 23) - 127, bias = (1 << (exponent - 1)) - 1;
    if (power + bias <= 0) return (unsigned short)(sign << (exponent + mantissa));
    unsigned fraction = (rest >> (23 - mantissa)) & ((1u << mantissa) - 1);
    return (unsigned short)(sign << (exponent + mantissa) | (unsigned)(power + bias) << mantissa | fraction);
}

#define EACH(i) \
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; \
         i += (unsigned long long)gridDim.x * blockDim.x)

extern "C" __global__ void fill_double(double *out, unsigned long long n, unsigned long long seed) {
    EACH(i) out[i] = element(seed, i);
}

extern "C" __global__ void fill_float(float *out, unsigned long long n, unsigned long long seed) {
    EACH(i) out[i] = (float)element(seed, i);
}

extern "C" __global__ void fill_half(unsigned short *out, unsigned long long n, unsigned long long seed) {
    EACH(i) out[i] = narrow((float)element(seed, i), 5, 10);
}

extern "C" __global__ void fill_bfloat16(unsigned short *out, unsigned long long n, unsigned long long seed) {
    EACH(i) out[i] = narrow((float)element(seed, i), 8, 7);
}

// e4m3: 4 bits of exponent, 3 of mantissa.
extern "C" __global__ void fill_e4m3(unsigned char *out, unsigned long long n, unsigned long long seed) {
    EACH(i) out[i] = (unsigned char)narrow((float)element(seed, i), 4, 3);
}

// Whole numbers in [-127, 127].
extern "C" __global__ void fill_int8(signed char *out, unsigned long long n, unsigned long long seed) {
    EACH(i) out[i] = (signed char)__double2int_rn(element(seed, i) * 127.0);
}
