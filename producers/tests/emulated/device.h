// A device of one multiprocessor, on a processor: kernels in CUDA C++ run here as ordinary C++. One block at a time, each
// of its threads a context of its own that runs until it waits for its warp or its block.

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <type_traits>
#include <ucontext.h>
#include <utility>

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
struct alignas(16) float4 {
    float x, y, z, w;
};
static float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
// Shared memory whose size the launch says; its addresses on the device are places in it.
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
static int __double2int_rn(double x) { return (int)nearbyint(x); }
static unsigned atomicAdd(unsigned *at, unsigned x) { return std::exchange(*at, *at + x); }
static unsigned long long atomicAdd(unsigned long long *at, unsigned long long x) { return std::exchange(*at, *at + x); }
static void __threadfence() {}

struct Thread {
    ucontext_t context;
    bool done;
    char stack[1 << 16];
};
static Thread threads[1024];
static ucontext_t scheduler;
// What each thread does.
static void (*body)();

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
    for (unsigned i = 0; i < count; ++i) {
        Thread &thread = threads[i];
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack;
        thread.context.uc_stack.ss_size = sizeof thread.stack;
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

static uint64_t lengths[16];
static void *values[16];

// Reads argument `i`: the length of an array in bytes and its bytes, or 0 and eight bytes of a number.
static void read_argument(size_t i) {
    read_all(&lengths[i], 8);
    if (lengths[i] == 0) return read_all(&values[i], 8);
    values[i] = aligned_alloc(64, (lengths[i] / 64 + 1) * 64);
    read_all(values[i], lengths[i]);
}

template <class... Parameters, size_t... I>
static void call(void (*kernel)(Parameters...), std::index_sequence<I...>) {
    kernel(*(std::remove_cv_t<Parameters> *)&values[I]...);
}

// Launches KERNEL on argv[1] blocks of argv[2] threads: its arguments come on standard input, and its arrays go to
// standard output.
template <auto KERNEL, class... Parameters> static void launch_typed(void (*)(Parameters...), char **argv) {
    for (size_t i = 0; i < sizeof...(Parameters); ++i) read_argument(i);
    unsigned count = blockDim.x = atoi(argv[2]);
    gridDim.x = atoi(argv[1]);
    body = [] { call(KERNEL, std::index_sequence_for<Parameters...>()); };
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x) run_block(count);
    for (size_t i = 0; i < sizeof...(Parameters); ++i)
        if (lengths[i] && fwrite(values[i], 1, lengths[i], stdout) != lengths[i]) fail("cannot write");
}
template <auto KERNEL> static int launch(char **argv) {
    launch_typed<KERNEL>(KERNEL, argv);
    return 0;
}
