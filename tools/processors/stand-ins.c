// OpenBLAS and LAPACK, which portable arithmetic never calls.
#include <stdlib.h>
#define NEVER(name) \
  void name(void) { abort(); }
NEVER(cblas_sgemm)
NEVER(cblas_dgemm)
NEVER(cblas_sgemv)
NEVER(dsyevd_)
NEVER(openblas_set_num_threads)
char *openblas_get_config(void) { return ""; }
