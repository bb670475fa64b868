// zlib, for the gzip files in which Debian ships the image sets.
#ifndef DPFLSIM_CZLIB_SHIM_H
#define DPFLSIM_CZLIB_SHIM_H

#include <zlib.h>

#endif
