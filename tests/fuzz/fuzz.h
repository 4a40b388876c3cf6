/* What a fuzz target is: one function. Checks are assert()s, so these files are never built with NDEBUG. */
#pragma once
#include "common/macro.h"

#ifdef NDEBUG
#  error "fuzz targets need assert()"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
