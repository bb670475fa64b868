/* The plug-in through which dpflsim reaches MPI: a dozen functions with integers and pointers alone, so that one
 * program works with every MPI and without any. tools/mpi/build compiles it with the cluster's own mpicc, and
 * Sources/Ranks/RankPlugin.swift opens it.
 *
 * All functions are called from one thread (MPI_THREAD_FUNNELED). They return 0, or what went wrong:
 * 1 for an error of MPI, 2 for a rank that was silent for longer than `limit` seconds (0 waits for ever). */

#define _POSIX_C_SOURCE 200809L
#include <mpi.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { DONE = 0, FAILED = 1, SILENT = 2 };

/* Counts of MPI are ints: what is longer goes in pieces. */
static const int64_t largest_piece = (int64_t)1 << 28;

static MPI_Comm ranks = MPI_COMM_NULL;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Blocking calls spin, which takes the core from a rank or a lane that still works: yield at first, then sleep. */
static int finish(MPI_Request *request, int started, double limit) {
  if (started != MPI_SUCCESS) return FAILED;
  double begin = now();
  for (;;) {
    int done = 0;
    if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return FAILED;
    if (done) return DONE;
    double waited = now() - begin;
    if (limit > 0 && waited > limit) return SILENT;
    if (waited < 0.002) {
      sched_yield();
    } else {
      struct timespec pause = {0, 50000};
      nanosleep(&pause, NULL);
    }
  }
}

int dpflsim_ranks_interface(void) { return 1; }

int dpflsim_ranks_start(int *rank, int *size) {
  int given = 0;
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS) return FAILED;
  /* Apart from whatever else in the process may speak MPI. */
  if (MPI_Comm_dup(MPI_COMM_WORLD, &ranks) != MPI_SUCCESS) return FAILED;
  MPI_Comm_set_errhandler(ranks, MPI_ERRORS_RETURN);
  if (MPI_Comm_rank(ranks, rank) != MPI_SUCCESS) return FAILED;
  return MPI_Comm_size(ranks, size) == MPI_SUCCESS ? DONE : FAILED;
}

int dpflsim_ranks_version(char *text, int capacity) {
  char whole[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  if (capacity < 1 || MPI_Get_library_version(whole, &length) != MPI_SUCCESS) return FAILED;
  strncpy(text, whole, (size_t)capacity - 1);
  text[capacity - 1] = 0;
  return DONE;
}

static int reduce(int64_t *values, int64_t count, MPI_Op operation, double limit) {
  for (int64_t begin = 0; begin < count; begin += largest_piece) {
    int64_t piece = count - begin < largest_piece ? count - begin : largest_piece;
    MPI_Request request;
    int started = MPI_Iallreduce(
        MPI_IN_PLACE, values + begin, (int)piece, MPI_INT64_T, operation, ranks, &request);
    int outcome = finish(&request, started, limit);
    if (outcome != DONE) return outcome;
  }
  return DONE;
}

/* Wraps at 64 bits: whoever calls sees to it that the whole sum fits. */
int dpflsim_ranks_sum(int64_t *values, int64_t count, double limit) {
  return reduce(values, count, MPI_SUM, limit);
}

int dpflsim_ranks_maximum(int64_t *values, int64_t count, double limit) {
  return reduce(values, count, MPI_MAX, limit);
}

int dpflsim_ranks_broadcast(void *bytes, int64_t count, int root, double limit) {
  for (int64_t begin = 0; begin < count; begin += largest_piece) {
    int64_t piece = count - begin < largest_piece ? count - begin : largest_piece;
    MPI_Request request;
    int started =
        MPI_Ibcast((char *)bytes + begin, (int)piece, MPI_BYTE, root, ranks, &request);
    int outcome = finish(&request, started, limit);
    if (outcome != DONE) return outcome;
  }
  return DONE;
}

/* One number of every rank, on every rank. */
int dpflsim_ranks_gather_number(int64_t number, int64_t *all, double limit) {
  MPI_Request request;
  int started = MPI_Iallgather(&number, 1, MPI_INT64_T, all, 1, MPI_INT64_T, ranks, &request);
  return finish(&request, started, limit);
}

/* The bytes of every rank one after another, on every rank; `counts` has `size` places, `starts` room for as many. */
int dpflsim_ranks_gather_bytes(
    const void *bytes, const int64_t *counts, int size, int rank, int *room, void *all,
    double limit) {
  int64_t total = 0;
  for (int i = 0; i < size; i++) total += counts[i];
  if (total < largest_piece) {
    int *lengths = room, *starts = room + size;
    int64_t start = 0;
    for (int i = 0; i < size; i++) {
      lengths[i] = (int)counts[i];
      starts[i] = (int)start;
      start += counts[i];
    }
    MPI_Request request;
    int started = MPI_Iallgatherv(
        bytes, lengths[rank], MPI_BYTE, all, lengths, starts, MPI_BYTE, ranks, &request);
    return finish(&request, started, limit);
  }
  /* Displacements are ints too. */
  int64_t start = 0;
  for (int i = 0; i < size; i++) {
    if (i == rank) memcpy((char *)all + start, bytes, (size_t)counts[i]);
    int outcome = dpflsim_ranks_broadcast((char *)all + start, counts[i], i, limit);
    if (outcome != DONE) return outcome;
    start += counts[i];
  }
  return DONE;
}

int dpflsim_ranks_barrier(double limit) {
  MPI_Request request;
  int started = MPI_Ibarrier(ranks, &request);
  return finish(&request, started, limit);
}

/* Ends all ranks. */
void dpflsim_ranks_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

int dpflsim_ranks_stop(void) {
  MPI_Comm_free(&ranks);
  return MPI_Finalize() == MPI_SUCCESS ? DONE : FAILED;
}
