// What the kernels ask of OpenBLAS in native arithmetic, which is not tested.
typedef int blasint;
typedef enum CBLAS_ORDER { CblasRowMajor = 101 } CBLAS_ORDER;
typedef enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 } CBLAS_TRANSPOSE;
void cblas_sgemm(CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, float, const float *, blasint,
                 const float *, blasint, float, float *, blasint);
void cblas_dgemm(CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, double, const double *, blasint,
                 const double *, blasint, double, double *, blasint);
void cblas_sgemv(CBLAS_ORDER, CBLAS_TRANSPOSE, blasint, blasint, float, const float *, blasint, const float *, blasint,
                 float, float *, blasint);
char *openblas_get_config(void);
void openblas_set_num_threads(int threads);
