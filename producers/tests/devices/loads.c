// Says whether the loader finds NCCL under the name that is asked for.
#include <dlfcn.h>
#include <stdio.h>

int main(void) {
    fprintf(stderr, "%s\n", dlopen("libnccl.so", RTLD_NOW) ? "it is loaded" : dlerror());
    return 7;
}
