/* Sizes of a ring: arithmetic without a system call, so that a test can go through it. */
#ifndef SPANGLASS_RING_LAYOUT_H
#define SPANGLASS_RING_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Half of what an int holds: offsets into the ring are 32 bits wide in JavaScript's typed arrays. */
#define RING_MAX_BYTES ((uint64_t)1 << 30)
#define RING_MIN_BLOCK_BYTES ((uint32_t)1 << 16)

struct ring_layout {
  uint32_t block_bytes;
  uint32_t blocks;
  uint32_t frame_bytes;
  uint32_t frames;
  size_t total_bytes;
};

/* False where a block is no multiple of a page, is too small for the largest frame, or the whole is empty or too large. */
bool ring_layout_of(uint32_t block_bytes, uint32_t blocks, uint32_t page_bytes, struct ring_layout *layout);

#endif
