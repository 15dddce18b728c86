// Element-wise kernels. T is the element type, VECTOR how many of them one access takes (16 bytes).
// Arrays are whole vectors long and aligned to them.

struct alignas(sizeof(ELEMENT) * VECTOR) Pack {
    ELEMENT at[VECTOR];
};

// a = b + s·c
extern "C" __global__ void triad(Pack *__restrict__ a, const Pack *__restrict__ b, const Pack *__restrict__ c, ELEMENT s,
                                 unsigned long long packs) {
    unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < packs; i += stride) {
        Pack x = b[i], y = c[i], z;
#pragma unroll
        for (int j = 0; j < VECTOR; ++j) z.at[j] = x.at[j] + s * y.at[j];
        a[i] = z;
    }
}
