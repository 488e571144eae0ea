/* The part of giving up privileges that knows nothing of Node. */
#ifndef SPANGLASS_SEAL_H
#define SPANGLASS_SEAL_H

#include <stdbool.h>

/* Where it failed, and why; `step` is NULL where it did not. */
struct seal_result {
  const char *step;
  int error;
  /* Threads that did it. */
  int threads;
};

/* See process.h. */
struct seal_result seal_threads(bool keeps_capabilities);

#endif
