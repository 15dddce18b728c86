// What kernels/ptx.cuh does, in C++, as the PTX ISA says: in place of that file on the emulated device.

static float widen(Half x) { return (float)bits_of<_Float16>(x.bits); }
static float widen(Bfloat16 x) { return __uint_as_float((unsigned)x.bits << 16); }
static void narrow(float x, Half &y) { y.bits = bits_of<unsigned short>((_Float16)x); }
static void narrow(float x, Bfloat16 &y) {
    unsigned bits = __float_as_uint(x);
    y.bits = (unsigned short)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// The first element of a pair, and the second.
template <class Element> static float part(unsigned both, int second) {
    return widen(Element{(unsigned short)(second ? both >> 16 : both)});
}
template <class Element> static unsigned pair(float first, float second, Element) {
    Element x, y;
    narrow(first, x);
    narrow(second, y);
    return x.bits | (unsigned)y.bits << 16;
}
// The product of two narrow numbers is exact in f32, and so is the sum where a chain's closed form is.
template <class Element> static unsigned fma_of(unsigned x, unsigned a, unsigned b, Element type) {
    auto of = [=](int i) { return part<Element>(x, i) * part<Element>(a, i) + part<Element>(b, i); };
    return pair(of(0), of(1), type);
}

static unsigned shared_address(const void *pointer) { return (unsigned)((const char *)pointer - (const char *)memory); }
static void start_copy(unsigned to, const void *from) {
    if (to % 16 || (uintptr_t)from % 16) fail("a copy that is not aligned");
    if (to >= sizeof memory) fail("a copy past shared memory");
    memcpy((char *)memory + to, from, 16);
}
static void finish_copies() {}

// Element `column` of row `row` of the matrix whose rows lie at `rows`.
template <class Rows> static unsigned element_of(Rows rows, int matrix, int row, int column) {
    unsigned short bits;
    unsigned from = rows(8 * matrix + row);
    if (from % 16) fail("a row that is not aligned");
    memcpy(&bits, (const char *)memory + from + 2 * column, 2);
    return bits;
}
static void load(unsigned (&to)[4], unsigned from, bool transposed) {
    int high = threadIdx.x % 32 / 4, low = threadIdx.x % 4 * 2;
    exchange(from, [&](auto rows) {
        for (int i = 0; i < 4; ++i) {
            auto of = [&](int j) {
                return transposed ? element_of(rows, i, low + j, high) : element_of(rows, i, high, low + j);
            };
            to[i] = of(0) | of(1) << 16;
        }
        return 0;
    });
}
static void load_matrices(unsigned (&to)[4], unsigned from) { load(to, from, false); }
static void load_transposed(unsigned (&to)[4], unsigned from) { load(to, from, true); }

struct Fragments {
    unsigned a[4], b[2];
};
template <class Element>
static void multiply_add(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Element) {
    int row = threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;
    exchange(Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}}, [&](auto of) {
        // a has its quarters in the order of its rows, then of its columns.
        auto at_a = [&](int r, int k) { return part<Element>(of(r % 8 * 4 + k % 8 / 2).a[k / 8 * 2 + r / 8], k % 2); };
        auto at_b = [&](int k, int n) { return part<Element>(of(n * 4 + k % 8 / 2).b[k / 8], k % 2); };
        for (int i = 0; i < 4; ++i)
            for (int k = 0; k < 16; ++k) c[i] += at_a(row + i / 2 * 8, k) * at_b(k, column + i % 2);
        return 0;
    });
}

static float power_of_two(float x) { return exp2f(x); }
