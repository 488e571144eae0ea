#define _GNU_SOURCE
#include "card.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BITS 32
#define FEATURE_WORDS (CARD_MAX_FEATURES / BITS)
/* Link modes come as three masks of so many words at most. */
#define MAX_MODE_WORDS 127

static int ask(int fd, const char *name, void *question) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_data = question;
  return ioctl(fd, SIOCETHTOOL, &request);
}

static void read_driver(int fd, const char *name, struct card_facts *facts) {
  struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
  if (ask(fd, name, &info) == 0) memcpy(facts->driver, info.driver, sizeof info.driver);
}

/* The kernel says first, as a negative number, how many words its masks have, and answers when asked with that number. */
static void read_speed(int fd, const char *name, struct card_facts *facts) {
  union {
    struct ethtool_link_settings settings;
    uint32_t words[sizeof(struct ethtool_link_settings) / sizeof(uint32_t) + 3 * MAX_MODE_WORDS];
  } link;
  memset(&link, 0, sizeof link);
  link.settings.cmd = ETHTOOL_GLINKSETTINGS;
  if (ask(fd, name, &link) != 0 || link.settings.link_mode_masks_nwords >= 0) return;
  int8_t words = (int8_t)-link.settings.link_mode_masks_nwords;
  memset(&link, 0, sizeof link);
  link.settings.cmd = ETHTOOL_GLINKSETTINGS;
  link.settings.link_mode_masks_nwords = words;
  if (ask(fd, name, &link) != 0) return;
  if (link.settings.speed != 0 && link.settings.speed != (uint32_t)SPEED_UNKNOWN) facts->speed = (long)link.settings.speed;
}

static void read_ring(int fd, const char *name, struct card_facts *facts) {
  struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
  if (ask(fd, name, &ring) != 0 || ring.rx_max_pending == 0) return;
  facts->ring_rx = (long)ring.rx_pending;
  facts->ring_rx_max = (long)ring.rx_max_pending;
}

static unsigned count_features(int fd, const char *name) {
  struct {
    struct ethtool_sset_info info;
    uint32_t count;
  } set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};
  if (ask(fd, name, &set) != 0 || set.info.sset_mask == 0) return 0;
  return set.count <= CARD_MAX_FEATURES ? set.count : 0;
}

static void read_features(int fd, const char *name, struct card_facts *facts) {
  struct {
    struct ethtool_gfeatures head;
    struct ethtool_get_features_block blocks[FEATURE_WORDS];
  } bits = {.head = {.cmd = ETHTOOL_GFEATURES, .size = FEATURE_WORDS}};
  unsigned count = count_features(fd, name);
  if (count == 0) return;
  /* The kernel writes as many names as it has, which is what it just said, whatever room there is. */
  struct ethtool_gstrings *names = calloc(1, sizeof *names + (size_t)CARD_MAX_FEATURES * ETH_GSTRING_LEN);
  if (names == NULL) return;
  names->cmd = ETHTOOL_GSTRINGS;
  names->string_set = ETH_SS_FEATURES;
  names->len = count;
  if (ask(fd, name, names) == 0 && ask(fd, name, &bits) == 0) {
    facts->feature_count = (int)count;
    for (unsigned i = 0; i < count; i++) {
      const struct ethtool_get_features_block *block = &bits.blocks[i / BITS];
      uint32_t bit = 1U << (i % BITS);
      memcpy(facts->features[i].name, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
      facts->features[i].is_on = (block->active & bit) != 0;
      facts->features[i].is_fixed = (block->never_changed & bit) != 0 || (block->available & bit) == 0;
    }
  }
  free(names);
}

void card_read(const char *name, struct card_facts *facts) {
  memset(facts, 0, sizeof *facts);
  facts->speed = facts->ring_rx = facts->ring_rx_max = -1;
  facts->feature_count = -1;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  read_driver(fd, name, facts);
  read_speed(fd, name, facts);
  read_ring(fd, name, facts);
  read_features(fd, name, facts);
  close(fd);
}
