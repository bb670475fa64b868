// What targets call of LLVM's libFuzzer, which comes with every Swift toolchain.
#include <stddef.h>
#include <stdint.h>

/// Changes bytes in place by the fuzzer's own means and returns how many there are then.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/// The whole of libFuzzer: reads its options, calls `run` with one input after the other, returns the exit status.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*run)(const uint8_t *data, size_t size));
