#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A link with its statistics takes about 2 KiB; one with many virtual functions more, so those are not asked for. */
#define ANSWER_BYTES 32768
/* The kernel answers at once. */
#define PATIENCE_S 2

struct request {
  struct nlmsghdr header;
  struct ifinfomsg link;
};

static uint32_t u32_of(const struct rtattr *attribute) {
  uint32_t value = 0;
  if (RTA_PAYLOAD(attribute) >= sizeof value) memcpy(&value, RTA_DATA(attribute), sizeof value);
  return value;
}

static uint8_t u8_of(const struct rtattr *attribute) {
  return RTA_PAYLOAD(attribute) >= 1 ? *(const uint8_t *)RTA_DATA(attribute) : 0;
}

static void read_statistics(const struct rtattr *attribute, struct link_facts *facts) {
  struct rtnl_link_stats64 stats;
  size_t length = RTA_PAYLOAD(attribute);
  memset(&stats, 0, sizeof stats);
  memcpy(&stats, RTA_DATA(attribute), length < sizeof stats ? length : sizeof stats);
  facts->rx_packets = (int64_t)stats.rx_packets;
  facts->rx_bytes = (int64_t)stats.rx_bytes;
  facts->rx_errors = (int64_t)stats.rx_errors;
  facts->rx_missed = (int64_t)stats.rx_missed_errors;
  facts->rx_fifo = (int64_t)stats.rx_fifo_errors;
  facts->rx_length = (int64_t)stats.rx_length_errors;
}

static void read_xdp(const struct rtattr *nest, struct link_facts *facts) {
  int left = (int)RTA_PAYLOAD(nest);
  for (const struct rtattr *one = RTA_DATA(nest); RTA_OK(one, left); one = RTA_NEXT(one, left))
    if (one->rta_type == IFLA_XDP_ATTACHED) facts->xdp = u8_of(one);
}

static void read_attribute(const struct rtattr *attribute, struct link_facts *facts) {
  switch (attribute->rta_type & NLA_TYPE_MASK) {
    case IFLA_MTU:
      facts->mtu = u32_of(attribute);
      break;
    case IFLA_ADDRESS:
      facts->address_len = RTA_PAYLOAD(attribute) < LINK_MAX_ADDRESS ? (unsigned)RTA_PAYLOAD(attribute) : LINK_MAX_ADDRESS;
      memcpy(facts->address, RTA_DATA(attribute), facts->address_len);
      break;
    case IFLA_CARRIER:
      facts->carrier = u8_of(attribute);
      break;
    case IFLA_PROMISCUITY:
      facts->promiscuity = u32_of(attribute);
      break;
    case IFLA_MASTER:
      facts->master = u32_of(attribute);
      break;
    case IFLA_STATS64:
      read_statistics(attribute, facts);
      break;
    case IFLA_XDP:
      read_xdp(attribute, facts);
      break;
    default:
      break;
  }
}

static int read_answer(struct nlmsghdr *header, size_t length, struct link_facts *facts) {
  if (!NLMSG_OK(header, length)) return -EPROTO;
  if (header->nlmsg_type == NLMSG_ERROR) {
    const struct nlmsgerr *error = NLMSG_DATA(header);
    return error->error == 0 ? -EPROTO : error->error;
  }
  if (header->nlmsg_type != RTM_NEWLINK) return -EPROTO;
  const struct ifinfomsg *link = NLMSG_DATA(header);
  facts->index = link->ifi_index;
  facts->flags = link->ifi_flags;
  facts->hardware_type = link->ifi_type;
  int left = (int)IFLA_PAYLOAD(header);
  for (const struct rtattr *one = IFLA_RTA(link); RTA_OK(one, left); one = RTA_NEXT(one, left)) read_attribute(one, facts);
  return 0;
}

int link_read(int index, struct link_facts *facts) {
  memset(facts, 0, sizeof *facts);
  facts->carrier = -1;
  facts->rx_packets = facts->rx_bytes = facts->rx_errors = facts->rx_missed = facts->rx_fifo = facts->rx_length = -1;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  const struct timeval patience = {.tv_sec = PATIENCE_S};
  struct request request = {
      .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 1},
      .link = {.ifi_family = AF_UNSPEC, .ifi_index = index},
  };
  union {
    struct nlmsghdr header;
    char bytes[ANSWER_BYTES];
  } answer;
  int result = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 || send(fd, &request, sizeof request, 0) < 0)
    result = -errno;
  if (result == 0) {
    ssize_t length = recv(fd, &answer, sizeof answer, 0);
    result = length < 0 ? -errno : read_answer(&answer.header, (size_t)length, facts);
  }
  close(fd);
  return result;
}
