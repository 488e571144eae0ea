/*
 * A ring that no kernel has filled: laid out and walked here by the kernel's own structures, to hold two things against it.
 *
 *     ring-test            checks the arithmetic of ring/ring-layout.c: which sizes are taken
 *     ring-test FILE       writes the memory of a filled ring to FILE, and what is in it to standard output, a packet a line:
 *                          seconds nanoseconds captured-length wire-length bytes, with the VLAN tag where it was on the wire
 *
 * Needs no privileges and no addon; test/native/ring.test.ts builds it with the sanitizers, runs it, and walks FILE in TypeScript.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring/ring-layout.h"

#define PAGE 4096u
#define BLOCK_BYTES RING_MIN_BLOCK_BYTES
#define BLOCKS 5u
#define RESERVE 4u
/* As tpacket_rcv() computes it: the network header is aligned behind header and address, and the room follows. */
#define NETWORK_AT (TPACKET_ALIGN(TPACKET3_HDRLEN + 16u) + RESERVE)
#define MAC_AT (NETWORK_AT - ETH_HLEN)

static int failures = 0;

static void check(bool holds, const char *what) {
  if (holds) return;
  failures += 1;
  fprintf(stderr, "does not hold: %s\n", what);
}

static bool is_taken(uint32_t block_bytes, uint32_t blocks) {
  struct ring_layout layout;
  return ring_layout_of(block_bytes, blocks, PAGE, &layout);
}

static void check_sizes(void) {
  struct ring_layout layout;
  check(ring_layout_of(1u << 20, 64, PAGE, &layout), "64 blocks of 1 MiB are taken");
  check(layout.total_bytes == (size_t)64 << 20, "their sum is 64 MiB");
  check((uint64_t)layout.frames * layout.frame_bytes == layout.total_bytes, "frames fill the ring exactly");
  check(layout.block_bytes % layout.frame_bytes == 0, "a block holds a whole number of frames");
  check(layout.frame_bytes % TPACKET_ALIGNMENT == 0, "frames are aligned as the kernel asks");
  check(is_taken(BLOCK_BYTES, 1), "the smallest ring is taken");
  check(is_taken(1u << 30, 1), "1 GiB is taken");
  check(!is_taken(1u << 30, 2), "2 GiB are refused");
  check(!is_taken(0xffff0000u, 0xffffffffu), "a product beyond 64 bits' half is refused");
  check(!is_taken(0, 64), "blocks of nothing are refused");
  check(!is_taken(1u << 20, 0), "no blocks are refused");
  check(!is_taken(BLOCK_BYTES / 2, 64), "a block below the smallest is refused");
  check(!is_taken(BLOCK_BYTES + 1, 64), "a block that is no multiple of a page is refused");
  check(!ring_layout_of(BLOCK_BYTES, 1, 0, &layout), "a page of nothing is refused");
}

static struct tpacket_block_desc *block_of(uint8_t *ring, uint32_t block) {
  return (struct tpacket_block_desc *)(void *)(ring + (size_t)block * BLOCK_BYTES);
}

struct wire_packet {
  uint32_t length;
  uint32_t wire_length;
  uint32_t seconds;
  uint32_t nanoseconds;
  /* 0: no tag. */
  uint16_t tpid;
  uint16_t tci;
};

/* Some of each: short, cut, tagged with and without a protocol of its own, too short to be tagged. */
static struct wire_packet packet_number(uint32_t i) {
  struct wire_packet packet = {
      .length = 14 + (i * 37) % 300,
      .seconds = 1800000000u + i,
      .nanoseconds = (i * 123456789u) % 1000000000u,
  };
  packet.wire_length = packet.length + (i % 5 == 0 ? 1000 : 0);
  if (i % 3 == 1) packet.tpid = ETH_P_8021Q;
  if (i % 7 == 3) packet.tpid = ETH_P_8021AD;
  if (packet.tpid != 0) packet.tci = (uint16_t)(i * 257);
  if (i % 11 == 8) packet.length = packet.wire_length = i % 12;
  return packet;
}

static uint8_t byte_of(uint32_t packet, uint32_t at) { return (uint8_t)(packet * 31 + at * 7); }

/* Lays packet `i` down at `at`, and gives the bytes it takes. */
static uint32_t lay(uint8_t *at, uint32_t i) {
  const struct wire_packet packet = packet_number(i);
  struct tpacket3_hdr *header = (struct tpacket3_hdr *)(void *)at;
  memset(at, 0xee, MAC_AT);
  memset(header, 0, sizeof *header);
  header->tp_sec = packet.seconds;
  header->tp_nsec = packet.nanoseconds;
  header->tp_snaplen = packet.length;
  header->tp_len = packet.wire_length;
  header->tp_mac = MAC_AT;
  header->tp_net = NETWORK_AT;
  header->tp_status = TP_STATUS_USER;
  if (packet.tpid != 0) {
    header->tp_status |= TP_STATUS_VLAN_VALID;
    header->hv1.tp_vlan_tci = packet.tci;
    /* Kernels before 3.14 did not say the protocol: it was 802.1Q. */
    if (packet.tpid != ETH_P_8021Q || i % 2 == 0) {
      header->tp_status |= TP_STATUS_VLAN_TPID_VALID;
      header->hv1.tp_vlan_tpid = packet.tpid;
    }
  }
  struct sockaddr_ll *address = (struct sockaddr_ll *)(void *)(at + TPACKET_ALIGN(sizeof *header));
  memset(address, 0, sizeof *address);
  address->sll_pkttype = PACKET_OTHERHOST;
  for (uint32_t k = 0; k < packet.length; k++) at[MAC_AT + k] = byte_of(i, k);
  return TPACKET_ALIGN(MAC_AT + packet.length);
}

/* Fills each block but the last, which stays the kernel's; the second has no packet at all. */
static uint32_t fill(uint8_t *ring) {
  uint32_t number = 0;
  for (uint32_t b = 0; b + 1 < BLOCKS; b++) {
    struct tpacket_block_desc *block = block_of(ring, b);
    uint8_t *bytes = (uint8_t *)block;
    uint32_t at = TPACKET_ALIGN(sizeof *block);
    struct tpacket3_hdr *last = NULL;
    block->version = TPACKET_V3;
    block->hdr.bh1.offset_to_first_pkt = at;
    while (b != 1 && at + MAC_AT + 1500 < BLOCK_BYTES) {
      if (last != NULL) last->tp_next_offset = (uint32_t)(bytes + at - (uint8_t *)last);
      last = (struct tpacket3_hdr *)(void *)(bytes + at);
      at += lay(bytes + at, number++);
      block->hdr.bh1.num_pkts += 1;
    }
    block->hdr.bh1.blk_len = at;
    block->hdr.bh1.seq_num = b + 1;
    __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_USER, __ATOMIC_RELEASE);
  }
  return number;
}

/* A packet as a line, with the tag that the kernel would have taken out. */
static void say(const struct tpacket3_hdr *header) {
  const uint8_t *bytes = (const uint8_t *)header + header->tp_mac;
  const bool is_tagged = (header->tp_status & TP_STATUS_VLAN_VALID) != 0 && header->tp_snaplen >= 2 * ETH_ALEN;
  const bool has_protocol = (header->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  const uint32_t added = is_tagged ? 4 : 0;
  printf("%u %u %u %u ", header->tp_sec, header->tp_nsec, header->tp_snaplen + added, header->tp_len + added);
  for (uint32_t k = 0; k <= header->tp_snaplen; k++) {
    if (is_tagged && k == 2 * ETH_ALEN)
      printf("%04x%04x", has_protocol ? header->hv1.tp_vlan_tpid : ETH_P_8021Q, header->hv1.tp_vlan_tci);
    if (k < header->tp_snaplen) printf("%02x", bytes[k]);
  }
  printf("\n");
}

/* Says each packet of the blocks that are the reader's, and gives their number. */
static uint32_t walk(const uint8_t *ring) {
  uint32_t packets = 0;
  for (uint32_t b = 0; b < BLOCKS; b++) {
    const struct tpacket_block_desc *block = (const struct tpacket_block_desc *)(const void *)(ring + (size_t)b * BLOCK_BYTES);
    if ((__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) continue;
    const uint8_t *at = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
    for (uint32_t i = 0; i < block->hdr.bh1.num_pkts; i++) {
      const struct tpacket3_hdr *header = (const struct tpacket3_hdr *)(const void *)at;
      say(header);
      at += header->tp_next_offset;
    }
    packets += block->hdr.bh1.num_pkts;
  }
  return packets;
}

static bool write_file(const char *path, const uint8_t *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  if (file == NULL) return false;
  const bool is_whole = fwrite(bytes, 1, length, file) == length;
  return fclose(file) == 0 && is_whole;
}

int main(int argc, char **argv) {
  struct ring_layout layout;
  if (!ring_layout_of(BLOCK_BYTES, BLOCKS, PAGE, &layout)) return 2;
  /* Exactly as large as the mapping, so that a read behind its end is seen. */
  uint8_t *ring = calloc(1, layout.total_bytes);
  if (ring == NULL) return 2;
  if (argc > 1) {
    const uint32_t laid = fill(ring);
    check(walk(ring) == laid, "the walk finds as many packets as were laid");
    if (!write_file(argv[1], ring, layout.total_bytes)) failures += 1;
  } else {
    check_sizes();
  }
  free(ring);
  return failures == 0 ? 0 : 1;
}
