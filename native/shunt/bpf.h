/**
 * The commands of bpf(2) that the shunt needs. Each returns what the kernel does, or a negative errno.
 *
 * The layouts of its arguments are written down in bpf.c, since the headers of an older system lack some that its kernel knows
 * all the same. Nothing is allocated that outlives a call.
 */
#ifndef SPANGLASS_BPF_H
#define SPANGLASS_BPF_H

#include <stddef.h>
#include <stdint.h>

#include "shunt.h"

#define SHUNT_KEY_BYTES 40
#define SHUNT_FLOW_BYTES 40
#define SHUNT_FINISH_BYTES 16
#define SHUNT_SETTINGS_BYTES 8
#define SHUNT_COUNTER_BYTES 16
#define SHUNT_COUNTERS_LEN 6

struct bytes {
  uint8_t *data;
  size_t len;
};

int bpf_create_table(enum shunt_table table, uint32_t entries);
int bpf_load_program(enum shunt_program program, const int fds[SHUNT_TABLES], struct bytes prefix, struct bytes log);
int bpf_update(int fd, const uint8_t *keys, size_t key_len, const uint8_t *values, size_t value_len, uint32_t count);
int bpf_lookup(int fd, const uint8_t *key, uint8_t *value);
/** Sums over all processors; `sums` has room for two numbers a counter. */
int bpf_sum_counters(int fd, uint64_t *sums);
int bpf_test_run(int fd, struct bytes packet, uint32_t repeat, uint32_t *returned, uint32_t *nanoseconds);
int bpf_attach_xdp(int fd, unsigned interface_index, int is_generic);

#endif
