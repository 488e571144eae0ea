/* The link of one interface, asked of rtnetlink (rtnetlink(7)). Owns nothing beyond the call. */
#ifndef SPANGLASS_INTERFACE_LINK_H
#define SPANGLASS_INTERFACE_LINK_H

#include <stdint.h>

#define LINK_MAX_ADDRESS 32

struct link_facts {
  int index;
  unsigned flags;
  unsigned mtu;
  unsigned hardware_type;
  uint8_t address[LINK_MAX_ADDRESS];
  unsigned address_len;
  int carrier;
  unsigned promiscuity;
  unsigned xdp;
  unsigned master;
  /* Of the card, since it was made; -1 where not said. */
  int64_t rx_packets, rx_bytes, rx_errors, rx_missed, rx_fifo, rx_length;
};

/* 0, or -errno; -ENODEV where there is no such interface. */
int link_read(int index, struct link_facts *facts);

#endif
