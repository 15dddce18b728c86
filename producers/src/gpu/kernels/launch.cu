// Kernels that cost nothing but their launch.

extern "C" __global__ void empty() {}

// Counts its launches, of one thread each.
extern "C" __global__ void count(Size *launches) { *launches += 1; }
