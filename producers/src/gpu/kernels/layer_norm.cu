// Layer normalisation of each row: (x − mean) / √(variance + ε) · γ + β. The variance is of the centred row, in
// registers, and not the difference of two large numbers.

extern "C" __global__ void __launch_bounds__(THREADS)
    layer_norm(Pack<T> *__restrict__ out, const Pack<T> *__restrict__ in, const Pack<T> *__restrict__ gamma,
               const Pack<T> *__restrict__ beta, Size rows, unsigned packs, double epsilon) {
    Size number = row_of_group();
    if (number >= rows) return;
    Row row = load_row(in + number * packs, packs, 0);
    W columns = packs * SIZE;
    W mean = over_row<Sum>(row, [](W x) { return x; }) / columns;
#pragma unroll
    for (int p = 0; p < PACKS; ++p) {
        bool within = place() + p * GROUP < packs;
#pragma unroll
        for (int j = 0; j < SIZE; ++j) row.at[p][j] = within ? row.at[p][j] - mean : W(0);
    }
    W variance = over_row<Sum>(row, [](W x) { return x * x; }) / columns;
    W scale = inverse_root(variance + (W)epsilon);
#pragma unroll
    for (int p = 0; p < PACKS; ++p) {
        unsigned i = place() + p * GROUP;
        if (i >= packs) continue;
        Pack<T> g = load(gamma, i), b = load(beta, i);
#pragma unroll
        for (int j = 0; j < SIZE; ++j) row.at[p][j] = row.at[p][j] * scale * widen(g.at[j]) + widen(b.at[j]);
    }
    store_row(out + number * packs, packs, row);
}
