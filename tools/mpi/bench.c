/* Times of what ranks say to one another: medians of sums and broadcasts by way of the plug-in. Called by tools/mpi/bench. */

#include <stdio.h>
#include <stdlib.h>

#include "ranks.c"

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(void) {
  int rank, size;
  if (dpflsim_ranks_start(&rank, &size) != DONE) return 1;
  const int64_t lengths[] = {1, 168, 28938, 1000000};
  for (int i = 0; i < 4; i++) {
    int64_t n = lengths[i];
    int repeats = n > 100000 ? 40 : 400;
    int64_t *values = calloc((size_t)n, sizeof *values);
    double *sums = malloc((size_t)repeats * sizeof *sums), *sent = malloc((size_t)repeats * sizeof *sent);
    for (int k = 0; k < repeats; k++) {
      dpflsim_ranks_barrier(0);
      double begin = now();
      dpflsim_ranks_sum(values, n, 0);
      double middle = now();
      dpflsim_ranks_broadcast(values, n * 8, 0, 0);
      sums[k] = middle - begin;
      sent[k] = now() - middle;
    }
    qsort(sums, (size_t)repeats, sizeof *sums, ascending);
    qsort(sent, (size_t)repeats, sizeof *sent, ascending);
    if (rank == 0)
      printf("%d ranks, %8lld numbers: sum %9.1f us, broadcast %9.1f us (medians)\n", size, (long long)n,
             1e6 * sums[repeats / 2], 1e6 * sent[repeats / 2]);
    free(values);
    free(sums);
    free(sent);
  }
  return dpflsim_ranks_stop();
}
