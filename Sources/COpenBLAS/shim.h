// OpenBLAS as Swift sees it: the CBLAS interface and the one LAPACK routine that we call.
#ifndef DPFLSIM_COPENBLAS_SHIM_H
#define DPFLSIM_COPENBLAS_SHIM_H

#include <cblas.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

// Eigenvalues (ascending) and eigenvectors of a real symmetric matrix, divide and conquer.
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info);

// Floats of the widest vector that the compiler may use.
#if defined(__AVX512F__)
#define DPFLSIM_VECTOR_FLOATS 16
#elif defined(__AVX__)
#define DPFLSIM_VECTOR_FLOATS 8
#else
#define DPFLSIM_VECTOR_FLOATS 4
#endif

// Whether the processor that is compiled for multiplies and adds with one rounding.
#if defined(__FMA__) || defined(__aarch64__)
#define DPFLSIM_HAS_FMA 1
#else
#define DPFLSIM_HAS_FMA 0
#endif

// The level of x86-64 that is compiled for: 4 with AVX-512, 3 with AVX2, FMA and F16C, 2 with SSE 4.2; 1 otherwise.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512CD__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define DPFLSIM_COMPILED_LEVEL 4
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define DPFLSIM_COMPILED_LEVEL 3
#elif defined(__SSE4_2__)
#define DPFLSIM_COMPILED_LEVEL 2
#else
#define DPFLSIM_COMPILED_LEVEL 1
#endif

// The same of the processor that runs the program, as far as the operating system keeps its registers.
static inline int dpflsim_processor_level(void) {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0, high = 0, low = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 1;
  const unsigned second = 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
  if ((c & second) != second) return 1;
  const unsigned third = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29;
  if ((c & third) != third) return 2;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 2;
  const unsigned wide = 1u << 3 | 1u << 5 | 1u << 8;
  if ((b & wide) != wide) return 2;
  const unsigned widest = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  return (b & widest) == widest && (low & 0xe6) == 0xe6 ? 4 : 3;
#else
  return 1;
#endif
}

#endif
