// Element-wise kernels over arrays of whole packs. A block takes tiles, UNROLL packs a thread: all LOADS of a thread
// are on their way before the first is waited for.

struct Copy {
    static const int UNROLL = LOADS, READS = 1;
    static __device__ W of(W x, W, W) { return x; }
};
struct Scale {
    static const int UNROLL = LOADS, READS = 1;
    static __device__ W of(W x, W, W s) { return s * x; }
};
struct Add {
    static const int UNROLL = LOADS / 2, READS = 2;
    static __device__ W of(W x, W y, W) { return x + y; }
};
struct Triad {
    static const int UNROLL = LOADS / 2, READS = 2;
    static __device__ W of(W x, W y, W s) { return x + s * y; }
};

template <class Operation> __device__ __forceinline__ Pack<T> apply(const Pack<T> &b, const Pack<T> &c, W s) {
    Pack<T> a;
#pragma unroll
    for (int j = 0; j < Pack<T>::SIZE; ++j) narrow(Operation::of(widen(b.at[j]), widen(c.at[j]), s), a.at[j]);
    return a;
}

template <class Operation>
__device__ __forceinline__ void tiles(Pack<T> *__restrict__ a, const Pack<T> *__restrict__ b,
                                      const Pack<T> *__restrict__ c, W s, Size packs) {
    const int UNROLL = Operation::UNROLL;
    const Size tile = UNROLL * THREADS;
    for (Size start = blockIdx.x * tile; start < packs; start += gridDim.x * tile) {
        Pack<T> x[UNROLL], y[UNROLL];
        Size first = start + threadIdx.x;
        bool whole = start + tile <= packs;
#pragma unroll
        for (int u = 0; u < UNROLL; ++u) {
            Size i = first + u * THREADS;
            if (!whole && i >= packs) continue;
            x[u] = load(b, i);
            y[u] = Operation::READS == 2 ? load(c, i) : x[u];
        }
#pragma unroll
        for (int u = 0; u < UNROLL; ++u) {
            Size i = first + u * THREADS;
            if (whole || i < packs) store(a, i, apply<Operation>(x[u], y[u], s));
        }
    }
}

#define KERNEL(name, Operation)                                                                     \
    extern "C" __global__ void __launch_bounds__(THREADS)                                           \
        name(Pack<T> *a, const Pack<T> *b, const Pack<T> *c, double s, Size packs) {                \
        tiles<Operation>(a, b, c, (W)s, packs);                                                     \
    }

// a = b
KERNEL(copy, Copy)
// a = s·b
KERNEL(scale, Scale)
// a = b + c
KERNEL(add, Add)
// a = b + s·c
KERNEL(triad, Triad)
