// Attention, fused: softmax(q · kᵀ / √d) · v without the s × s matrix between (FlashAttention-2; Dao, 2023). Each warp has
// 16 · TILES queries and goes through all keys, KEYS at a time: scores on the tensor cores in f32, the softmax online in
// f32, the probabilities rounded to the element type, as the tensor cores need them.

const int D = HEAD;
const int WARPS = THREADS / 32, TILES = 2, QUERIES = WARPS * TILES * 16, KEYS = 64;
// Vectors of 8 elements in a row.
const int VECTORS = D / 8;

// Where vector `vector` of row `row` lies: eight rows have the same vector in different banks.
__device__ __forceinline__ unsigned place(unsigned memory, int row, int vector) {
    return memory + 16 * (row * VECTORS + (vector ^ (row % 8)));
}

// Starts copying `ROWS` rows.
template <int ROWS> __device__ __forceinline__ void fetch(unsigned memory, const uint4 *from) {
#pragma unroll
    for (int i = threadIdx.x; i < ROWS * VECTORS; i += THREADS)
        start_copy(place(memory, i / VECTORS, i % VECTORS), from + i);
}

typedef float Scores[TILES][KEYS / 8][4];
typedef float Result[TILES][D / 8][4];
// Of the two rows of each tile that a lane has elements of.
typedef float OfRows[TILES][2];

// scores = q · kᵀ
__device__ __forceinline__ void score(Scores &scores, unsigned q, unsigned k) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
    for (int step = 0; step < D / 16; ++step) {
        unsigned a[TILES][4];
#pragma unroll
        for (int t = 0; t < TILES; ++t)
            load_matrices(a[t], place(q, (warp * TILES + t) * 16 + lane % 16, 2 * step + lane / 16));
#pragma unroll
        for (int n = 0; n < KEYS / 16; ++n) {
            unsigned b[4];
            load_matrices(b, place(k, n * 16 + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2));
#pragma unroll
            for (int t = 0; t < TILES; ++t) {
                multiply_add(scores[t][2 * n], a[t], b[0], b[1], T());
                multiply_add(scores[t][2 * n + 1], a[t], b[2], b[3], T());
            }
        }
    }
}

// The probabilities of the scores, against the highest score so far; what is there already is scaled to that.
__device__ __forceinline__ void normalise(Scores &scores, Result &result, OfRows &most, OfRows &sum, float scale) {
#pragma unroll
    for (int t = 0; t < TILES; ++t)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float highest = most[t][half];
#pragma unroll
            for (int n = 0; n < KEYS / 8; ++n)
                highest = fmaxf(highest, fmaxf(scores[t][n][2 * half], scores[t][n][2 * half + 1]));
            highest = fmaxf(highest, __shfl_xor_sync(~0u, highest, 1));
            highest = fmaxf(highest, __shfl_xor_sync(~0u, highest, 2));
            float shrink = power_of_two((most[t][half] - highest) * scale), offset = highest * scale;
            most[t][half] = highest;
            sum[t][half] *= shrink;
#pragma unroll
            for (int n = 0; n < KEYS / 8; ++n)
#pragma unroll
                for (int j = 2 * half; j < 2 * half + 2; ++j) {
                    scores[t][n][j] = power_of_two(scores[t][n][j] * scale - offset);
                    sum[t][half] += scores[t][n][j];
                }
#pragma unroll
            for (int n = 0; n < D / 8; ++n) {
                result[t][n][2 * half] *= shrink;
                result[t][n][2 * half + 1] *= shrink;
            }
        }
}

// result += probabilities · v
__device__ __forceinline__ void weigh(Result &result, const Scores &p, unsigned v) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int step = 0; step < KEYS / 16; ++step) {
        unsigned a[TILES][4];
#pragma unroll
        for (int t = 0; t < TILES; ++t)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                a[t][i] = pair(p[t][2 * step + i / 2][i % 2 * 2], p[t][2 * step + i / 2][i % 2 * 2 + 1], T());
#pragma unroll
        for (int n = 0; n < D / 16; ++n) {
            unsigned b[4];
            load_transposed(b, place(v, step * 16 + lane % 16, 2 * n + lane / 16));
#pragma unroll
            for (int t = 0; t < TILES; ++t) {
                multiply_add(result[t][2 * n], a[t], b[0], b[1], T());
                multiply_add(result[t][2 * n + 1], a[t], b[2], b[3], T());
            }
        }
    }
}

// Two neighbours of a row are one word.
__device__ __forceinline__ void write(unsigned *out, const Result &result, OfRows &sum) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
    for (int t = 0; t < TILES; ++t)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float all = sum[t][half];
            all += __shfl_xor_sync(~0u, all, 1);
            all += __shfl_xor_sync(~0u, all, 2);
            unsigned *row = out + ((warp * TILES + t) * 16 + half * 8 + lane / 4) * (D / 2) + lane % 4;
#pragma unroll
            for (int n = 0; n < D / 8; ++n)
                row[n * 4] = pair(result[t][n][2 * half] / all, result[t][n][2 * half + 1] / all, T());
        }
}

// q, k, v and out have the elements of a head one after another, `length` rows of D: `length` is a multiple of QUERIES.
// `scale` is log2(e) / √d.
extern "C" __global__ void __launch_bounds__(THREADS)
    attention(uint4 *__restrict__ out, const uint4 *__restrict__ q, const uint4 *__restrict__ k,
              const uint4 *__restrict__ v, unsigned length, float scale) {
    extern __shared__ uint4 memory[];
    unsigned of_q = shared_address(memory), of_k = of_q + QUERIES * D * 2, of_v = of_k + KEYS * D * 2;
    unsigned blocks = length / QUERIES;
    Size head = (Size)(blockIdx.x / blocks) * length * VECTORS;
    Size queries = head + (Size)(blockIdx.x % blocks) * QUERIES * VECTORS;
    k += head;
    v += head;
    fetch<QUERIES>(of_q, q + queries);
    fetch<KEYS>(of_k, k);

    Result result = {};
    OfRows most, sum = {};
#pragma unroll
    for (int t = 0; t < TILES; ++t) most[t][0] = most[t][1] = -INFINITE;
    for (unsigned key = 0; key < length; key += KEYS) {
        // These keys are there, and nobody reads the values before any more.
        finish_copies();
        __syncthreads();
        fetch<KEYS>(of_v, v + (Size)key * VECTORS);
        Scores scores = {};
        score(scores, of_q, of_k);
        normalise(scores, result, most, sum, scale);
        // These values are there, and nobody reads these keys any more.
        finish_copies();
        __syncthreads();
        if (key + KEYS < length) fetch<KEYS>(of_k, k + (Size)(key + KEYS) * VECTORS);
        weigh(result, scores, of_v);
    }
    write((unsigned *)(out + queries), result, sum);
}
