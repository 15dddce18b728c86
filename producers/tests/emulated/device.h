// A device of one multiprocessor, on a processor: kernels in CUDA C++ run here as ordinary C++. One block at a time, each
// of its threads a context of its own that runs until it waits for its warp or its block.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __device__
#define __global__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(threads)
#define __shared__ static
#define __CUDA_ARCH__ 900
#define __expf(x) expf(x)

struct Index {
    unsigned x;
};
static Index threadIdx, blockIdx, blockDim, gridDim;

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
// Shared memory whose size the launch says; its addresses on the device are places in it.
struct alignas(16) float4 {
    float x, y, z, w;
};
static float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static uint4 memory[8192];

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    abort();
}
static uint4 __ldg(const uint4 *from) {
    if ((uintptr_t)from % 16) fail("a vector that is not aligned");
    return *from;
}

template <class To, class From> static To bits_of(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
static unsigned __float_as_uint(float x) { return bits_of<unsigned>(x); }
static float __uint_as_float(unsigned x) { return bits_of<float>(x); }
static double __longlong_as_double(long long x) { return bits_of<double>(x); }
static double rsqrt(double x) { return 1 / sqrt(x); }
static float rsqrtf(float x) { return 1 / sqrtf(x); }
static double __fma_rn(double x, double a, double b) { return fma(x, a, b); }
static float __fmaf_rn(float x, float a, float b) { return fmaf(x, a, b); }
static int __float2int_rn(float x) { return (int)nearbyintf(x); }
static unsigned atomicAdd(unsigned *at, unsigned x) { return std::exchange(*at, *at + x); }
static unsigned long long atomicAdd(unsigned long long *at, unsigned long long x) { return std::exchange(*at, *at + x); }
static void __threadfence() {}

struct Thread {
    ucontext_t context;
    std::vector<char> stack;
    bool done;
};
static std::vector<Thread> threads;
static ucontext_t scheduler;
static std::function<void()> body;

static void give_way() { swapcontext(&threads[threadIdx.x].context, &scheduler); }

// Where threads wait for each other; one that has ended waits for nobody.
struct Barrier {
    unsigned members, arrived = 0, turn = 0;

    void wait() {
        unsigned now = turn;
        ++arrived;
        open();
        while (turn == now) give_way();
    }
    void leave() {
        --members;
        open();
    }
    void open() {
        if (arrived < members || arrived == 0) return;
        arrived = 0;
        ++turn;
    }
};
static Barrier block, warps[32];

static void __syncthreads() { block.wait(); }

// What each lane of a warp gives the others.
static unsigned char given[32][32][32];

// Gives `x` to the warp; then `take` sees what each lane gave.
template <class X, class Take> static auto exchange(X x, Take take) {
    static_assert(sizeof(X) <= sizeof given[0][0]);
    unsigned warp = threadIdx.x / 32;
    memcpy(given[warp][threadIdx.x % 32], &x, sizeof x);
    warps[warp].wait();
    auto result = take([warp](unsigned lane) {
        X other;
        memcpy(&other, given[warp][lane], sizeof other);
        return other;
    });
    warps[warp].wait();
    return result;
}
template <class X> static X __shfl_xor_sync(unsigned, X x, int mask) {
    unsigned lane = threadIdx.x % 32;
    return exchange(x, [=](auto of) { return of(lane ^ mask); });
}
template <class X> static X __shfl_down_sync(unsigned, X x, int distance) {
    unsigned lane = threadIdx.x % 32;
    return exchange(x, [=](auto of) { return of(lane + distance < 32 ? lane + distance : lane); });
}

static void enter() {
    body();
    threads[threadIdx.x].done = true;
    warps[threadIdx.x / 32].leave();
    block.leave();
}

static void run_block(unsigned count) {
    block = {count};
    for (unsigned warp = 0; warp < count / 32; ++warp) warps[warp] = {32};
    for (Thread &thread : threads) {
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.data();
        thread.context.uc_stack.ss_size = thread.stack.size();
        thread.context.uc_link = &scheduler;
        thread.done = false;
        makecontext(&thread.context, enter, 0);
    }
    for (bool any = true; any;) {
        any = false;
        for (unsigned i = 0; i < count; ++i) {
            if (threads[i].done) continue;
            any = true;
            threadIdx.x = i;
            swapcontext(&scheduler, &threads[i].context);
        }
    }
}

static void read_all(void *to, size_t bytes) {
    if (fread(to, 1, bytes, stdin) != bytes) fail("too few arguments");
}

// Launches `kernel` on argv[1] blocks of argv[2] threads. Standard input has its arguments: the length of an array in bytes
// and its bytes, or 0 and eight bytes of a number. Standard output gets the arrays.
template <class... Parameters> static int launch(void (*kernel)(Parameters...), char **argv) {
    unsigned blocks = atoi(argv[1]), count = atoi(argv[2]);
    std::vector<std::vector<uint4>> arrays(sizeof...(Parameters));
    void *values[sizeof...(Parameters)];
    uint64_t lengths[sizeof...(Parameters)];
    for (size_t i = 0; i < sizeof...(Parameters); ++i) {
        read_all(&lengths[i], 8);
        if (lengths[i] == 0) {
            read_all(&values[i], 8);
            continue;
        }
        arrays[i].resize(lengths[i] / 16 + 1);
        values[i] = arrays[i].data();
        read_all(values[i], lengths[i]);
    }
    threads.resize(count);
    for (Thread &thread : threads) thread.stack.resize(1 << 18);
    gridDim.x = blocks;
    blockDim.x = count;
    body = [&] {
        [&]<size_t... I>(std::index_sequence<I...>) {
            kernel(*(std::remove_reference_t<Parameters> *)&values[I]...);
        }(std::index_sequence_for<Parameters...>());
    };
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) run_block(count);
    for (size_t i = 0; i < sizeof...(Parameters); ++i)
        if (lengths[i] && fwrite(values[i], 1, lengths[i], stdout) != lengths[i]) fail("cannot write");
    return 0;
}
