// Softmax of each row, stable: e^(x − max) / Σ e^(x − max).

// One read and one write: the row stays in registers.
extern "C" __global__ void __launch_bounds__(THREADS)
    softmax(Pack<T> *__restrict__ out, const Pack<T> *__restrict__ in, Size rows, unsigned packs) {
    Size number = row_of_group();
    if (number >= rows) return;
    Row row = load_row(in + number * packs, packs, -INFINITE);
    W max = over_row<Max>(row, [](W x) { return x; });
    W sum = over_row<Sum>(row, [max](W &x) { return x = power(x - max); });
    W scale = 1 / sum;
#pragma unroll
    for (int p = 0; p < PACKS; ++p)
#pragma unroll
        for (int j = 0; j < SIZE; ++j) row.at[p][j] *= scale;
    store_row(out + number * packs, packs, row);
}

// Rows that do not fit into registers are read twice: first for the maximum and the sum in one pass (Milakov and
// Gimelshein, 2018), then for the result.
extern "C" __global__ void __launch_bounds__(THREADS)
    softmax_long(Pack<T> *__restrict__ out, const Pack<T> *__restrict__ in, Size, unsigned packs) {
    out += (Size)blockIdx.x * packs;
    in += (Size)blockIdx.x * packs;
    W max = Max::none(), sum = 0;
#pragma unroll 2
    for (unsigned i = threadIdx.x; i < packs; i += THREADS) {
        Pack<T> pack = load(in, i);
        W higher = max, of_pack = 0;
#pragma unroll
        for (int j = 0; j < SIZE; ++j) higher = Max::of(higher, widen(pack.at[j]));
#pragma unroll
        for (int j = 0; j < SIZE; ++j) of_pack += power(widen(pack.at[j]) - higher);
        sum = sum * power(max - higher) + of_pack;
        max = higher;
    }
    W all = over_group<Max>(max);
    W scale = 1 / over_group<Sum>(sum * power(max - all));
#pragma unroll 2
    for (unsigned i = threadIdx.x; i < packs; i += THREADS) {
        Pack<T> pack = load(in, i), result;
#pragma unroll
        for (int j = 0; j < SIZE; ++j) narrow(power(widen(pack.at[j]) - all) * scale, result.at[j]);
        store(out, i, result);
    }
}
