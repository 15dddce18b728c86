// Element types, and vectors of 16 bytes of them. f16 and bf16 are computed in f32.

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
typedef Wider<T>::Type W;

__device__ __forceinline__ double widen(double x) { return x; }
__device__ __forceinline__ float widen(float x) { return x; }

__device__ __forceinline__ void narrow(double x, double &y) { y = x; }
__device__ __forceinline__ void narrow(float x, float &y) { y = x; }

// e to the power of x, to about 2 ulp for |x| of a few.
__device__ __forceinline__ double power(double x) { return exp(x); }
__device__ __forceinline__ float power(float x) { return __expf(x); }

__device__ __forceinline__ double inverse_root(double x) { return rsqrt(x); }
__device__ __forceinline__ float inverse_root(float x) { return rsqrtf(x); }

// Infinity, without a header.
#define INFINITE (W)__longlong_as_double(0x7ff0000000000000ll)

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
