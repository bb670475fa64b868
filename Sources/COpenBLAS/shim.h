// OpenBLAS as Swift sees it: the CBLAS interface and the one LAPACK routine that we call.
#ifndef DPFLSIM_COPENBLAS_SHIM_H
#define DPFLSIM_COPENBLAS_SHIM_H

#include <cblas.h>

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

#endif
