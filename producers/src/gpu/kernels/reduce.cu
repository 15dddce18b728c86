// The sum of an array in one launch: each block adds its share up, and the block that ends last adds the blocks'
// sums up, in a fixed order, so that every run gives the same.

// The sum of `x` over a block, in thread 0.
__device__ W block_sum(W x) {
    __shared__ W sums[THREADS / 32];
    for (int distance = 16; distance > 0; distance /= 2) x += __shfl_down_sync(~0u, x, distance);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = x;
    __syncthreads();
    x = threadIdx.x < THREADS / 32 ? sums[threadIdx.x] : W(0);
    if (threadIdx.x < 32)
        for (int distance = THREADS / 64; distance > 0; distance /= 2) x += __shfl_down_sync(~0u, x, distance);
    __syncthreads();
    return x;
}

__device__ W pack_sum(const Pack<T> &pack) {
    W sum = widen(pack.at[0]);
#pragma unroll
    for (int j = 1; j < Pack<T>::SIZE; ++j) sum += widen(pack.at[j]);
    return sum;
}

// `partial` has room for a sum of each block; `done` is 0 before and after.
extern "C" __global__ void __launch_bounds__(THREADS)
    reduce(const Pack<T> *__restrict__ a, W *total, volatile W *partial, unsigned *done, Size packs) {
    W sums[LOADS] = {};
    const Size tile = LOADS * THREADS;
    for (Size start = blockIdx.x * tile; start < packs; start += gridDim.x * tile) {
        Size first = start + threadIdx.x;
        if (start + tile <= packs) {
            Pack<T> x[LOADS];
#pragma unroll
            for (int u = 0; u < LOADS; ++u) x[u] = load(a, first + u * THREADS);
#pragma unroll
            for (int u = 0; u < LOADS; ++u) sums[u] += pack_sum(x[u]);
        } else {
            for (Size i = first; i < packs; i += THREADS) sums[0] += pack_sum(load(a, i));
        }
    }
    W sum = 0;
#pragma unroll
    for (int u = 0; u < LOADS; ++u) sum += sums[u];
    sum = block_sum(sum);

    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sum;
        __threadfence();
        last = atomicAdd(done, 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    __threadfence();
    sum = 0;
    for (unsigned i = threadIdx.x; i < gridDim.x; i += THREADS) sum += partial[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        *total = sum;
        *done = 0;
    }
}
