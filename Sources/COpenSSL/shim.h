// OpenSSL's libcrypto, for SHA-256.
#ifndef DPFLSIM_COPENSSL_SHIM_H
#define DPFLSIM_COPENSSL_SHIM_H

#include <openssl/evp.h>

#endif
