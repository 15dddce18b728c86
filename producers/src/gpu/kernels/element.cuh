// Element types, and vectors of 16 bytes of them. f16 and bf16 are computed in f32; they are converted here by PTX,
// so that the compiler needs no header files.

typedef unsigned long long Size;

struct Half {
    unsigned short bits;
};
struct Bfloat16 {
    unsigned short bits;
};

// The element type of a kernel. (A macro T would break the compiler's own headers.)
typedef ELEMENT T;

// What a type is computed in.
template <class Element> struct Wider {
    typedef float Type;
};
template <> struct Wider<double> {
    typedef double Type;
};

__device__ __forceinline__ double widen(double x) { return x; }
__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(Half x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}
__device__ __forceinline__ float widen(Bfloat16 x) { return __uint_as_float((unsigned)x.bits << 16); }

// To the nearest even.
__device__ __forceinline__ void narrow(double x, double &y) { y = x; }
__device__ __forceinline__ void narrow(float x, float &y) { y = x; }
__device__ __forceinline__ void narrow(float x, Half &y) {
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
}
__device__ __forceinline__ void narrow(float x, Bfloat16 &y) {
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else
    unsigned bits = __float_as_uint(x);
    y.bits = (unsigned short)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
#endif
}

// e to the power of x, to about 2 ulp for |x| of a few.
__device__ __forceinline__ double power(double x) { return exp(x); }
__device__ __forceinline__ float power(float x) { return __expf(x); }

typedef Wider<T>::Type W;

template <class Element> struct alignas(16) Pack {
    static const int SIZE = 16 / sizeof(Element);
    Element at[SIZE];
};

// Pack `i` of `from`, in one access.
template <class Element> __device__ __forceinline__ Pack<Element> load(const Pack<Element> *from, Size i) {
    Pack<Element> pack;
    *(uint4 *)&pack = __ldg((const uint4 *)from + i);
    return pack;
}
template <class Element> __device__ __forceinline__ void store(Pack<Element> *to, Size i, const Pack<Element> &pack) {
    ((uint4 *)to)[i] = *(const uint4 *)&pack;
}
