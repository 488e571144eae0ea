#include "ring-layout.h"

/* TPACKET_V3 packs frames into a block; this size is only what the kernel checks. */
#define FRAME_BYTES 2048

bool ring_layout_of(uint32_t block_bytes, uint32_t blocks, uint32_t page_bytes, struct ring_layout *layout) {
  if (page_bytes == 0 || block_bytes < RING_MIN_BLOCK_BYTES || block_bytes % page_bytes != 0) return false;
  const uint64_t total = (uint64_t)block_bytes * blocks;
  if (total == 0 || total > RING_MAX_BYTES) return false;
  layout->block_bytes = block_bytes;
  layout->blocks = blocks;
  layout->frame_bytes = FRAME_BYTES;
  layout->frames = (uint32_t)(total / FRAME_BYTES);
  layout->total_bytes = (size_t)total;
  return true;
}
