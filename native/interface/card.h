/* The card of one interface, asked by the ethtool ioctl (<linux/ethtool.h>). Owns nothing beyond the call. */
#ifndef SPANGLASS_INTERFACE_CARD_H
#define SPANGLASS_INTERFACE_CARD_H

#include <linux/ethtool.h>
#include <stdbool.h>

/* Linux has about 64; a kernel with more than this is not asked for them. */
#define CARD_MAX_FEATURES 256

struct card_feature {
  char name[ETH_GSTRING_LEN + 1];
  bool is_on;
  bool is_fixed;
};

struct card_facts {
  /* Empty where not said. */
  char driver[32 + 1];
  /* Mbit/s, -1 where not known. */
  long speed;
  /* Descriptors of the receive ring, -1 where it has none. */
  long ring_rx, ring_rx_max;
  /* -1 where not said. */
  int feature_count;
  struct card_feature features[CARD_MAX_FEATURES];
};

/* What can't be read is left unknown. */
void card_read(const char *name, struct card_facts *facts);

#endif
