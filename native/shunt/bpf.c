#include "bpf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "generated/shunt-bytecode.h"

/* Stable numbers, include/uapi/linux/bpf.h. */
enum {
  MAP_CREATE = 0,
  MAP_LOOKUP_ELEM = 1,
  MAP_UPDATE_ELEM = 2,
  PROG_LOAD = 5,
  PROG_TEST_RUN = 10,
  MAP_UPDATE_BATCH = 26,
  LINK_CREATE = 28,
};
/* The verifier needs a few milliseconds. */
enum { MAX_LOAD_TRIES = 16 };
enum { MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_LRU_HASH = 9 };
enum { PROG_SOCKET_FILTER = 1, PROG_XDP = 6 };
enum { ATTACH_XDP = 37, XDP_GENERIC = 2, XDP_NATIVE = 4, XDP_HAS_FRAGS = 32 };

struct map_create {
  uint32_t type, key_size, value_size, max_entries, flags, inner_fd, numa_node;
  char name[16];
};

struct map_elem {
  uint32_t fd, unused;
  uint64_t key, value, flags;
};

struct map_batch {
  uint64_t in_batch, out_batch, keys, values;
  uint32_t count, fd;
  uint64_t elem_flags, flags;
};

struct prog_load {
  uint32_t type, instructions_len;
  uint64_t instructions, license;
  uint32_t log_level, log_size;
  uint64_t log;
  uint32_t kernel_version, flags;
  char name[16];
};

struct prog_test_run {
  uint32_t fd, returned, len_in, len_out;
  uint64_t data_in, data_out;
  uint32_t repeat, duration;
};

struct link_create {
  uint32_t program_fd, interface_index, attach_type, flags;
};

static int command(int number, void *argument, size_t len) {
  long result = syscall(SYS_bpf, number, argument, len);
  return result < 0 ? -errno : (int)result;
}

static uint64_t address(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }

int bpf_create_table(enum shunt_table table, uint32_t entries) {
  struct map_create create = {.key_size = 4};
  switch (table) {
    case SHUNT_FLOWS:
      create = (struct map_create){MAP_LRU_HASH, SHUNT_KEY_BYTES, SHUNT_FLOW_BYTES, entries, 0, 0, 0, "sg_flows"};
      break;
    case SHUNT_FINISHED:
      create = (struct map_create){MAP_LRU_HASH, SHUNT_KEY_BYTES, SHUNT_FINISH_BYTES, entries, 0, 0, 0, "sg_finished"};
      break;
    case SHUNT_COUNTERS:
      create = (struct map_create){MAP_PERCPU_ARRAY, 4, SHUNT_COUNTER_BYTES, SHUNT_COUNTERS_LEN, 0, 0, 0, "sg_counters"};
      break;
    case SHUNT_SETTINGS:
      create = (struct map_create){MAP_ARRAY, 4, SHUNT_SETTINGS_BYTES, 1, 0, 0, 0, "sg_settings"};
      break;
    default:
      return -EINVAL;
  }
  int fd = command(MAP_CREATE, &create, sizeof create);
  if (fd != -EPERM) return fd;
  /* Before Linux 5.11 tables count against RLIMIT_MEMLOCK, and going over it is EPERM as well. */
  struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_MEMLOCK, &unlimited) != 0) return fd;
  return command(MAP_CREATE, &create, sizeof create);
}

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define INSTRUCTION_BYTES sizeof(uint64_t)
/* What the kernel takes of a program, from Linux 5.2 on and with the capability. Older ones take 4096 and refuse by themselves. */
#define MAX_INSTRUCTIONS 1000000
/* r1 = r6; if r0 != 0 skip the next `len` instructions */
#define RESTORE_CONTEXT 0x00000000000061bfULL
#define SKIP_UNLESS_ZERO(len) (0x0000000000000055ULL | (uint64_t)(len) << 16)
/* Source register of a 64-bit load that names a table by descriptor. */
#define TABLE_BY_FD 0x1000ULL

/* Appends code with descriptors put in, and returns where the next begins. */
static uint64_t *append(uint64_t *at, const uint64_t *code, size_t len, const struct shunt_relocation *relocations,
                        size_t relocations_len, const int *fds) {
  memcpy(at, code, len * INSTRUCTION_BYTES);
  for (size_t i = 0; i < relocations_len; i++) {
    uint64_t fd = (uint32_t)fds[relocations[i].table];
    uint64_t *instruction = at + relocations[i].index;
    *instruction = (*instruction & 0x0fffULL) | TABLE_BY_FD | fd << 32;
  }
  return at + len;
}

#define APPEND(at, name, fds)                                              \
  append(at, shunt_##name##_code, LEN(shunt_##name##_code), shunt_##name##_relocations, \
         LEN(shunt_##name##_relocations), fds)

/*
 * A user's filter in front:   prefix | r1 = r6 | r0 != 0: skip | filtered ... exit | socket ... exit
 */
static size_t assemble(uint64_t *code, enum shunt_program program, const int *fds, struct bytes prefix) {
  uint64_t *at = code;
  if (program == SHUNT_XDP) return APPEND(at, xdp, fds) - code;
  if (prefix.len > 0) {
    memcpy(at, prefix.data, prefix.len);
    at += prefix.len / INSTRUCTION_BYTES;
    *at++ = RESTORE_CONTEXT;
    *at++ = SKIP_UNLESS_ZERO(LEN(shunt_filtered_code));
    at = APPEND(at, filtered, fds);
  }
  return APPEND(at, socket, fds) - code;
}

int bpf_load_program(enum shunt_program program, const int fds[SHUNT_TABLES], struct bytes prefix, struct bytes log) {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  /* The code in the header is for little-endian machines. */
  (void)program, (void)fds, (void)prefix, (void)log, (void)assemble;
  return -ENOSYS;
#else
  if (prefix.len % INSTRUCTION_BYTES != 0 || prefix.len / INSTRUCTION_BYTES > MAX_INSTRUCTIONS) return -EINVAL;
  size_t room = prefix.len + sizeof shunt_socket_code + sizeof shunt_filtered_code + sizeof shunt_xdp_code +
                2 * INSTRUCTION_BYTES;
  uint64_t *code = malloc(room);
  if (code == NULL) return -ENOMEM;
  struct prog_load load = {
      .type = program == SHUNT_XDP ? PROG_XDP : PROG_SOCKET_FILTER,
      .instructions_len = (uint32_t)assemble(code, program, fds, prefix),
      .instructions = address(code),
      .license = address("Apache-2.0"),
      .log_level = log.len > 0 ? 1 : 0,
      .log_size = (uint32_t)log.len,
      .log = log.len > 0 ? address(log.data) : 0,
      .flags = program == SHUNT_XDP ? XDP_HAS_FRAGS : 0,
      .name = "spanglass",
  };
  /* The verifier gives up when a signal comes, and asks to be asked again. A profiler sends a thousand a second. */
  int fd = command(PROG_LOAD, &load, sizeof load);
  for (int tries = 1; fd == -EAGAIN && tries < MAX_LOAD_TRIES; tries++) fd = command(PROG_LOAD, &load, sizeof load);
  free(code);
  return fd;
#endif
}

static int update_one(int fd, const uint8_t *key, const uint8_t *value) {
  struct map_elem elem = {.fd = (uint32_t)fd, .key = address(key), .value = address(value)};
  return command(MAP_UPDATE_ELEM, &elem, sizeof elem);
}

int bpf_update(int fd, const uint8_t *keys, size_t key_len, const uint8_t *values, size_t value_len, uint32_t count) {
  if (count > 1) {
    struct map_batch batch = {.keys = address(keys), .values = address(values), .count = count, .fd = (uint32_t)fd};
    if (command(MAP_UPDATE_BATCH, &batch, sizeof batch) == 0) return (int)count;
  }
  /* No batches before Linux 5.6. One that stopped in its middle is done again from its beginning, which changes nothing. */
  for (uint32_t i = 0; i < count; i++) {
    int result = update_one(fd, keys + i * key_len, values + i * value_len);
    if (result < 0) return i == 0 ? result : (int)i;
  }
  return (int)count;
}

int bpf_lookup(int fd, const uint8_t *key, uint8_t *value) {
  struct map_elem elem = {.fd = (uint32_t)fd, .key = address(key), .value = address(value)};
  return command(MAP_LOOKUP_ELEM, &elem, sizeof elem);
}

/* The kernel writes a value for each processor that could be there, so fewer would be an overflow. */
static int possible_processors(void) {
  FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
  if (file == NULL) return -errno;
  int last = -1, number;
  char separator;
  while (fscanf(file, "%d", &number) == 1) {
    if (number > last) last = number;
    if (fscanf(file, "%c", &separator) != 1 || separator == '\n') break;
  }
  fclose(file);
  return last < 0 || last >= 65536 ? -EIO : last + 1;
}

int bpf_sum_counters(int fd, uint64_t *sums) {
  int processors = possible_processors();
  if (processors < 0) return processors;
  uint64_t *values = malloc((size_t)processors * SHUNT_COUNTER_BYTES);
  if (values == NULL) return -ENOMEM;
  int result = 0;
  for (uint32_t reason = 0; reason < SHUNT_COUNTERS_LEN && result == 0; reason++) {
    result = bpf_lookup(fd, (const uint8_t *)&reason, (uint8_t *)values);
    sums[2 * reason] = sums[2 * reason + 1] = 0;
    for (int i = 0; i < processors && result == 0; i++) {
      sums[2 * reason] += values[2 * i];
      sums[2 * reason + 1] += values[2 * i + 1];
    }
  }
  free(values);
  return result;
}

int bpf_test_run(int fd, struct bytes packet, uint32_t repeat, uint32_t *returned, uint32_t *nanoseconds) {
  struct prog_test_run run = {
      .fd = (uint32_t)fd, .len_in = (uint32_t)packet.len, .data_in = address(packet.data), .repeat = repeat};
  int result = command(PROG_TEST_RUN, &run, sizeof run);
  *returned = run.returned;
  *nanoseconds = run.duration;
  return result;
}

int bpf_attach_xdp(int fd, unsigned interface_index, int is_generic) {
  struct link_create create = {(uint32_t)fd, interface_index, ATTACH_XDP, is_generic ? XDP_GENERIC : XDP_NATIVE};
  return command(LINK_CREATE, &create, sizeof create);
}
