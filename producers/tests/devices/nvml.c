// A library with the functions of NVML that are asked, for the node of two.json. Signatures, layouts and codes are
// those of nvml.h (CUDA 12): what is read through it must be the recording.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef unsigned int u32;
typedef unsigned long long u64;
typedef struct { char legacy[16]; u32 domain, bus, device, id, subsystem; char text[32]; } pci_info;
typedef struct { u32 version; u64 total, reserved, free, used; } memory_v2;
typedef struct { u32 pid; u64 memory; u32 gpu_instance, compute_instance; } process_info;

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7 };

// Handles are indices from 1.
#define INDEX ((uintptr_t)device - 1)
#define GET(name, type, first, second) \
    int name(void *device, type *out) { *out = INDEX ? (second) : (first); return SUCCESS; }

static const char *UUIDS[] = {"GPU-8d3c2f7e-5a14-4f0b-9a67-1c2d3e4f5a01", "GPU-b1e0a6f2-0c51-4d4c-8b0e-6a1f5f2b9c02"};
static const char *BUSES[] = {"00000000:3B:00.0", "00000000:5E:00.0"};

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
int nvmlSystemGetDriverVersion(char *out, u32 room) { return snprintf(out, room, "570.86.15") < 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 12080; return SUCCESS; }
int nvmlDeviceGetCount_v2(u32 *out) { *out = 2; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(u32 index, void **out) {
    *out = (void *)(uintptr_t)(index + 1);
    return index < 2 ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetUUID(void *device, char *out, u32 room) { return snprintf(out, room, "%s", UUIDS[INDEX]) < 0; }
int nvmlDeviceGetName(void *device, char *out, u32 room) { (void)device; return snprintf(out, room, "NVIDIA H200") < 0; }

static int place(pci_info *out, uintptr_t index) {
    memset(out, 0, sizeof *out);
    out->bus = index ? 0x5e : 0x3b;
    strcpy(out->text, BUSES[index]);
    return SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(void *device, pci_info *out) { return place(out, INDEX); }

int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
    (void)device;
    *major = 9, *minor = 0;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(void *device, memory_v2 *out) {
    (void)device;
    if (out->version != (sizeof *out | 2 << 24)) return INVALID_ARGUMENT;
    out->total = 150754820096ull;
    return SUCCESS;
}

// Domains: 0 graphics, 1 multiprocessors, 2 memory.
static int clocks(u32 domain, u32 *out) { *out = domain == 1 ? 1980 : 3201; return domain < 1 || domain > 2 ? INVALID_ARGUMENT : SUCCESS; }
int nvmlDeviceGetClockInfo(void *device, u32 domain, u32 *out) { (void)device; return clocks(domain, out); }
int nvmlDeviceGetMaxClockInfo(void *device, u32 domain, u32 *out) { (void)device; return clocks(domain, out); }
int nvmlDeviceGetApplicationsClock(void *device, u32 domain, u32 *out) { (void)device; return clocks(domain, out); }

int nvmlDeviceGetEccMode(void *device, u32 *now, u32 *pending) { (void)device; *now = *pending = 1; return SUCCESS; }

// Kinds: 0 corrected, 1 not. Counters: 0 since the driver was loaded, 1 for ever.
int nvmlDeviceGetTotalEccErrors(void *device, u32 kind, u32 counter, u64 *out) {
    *out = INDEX ? (kind ? 1 : 12) : 0;
    return counter == 0 ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetMigMode(void *device, u32 *now, u32 *pending) { (void)device; *now = *pending = 0; return SUCCESS; }
int nvmlDeviceGetTemperature(void *device, u32 sensor, u32 *out) { *out = INDEX ? 90 : 31; return sensor ? INVALID_ARGUMENT : SUCCESS; }

GET(nvmlDeviceGetArchitecture, u32, 9, 9)
GET(nvmlDeviceGetEnforcedPowerLimit, u32, 700000, 600000)
GET(nvmlDeviceGetPowerManagementDefaultLimit, u32, 700000, 700000)
GET(nvmlDeviceGetCurrPcieLinkGeneration, u32, 5, 1)
GET(nvmlDeviceGetMaxPcieLinkGeneration, u32, 5, 5)
GET(nvmlDeviceGetCurrPcieLinkWidth, u32, 16, 8)
GET(nvmlDeviceGetMaxPcieLinkWidth, u32, 16, 16)
GET(nvmlDeviceGetPersistenceMode, u32, 1, 0)
GET(nvmlDeviceGetComputeMode, u32, 0, 0)
// 0x1 idle, 0x2 clocks were set, 0x20 too hot for the driver.
GET(nvmlDeviceGetCurrentClocksThrottleReasons, u64, 0x1, 0x22)

int nvmlDeviceGetNvLinkState(void *device, u32 link, u32 *out) {
    (void)device;
    *out = link < 2;
    return link < 3 ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetNvLinkVersion(void *device, u32 link, u32 *out) { (void)device, (void)link; *out = 6; return SUCCESS; }
int nvmlDeviceGetNvLinkRemoteDeviceType(void *device, u32 link, u32 *out) { (void)device, (void)link; *out = 0; return SUCCESS; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void *device, u32 link, pci_info *out) { (void)link; return place(out, 1 - INDEX); }

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, u32 *count, process_info *out) {
    u32 room = *count, there = INDEX ? 1 : 0;
    *count = there;
    if (room < there) return INSUFFICIENT_SIZE;
    if (there) out[0] = (process_info){31337, 1 << 30, ~0u, ~0u};
    return SUCCESS;
}

// 40: several host bridges of one NUMA node.
int nvmlDeviceGetTopologyCommonAncestor(void *one, void *other, u32 *out) { *out = 40; return one == other; }
int nvmlDeviceGetP2PStatus(void *one, void *other, u32 what, u32 *out) { *out = what != 0; return one == other; }
