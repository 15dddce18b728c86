// What collectives move and how it is checked: whole numbers in a pattern of `period`, as the bits of an element of
// BYTES bytes, so that every type is compared bit by bit. And the part of a data-parallel step that is not a
// collective.

#ifndef BYTES
#define BYTES 4
#endif

#if BYTES == 2
typedef unsigned short Element;
#elif BYTES == 4
typedef unsigned int Element;
#else
typedef unsigned long long Element;
#endif

#define EACH(i) \
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; \
         i += (unsigned long long)gridDim.x * blockDim.x)

// Element `i` becomes that of the pattern at `first + i`.
extern "C" __global__ void fill(Element *out, unsigned long long n, const unsigned long long *pattern,
                                unsigned long long period, unsigned long long first) {
    EACH(i) out[i] = (Element)pattern[(first + i) % period];
}

// Adds the number of elements that are not those of the pattern to `count`.
extern "C" __global__ void differing(const Element *found, unsigned long long n, const unsigned long long *pattern,
                                     unsigned long long period, unsigned long long first,
                                     unsigned long long *count) {
    unsigned long long wrong = 0;
    EACH(i) wrong += found[i] != (Element)pattern[(first + i) % period];
    if (wrong != 0) atomicAdd(count, wrong);
}

// a = b + s·c, in vectors of four.
extern "C" __global__ void share_of_triad(float4 *a, const float4 *b, const float4 *c, float s,
                                          unsigned long long n) {
    EACH(i) {
        float4 x = b[i], y = c[i];
        a[i] = make_float4(x.x + s * y.x, x.y + s * y.y, x.z + s * y.z, x.w + s * y.w);
    }
}
