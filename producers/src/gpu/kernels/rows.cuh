// Rows of a matrix, each read once and kept in registers by a group of GROUP threads, PACKS packs a thread. A group is
// a warp, of which a block has several, or a block.

const int SIZE = Pack<T>::SIZE;

struct Sum {
    static __device__ W none() { return 0; }
    static __device__ W of(W x, W y) { return x + y; }
};
struct Max {
    static __device__ W none() { return -INFINITE; }
    static __device__ W of(W x, W y) { return x > y ? x : y; }
};

template <class Operation> __device__ __forceinline__ W over_warp(W x) {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
        x = Operation::of(x, __shfl_xor_sync(~0u, x, distance));
    return x;
}

// `x` of every thread of the group together, in each of them.
template <class Operation> __device__ __forceinline__ W over_group(W x) {
    x = over_warp<Operation>(x);
    if (GROUP == 32) return x;
    __shared__ W warps[32];
    int lane = threadIdx.x % 32;
    // What another call left there has been read.
    __syncthreads();
    if (lane == 0) warps[threadIdx.x / 32] = x;
    __syncthreads();
    return over_warp<Operation>(lane < GROUP / 32 ? warps[lane] : Operation::none());
}

// The row of this thread's group, and the thread's place in the group.
__device__ __forceinline__ Size row_of_group() { return (Size)blockIdx.x * (THREADS / GROUP) + threadIdx.x / GROUP; }
__device__ __forceinline__ unsigned place() { return threadIdx.x % GROUP; }

struct Row {
    W at[PACKS][SIZE];
};

// This thread's part of the row of `packs` packs at `from`; `filler` where the row has ended.
__device__ __forceinline__ Row load_row(const Pack<T> *from, unsigned packs, W filler) {
    Pack<T> raw[PACKS];
#pragma unroll
    for (int p = 0; p < PACKS; ++p) {
        unsigned i = place() + p * GROUP;
        if (i < packs) raw[p] = load(from, i);
    }
    Row row;
#pragma unroll
    for (int p = 0; p < PACKS; ++p) {
        bool within = place() + p * GROUP < packs;
#pragma unroll
        for (int j = 0; j < SIZE; ++j) row.at[p][j] = within ? widen(raw[p].at[j]) : filler;
    }
    return row;
}

__device__ __forceinline__ void store_row(Pack<T> *to, unsigned packs, const Row &row) {
#pragma unroll
    for (int p = 0; p < PACKS; ++p) {
        unsigned i = place() + p * GROUP;
        if (i >= packs) continue;
        Pack<T> pack;
#pragma unroll
        for (int j = 0; j < SIZE; ++j) narrow(row.at[p][j], pack.at[j]);
        store(to, i, pack);
    }
}

// `Operation` over f of each element of the row.
template <class Operation, class Function> __device__ __forceinline__ W over_row(Row &row, Function f) {
    W all = Operation::none();
#pragma unroll
    for (int p = 0; p < PACKS; ++p)
#pragma unroll
        for (int j = 0; j < SIZE; ++j) all = Operation::of(all, f(row.at[p][j]));
    return over_group<Operation>(all);
}
