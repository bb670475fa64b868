// What the kernels ask of the C library, for a target that has no headers of its own.
#include <stddef.h>
#include <stdint.h>
typedef unsigned pthread_key_t;
int pthread_key_create(pthread_key_t *key, void (*end)(void *));
void *pthread_getspecific(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void *value);
void free(void *memory);
int getentropy(void *bytes, size_t count);
