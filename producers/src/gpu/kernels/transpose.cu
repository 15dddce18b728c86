// The transpose of a matrix, through tiles of SIDE × SIDE in shared memory: both arrays are read and written in whole
// packs along their rows. A column of the tile is as many elements long as keeps its banks apart.

const int SIZE = Pack<T>::SIZE;
const int PAD = sizeof(T) == 2 ? 2 : 1;
// Packs of a row of a tile.
const int ACROSS = SIDE / SIZE;

// `in` has `rows` rows of `columns` elements, both multiples of SIDE.
extern "C" __global__ void __launch_bounds__(THREADS)
    transpose(Pack<T> *__restrict__ out, const Pack<T> *__restrict__ in, Size rows, Size columns) {
    __shared__ T tile[SIDE][SIDE + PAD];
    Size tiles = columns / SIDE;
    Size row = blockIdx.x / tiles * SIDE, column = blockIdx.x % tiles * SIDE;
#pragma unroll
    for (int i = threadIdx.x; i < SIDE * ACROSS; i += THREADS) {
        int r = i / ACROSS, c = i % ACROSS * SIZE;
        Pack<T> pack = load(in, ((row + r) * columns + column + c) / SIZE);
#pragma unroll
        for (int j = 0; j < SIZE; ++j) tile[r][c + j] = pack.at[j];
    }
    __syncthreads();
#pragma unroll
    for (int i = threadIdx.x; i < SIDE * ACROSS; i += THREADS) {
        int r = i % ACROSS * SIZE, c = i / ACROSS;
        Pack<T> pack;
#pragma unroll
        for (int j = 0; j < SIZE; ++j) pack.at[j] = tile[r + j][c];
        store(out, ((column + c) * rows + row + r) / SIZE, pack);
    }
}
