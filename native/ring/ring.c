#include "ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ring-layout.h"

/* Older headers lack them. Values from <linux/if_packet.h> and <asm-generic/socket.h>. */
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif
#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

/* Room before a frame for the VLAN tag that the kernel took out: TypeScript puts it back. */
#define VLAN_TAG_BYTES 4

struct ring {
  int fd;
  int interface_index;
  uint8_t *map;
  struct ring_layout layout;
  napi_ref buffer;
};

struct open_request {
  char interface[IFNAMSIZ];
  uint32_t block_bytes;
  uint32_t blocks;
  uint32_t retire_ms;
  int32_t fanout_group;
  int32_t program_fd;
  bool promiscuous;
  bool hardware_time;
  const void *classic;
  size_t classic_bytes;
};

struct open_result {
  bool ignores_outgoing;
  bool hardware_time;
};

static void release(struct ring *ring) {
  if (ring->map != NULL) munmap(ring->map, ring->layout.total_bytes);
  ring->map = NULL;
  if (ring->fd >= 0) close(ring->fd);
  ring->fd = -1;
}

static void detach_buffer(napi_env env, struct ring *ring) {
  napi_value buffer = NULL;
  if (ring->buffer == NULL) return;
  if (napi_get_reference_value(env, ring->buffer, &buffer) == napi_ok && buffer != NULL)
    napi_detach_arraybuffer(env, buffer);
  napi_delete_reference(env, ring->buffer);
  ring->buffer = NULL;
}

/* The ring object is collected, or its environment ends: no JavaScript runs after this that could see the mapping. */
static void finalize(napi_env env, void *data, void *hint) {
  (void)hint;
  struct ring *ring = data;
  detach_buffer(env, ring);
  release(ring);
  free(ring);
}

static int attach(int fd, int program_fd, const void *classic, size_t classic_bytes) {
  if (program_fd >= 0) return setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program_fd, sizeof program_fd);
  if (classic == NULL) return 0;
  struct sock_fprog program = {
      .len = (unsigned short)(classic_bytes / sizeof(struct sock_filter)),
      .filter = (struct sock_filter *)(uintptr_t)classic,
  };
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* What the caller asked for, in place of what is attached. */
static int attach_wanted(int fd, const struct open_request *request) {
  if (request->program_fd >= 0 || request->classic != NULL)
    return attach(fd, request->program_fd, request->classic, request->classic_bytes);
  const int unused = 0;
  const int result = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
  /* There was none. */
  return result != 0 && errno == ENOENT ? 0 : result;
}

static int bind_to(int fd, int interface_index) {
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET,
      .sll_protocol = htons(ETH_P_ALL),
      .sll_ifindex = interface_index,
  };
  return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static int set_int(int fd, int option, int value) {
  return setsockopt(fd, SOL_PACKET, option, &value, sizeof value);
}

static int add_promiscuous(int fd, int interface_index) {
  struct packet_mreq request = {.mr_ifindex = interface_index, .mr_type = PACKET_MR_PROMISC};
  return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request);
}

static int attach_nothing_passes(int fd) {
  const struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  return attach(fd, -1, &nothing, sizeof nothing);
}

/*
 * Packets get the card's times where it stamps all that it receives. That is only asked: switching it on would change the card for
 * every other program, and outlive this one.
 */
static bool use_hardware_time(int fd, const char *name) {
  struct hwtstamp_config config = {0};
  struct ifreq request = {.ifr_data = (char *)&config};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(fd, SIOCGHWTSTAMP, &request) != 0 || config.rx_filter != HWTSTAMP_FILTER_ALL) return false;
  return set_int(fd, PACKET_TIMESTAMP, SOF_TIMESTAMPING_RAW_HARDWARE) == 0;
}

static int join_fanout(int fd, int32_t group) {
  const uint32_t mode = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG;
  return set_int(fd, PACKET_FANOUT, (int)(((uint32_t)group & 0xffff) | (mode << 16)));
}

/*
 * Returns NULL, or the step that failed, with the error in errno. Protocol 0 until the bind: no packet comes in past the filter.
 * A socket that is to join a group can do so only when it is bound, and would until then get what the others of the group get as
 * well: so nothing passes its filter before it is one of them.
 */
static const char *open_socket(struct ring *ring, const struct open_request *request, struct open_result *result) {
  ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (ring->fd < 0) return "socket";
  ring->interface_index = (int)if_nametoindex(request->interface);
  if (ring->interface_index == 0) return "interface";
  if (set_int(ring->fd, PACKET_VERSION, TPACKET_V3) != 0) return "version";
  if (set_int(ring->fd, PACKET_RESERVE, VLAN_TAG_BYTES) != 0) return "reserve";
  result->hardware_time = request->hardware_time && use_hardware_time(ring->fd, request->interface);
  /* Since Linux 4.20. Without it the walk leaves outgoing packets out. */
  result->ignores_outgoing = set_int(ring->fd, PACKET_IGNORE_OUTGOING, 1) == 0;
  struct tpacket_req3 size = {
      .tp_block_size = ring->layout.block_bytes,
      .tp_block_nr = ring->layout.blocks,
      .tp_frame_size = ring->layout.frame_bytes,
      .tp_frame_nr = ring->layout.frames,
      .tp_retire_blk_tov = request->retire_ms,
  };
  if (setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &size, sizeof size) != 0) return "ring";
  ring->map = mmap(NULL, ring->layout.total_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
  if (ring->map == MAP_FAILED) {
    ring->map = NULL;
    return "map";
  }
  const bool is_alone = request->fanout_group < 0;
  if ((is_alone ? attach_wanted(ring->fd, request) : attach_nothing_passes(ring->fd)) != 0) return "filter";
  if (bind_to(ring->fd, ring->interface_index) != 0) return "bind";
  if (request->promiscuous && add_promiscuous(ring->fd, ring->interface_index) != 0) return "promiscuous";
  if (is_alone) return NULL;
  if (join_fanout(ring->fd, request->fanout_group) != 0) return "fanout";
  if (attach_wanted(ring->fd, request) != 0) return "filter";
  return NULL;
}

static bool is_up(int fd, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0 &&
         (request.ifr_flags & IFF_RUNNING) != 0;
}

static int hardware_type(int fd, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return ioctl(fd, SIOCGIFHWADDR, &request) == 0 ? request.ifr_hwaddr.sa_family : -1;
}

/* Small helpers of Node-API. What is missing or of another type reads as `fallback`: TypeScript has checked it. */

static napi_value property(napi_env env, napi_value object, const char *name) {
  napi_value value = NULL;
  napi_get_named_property(env, object, name, &value);
  return value;
}

static int32_t int_property(napi_env env, napi_value object, const char *name, int32_t fallback) {
  int32_t value = fallback;
  napi_get_value_int32(env, property(env, object, name), &value);
  return value;
}

/* What is no size reads as 0, which is refused. */
static uint32_t size_property(napi_env env, napi_value object, const char *name) {
  int64_t value = 0;
  napi_get_value_int64(env, property(env, object, name), &value);
  return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

static bool bool_property(napi_env env, napi_value object, const char *name) {
  bool value = false;
  napi_get_value_bool(env, property(env, object, name), &value);
  return value;
}

static void set_property_int(napi_env env, napi_value object, const char *name, int64_t number) {
  napi_value value = NULL;
  napi_create_int64(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

static void set_property_bool(napi_env env, napi_value object, const char *name, bool flag) {
  napi_value value = NULL;
  napi_get_boolean(env, flag, &value);
  napi_set_named_property(env, object, name, value);
}

static void set_property_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value = NULL;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, object, name, value);
}

static napi_value to_int(napi_env env, int32_t number) {
  napi_value value = NULL;
  napi_create_int32(env, number, &value);
  return value;
}

static void bytes_of(napi_env env, napi_value value, const void **bytes, size_t *length) {
  bool is_typed = false;
  *bytes = NULL;
  *length = 0;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return;
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, NULL, length, &data, NULL, NULL) == napi_ok) *bytes = data;
}

static napi_value to_failure(napi_env env, const char *step, int number) {
  napi_value result = NULL;
  napi_create_object(env, &result);
  set_property_text(env, result, "step", step);
  set_property_int(env, result, "errno", number);
  set_property_text(env, result, "reason", strerror(number));
  return result;
}

/* A name that is too long would be cut to that of another interface. */
static bool read_name(napi_env env, napi_value value, char name[IFNAMSIZ]) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length == 0 || length >= IFNAMSIZ) return false;
  return napi_get_value_string_utf8(env, value, name, IFNAMSIZ, &length) == napi_ok && strlen(name) == length;
}

static bool read_request(napi_env env, napi_value options, struct open_request *request) {
  memset(request, 0, sizeof *request);
  if (!read_name(env, property(env, options, "interface"), request->interface)) return false;
  request->block_bytes = size_property(env, options, "blockBytes");
  request->blocks = size_property(env, options, "blocks");
  request->retire_ms = size_property(env, options, "retireMs");
  request->fanout_group = int_property(env, options, "fanoutGroup", -1);
  request->program_fd = int_property(env, options, "programFd", -1);
  request->promiscuous = bool_property(env, options, "promiscuous");
  request->hardware_time = bool_property(env, options, "hardwareTime");
  bytes_of(env, property(env, options, "classicProgram"), &request->classic, &request->classic_bytes);
  return true;
}

static napi_value ring_open(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value options = NULL;
  napi_get_cb_info(env, info, &argc, &options, NULL, NULL);
  struct open_request request;
  if (!read_request(env, options, &request)) return to_failure(env, "interface", ENODEV);
  struct ring *ring = calloc(1, sizeof *ring);
  if (ring == NULL) return to_failure(env, "memory", ENOMEM);
  ring->fd = -1;
  if (!ring_layout_of(request.block_bytes, request.blocks, (uint32_t)sysconf(_SC_PAGESIZE), &ring->layout)) {
    free(ring);
    return to_failure(env, "size", EINVAL);
  }
  struct open_result opened = {0};
  const char *failed = open_socket(ring, &request, &opened);
  napi_value handle = NULL;
  napi_value buffer = NULL;
  if (failed == NULL) {
    /* No finalizer: the mapping is the ring's, and the ring is kept by its handle. */
    if (napi_create_external_arraybuffer(env, ring->map, ring->layout.total_bytes, NULL, NULL, &buffer) != napi_ok ||
        napi_create_reference(env, buffer, 1, &ring->buffer) != napi_ok) {
      failed = "buffer";
      errno = ENOMEM;
    }
  }
  if (failed == NULL && napi_create_external(env, ring, finalize, NULL, &handle) != napi_ok) {
    failed = "buffer";
    errno = ENOMEM;
  }
  if (failed != NULL) {
    const int number = errno;
    detach_buffer(env, ring);
    release(ring);
    free(ring);
    return to_failure(env, failed, number);
  }
  napi_value result = NULL;
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "ring", handle);
  napi_set_named_property(env, result, "buffer", buffer);
  set_property_int(env, result, "interfaceIndex", ring->interface_index);
  set_property_int(env, result, "hardwareType", hardware_type(ring->fd, request.interface));
  set_property_bool(env, result, "isUp", is_up(ring->fd, request.interface));
  set_property_bool(env, result, "ignoresOutgoing", opened.ignores_outgoing);
  set_property_bool(env, result, "hardwareTime", opened.hardware_time);
  return result;
}

/* The ring of the first argument; NULL, with an exception, where it is none or closed. */
static struct ring *ring_of(napi_env env, napi_callback_info info, napi_value *args, size_t count) {
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  void *data = NULL;
  if (napi_get_value_external(env, args[0], &data) != napi_ok || data == NULL || ((struct ring *)data)->fd < 0) {
    napi_throw_error(env, "ERR_RING_CLOSED", "the ring is closed");
    return NULL;
  }
  return data;
}

static int socket_error(int fd) {
  int number = 0;
  socklen_t size = sizeof number;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0) return errno;
  return number;
}

static napi_value ring_poll(napi_env env, napi_callback_info info) {
  napi_value args[2];
  struct ring *ring = ring_of(env, info, args, 2);
  if (ring == NULL) return NULL;
  int32_t milliseconds = 0;
  napi_get_value_int32(env, args[1], &milliseconds);
  struct pollfd watched = {.fd = ring->fd, .events = POLLIN | POLLERR};
  /* A signal cuts the wait short, which is as if nothing had come. */
  const int ready = poll(&watched, 1, milliseconds);
  if (ready <= 0) return to_int(env, 0);
  if ((watched.revents & (POLLERR | POLLHUP)) != 0) {
    const int number = socket_error(ring->fd);
    if (number != 0) return to_int(env, -number);
  }
  return to_int(env, (watched.revents & POLLIN) != 0 ? 1 : 0);
}

static napi_value ring_statistics(napi_env env, napi_callback_info info) {
  napi_value args[1];
  struct ring *ring = ring_of(env, info, args, 1);
  if (ring == NULL) return NULL;
  struct tpacket_stats_v3 counted = {0};
  socklen_t size = sizeof counted;
  getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &counted, &size);
  napi_value result = NULL;
  napi_create_object(env, &result);
  set_property_int(env, result, "packets", counted.tp_packets);
  set_property_int(env, result, "drops", counted.tp_drops);
  set_property_int(env, result, "freezes", counted.tp_freeze_q_cnt);
  return result;
}

static napi_value ring_filter(napi_env env, napi_callback_info info) {
  napi_value args[3];
  struct ring *ring = ring_of(env, info, args, 3);
  if (ring == NULL) return NULL;
  int32_t program_fd = -1;
  napi_get_value_int32(env, args[1], &program_fd);
  const void *classic = NULL;
  size_t classic_bytes = 0;
  bytes_of(env, args[2], &classic, &classic_bytes);
  const bool is_some = program_fd >= 0 || classic != NULL;
  const int result = is_some ? attach(ring->fd, program_fd, classic, classic_bytes) : attach_nothing_passes(ring->fd);
  return to_int(env, result == 0 ? 0 : -errno);
}

static napi_value ring_rebind(napi_env env, napi_callback_info info) {
  napi_value args[3];
  struct ring *ring = ring_of(env, info, args, 3);
  if (ring == NULL) return NULL;
  char name[IFNAMSIZ] = "";
  bool promiscuous = false;
  if (!read_name(env, args[1], name)) return to_int(env, -ENODEV);
  napi_get_value_bool(env, args[2], &promiscuous);
  const int index = (int)if_nametoindex(name);
  if (index == 0) return to_int(env, -ENODEV);
  if (bind_to(ring->fd, index) != 0) return to_int(env, -errno);
  ring->interface_index = index;
  /* A membership belongs to an interface: the one of the interface that is gone went with it. */
  if (promiscuous && add_promiscuous(ring->fd, index) != 0) return to_int(env, -errno);
  return to_int(env, index);
}

static napi_value ring_is_up(napi_env env, napi_callback_info info) {
  napi_value args[2];
  struct ring *ring = ring_of(env, info, args, 2);
  if (ring == NULL) return NULL;
  char name[IFNAMSIZ] = "";
  if (!read_name(env, args[1], name)) return to_int(env, -ENODEV);
  const int index = (int)if_nametoindex(name);
  /* The name may be that of another interface by now. */
  if (index == 0 || index != ring->interface_index) return to_int(env, -ENODEV);
  return to_int(env, is_up(ring->fd, name) ? 1 : 0);
}

static napi_value ring_close(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value handle = NULL;
  void *data = NULL;
  napi_get_cb_info(env, info, &argc, &handle, NULL, NULL);
  if (napi_get_value_external(env, handle, &data) != napi_ok || data == NULL) return NULL;
  detach_buffer(env, data);
  release(data);
  return NULL;
}

napi_value ring_register(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"ringOpen", NULL, ring_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ringPoll", NULL, ring_poll, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ringStatistics", NULL, ring_statistics, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ringFilter", NULL, ring_filter, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ringRebind", NULL, ring_rebind, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ringIsUp", NULL, ring_is_up, NULL, NULL, NULL, napi_enumerable, NULL},
      {"ringClose", NULL, ring_close, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}
