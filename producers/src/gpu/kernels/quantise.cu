// Symmetric quantisation to 8 bits with a scale for each row: q = round(x / scale), scale = max |x| / 127.

// The bytes of a pack's elements.
struct alignas(SIZE) Bytes {
    signed char at[SIZE];
};

extern "C" __global__ void __launch_bounds__(THREADS)
    quantise(Bytes *__restrict__ out, float *__restrict__ scales, const Pack<T> *__restrict__ in, Size rows,
             unsigned packs) {
    Size number = row_of_group();
    if (number >= rows) return;
    Row row = load_row(in + number * packs, packs, 0);
    W most = over_row<Max>(row, [](W x) { return x < 0 ? -x : x; });
    W inverse = most > 0 ? 127 / most : W(0);
    if (place() == 0) scales[number] = most / 127;
#pragma unroll
    for (int p = 0; p < PACKS; ++p) {
        unsigned i = place() + p * GROUP;
        if (i >= packs) continue;
        Bytes bytes;
#pragma unroll
        for (int j = 0; j < SIZE; ++j) bytes.at[j] = (signed char)__float2int_rn(row.at[p][j] * inverse);
        out[number * packs + i] = bytes;
    }
}

// x = q · scale
extern "C" __global__ void __launch_bounds__(THREADS)
    dequantise(Pack<T> *__restrict__ out, const Bytes *__restrict__ in, const float *__restrict__ scales, Size rows,
               unsigned packs) {
    Size number = row_of_group();
    if (number >= rows) return;
    Bytes bytes[PACKS];
    W scale = scales[number];
#pragma unroll
    for (int p = 0; p < PACKS; ++p) {
        unsigned i = place() + p * GROUP;
        if (i < packs) bytes[p] = in[number * packs + i];
    }
    Row row;
#pragma unroll
    for (int p = 0; p < PACKS; ++p)
#pragma unroll
        for (int j = 0; j < SIZE; ++j) row.at[p][j] = bytes[p].at[j] * scale;
    store_row(out + number * packs, packs, row);
}
