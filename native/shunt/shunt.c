#include "shunt.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <unistd.h>

#include "bpf.h"

#define MAX_ARGUMENTS 6

/* The arguments of one call. Whatever does not fit makes `is_good` false, and the call ends with -EINVAL. */
struct call {
  napi_env env;
  napi_value arguments[MAX_ARGUMENTS];
  bool is_good;
};

static struct call begin(napi_env env, napi_callback_info info, size_t expected) {
  struct call call = {.env = env};
  size_t count = MAX_ARGUMENTS;
  call.is_good = napi_get_cb_info(env, info, &count, call.arguments, NULL, NULL) == napi_ok && count >= expected;
  return call;
}

static napi_value end(struct call *call, int result) {
  napi_value value = NULL;
  napi_create_int32(call->env, call->is_good ? result : -EINVAL, &value);
  return value;
}

static int int_at(struct call *call, size_t index) {
  int32_t value = 0;
  if (call->is_good && napi_get_value_int32(call->env, call->arguments[index], &value) != napi_ok) call->is_good = false;
  return value;
}

/* Borrowed until the call returns. Of null it is empty. */
static struct bytes bytes_at(struct call *call, size_t index) {
  struct bytes bytes = {NULL, 0};
  if (!call->is_good) return bytes;
  napi_valuetype type;
  if (napi_typeof(call->env, call->arguments[index], &type) == napi_ok && type == napi_null) return bytes;
  bool is_array = false;
  napi_is_typedarray(call->env, call->arguments[index], &is_array);
  napi_typedarray_type element;
  size_t len;
  void *data;
  if (!is_array || napi_get_typedarray_info(call->env, call->arguments[index], &element, &len, &data, NULL, NULL) != napi_ok) {
    call->is_good = false;
    return bytes;
  }
  size_t size = element == napi_uint8_array || element == napi_int8_array ? 1
                : element == napi_uint32_array || element == napi_int32_array ? 4
                : element == napi_biguint64_array || element == napi_bigint64_array ? 8
                : 0;
  if (size == 0) call->is_good = false;
  bytes.data = data;
  bytes.len = len * size;
  return bytes;
}

/* The same, of at least `len` bytes. */
static uint8_t *room_at(struct call *call, size_t index, size_t len) {
  struct bytes bytes = bytes_at(call, index);
  if (bytes.len < len) call->is_good = false;
  return bytes.data;
}

static napi_value table(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 2);
  int kind = int_at(&call, 0);
  int entries = int_at(&call, 1);
  if (kind < 0 || kind >= SHUNT_TABLES || entries < 1) call.is_good = false;
  return end(&call, call.is_good ? bpf_create_table((enum shunt_table)kind, (uint32_t)entries) : 0);
}

static napi_value load(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 4);
  int program = int_at(&call, 0);
  const int *fds = (const int *)(const void *)room_at(&call, 1, SHUNT_TABLES * sizeof(int));
  struct bytes prefix = bytes_at(&call, 2);
  struct bytes log = bytes_at(&call, 3);
  if (program < 0 || program >= SHUNT_PROGRAMS) call.is_good = false;
  return end(&call, call.is_good ? bpf_load_program((enum shunt_program)program, fds, prefix, log) : 0);
}

static napi_value update(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 6);
  int fd = int_at(&call, 0);
  struct bytes keys = bytes_at(&call, 1);
  int key_len = int_at(&call, 2);
  struct bytes values = bytes_at(&call, 3);
  int value_len = int_at(&call, 4);
  int count = int_at(&call, 5);
  if (key_len < 1 || value_len < 1 || count < 0 || keys.len / (size_t)(key_len + !key_len) < (size_t)count ||
      values.len / (size_t)(value_len + !value_len) < (size_t)count) {
    call.is_good = false;
  }
  if (!call.is_good) return end(&call, 0);
  return end(&call, bpf_update(fd, keys.data, (size_t)key_len, values.data, (size_t)value_len, (uint32_t)count));
}

/* Of the tables of flows only: the largest key and value bound what the kernel reads and writes. */
static napi_value lookup(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 3);
  int fd = int_at(&call, 0);
  const uint8_t *key = room_at(&call, 1, SHUNT_KEY_BYTES);
  uint8_t *value = room_at(&call, 2, SHUNT_FLOW_BYTES);
  return end(&call, call.is_good ? bpf_lookup(fd, key, value) : 0);
}

static napi_value counters(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 2);
  int fd = int_at(&call, 0);
  uint8_t *sums = room_at(&call, 1, SHUNT_COUNTERS_LEN * 2 * sizeof(uint64_t));
  return end(&call, call.is_good ? bpf_sum_counters(fd, (uint64_t *)(void *)sums) : 0);
}

static napi_value test_run(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 4);
  int fd = int_at(&call, 0);
  struct bytes packet = bytes_at(&call, 1);
  int repeat = int_at(&call, 2);
  uint32_t *result = (uint32_t *)(void *)room_at(&call, 3, 2 * sizeof(uint32_t));
  return end(&call, call.is_good ? bpf_test_run(fd, packet, (uint32_t)repeat, &result[0], &result[1]) : 0);
}

static napi_value attach_xdp(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 3);
  int fd = int_at(&call, 0);
  char name[IF_NAMESIZE + 1] = "";
  size_t len = 0;
  if (call.is_good && napi_get_value_string_utf8(env, call.arguments[1], name, sizeof name, &len) != napi_ok) {
    call.is_good = false;
  }
  int is_generic = int_at(&call, 2);
  if (!call.is_good) return end(&call, 0);
  unsigned index = if_nametoindex(name);
  return end(&call, index == 0 ? -errno : bpf_attach_xdp(fd, index, is_generic));
}

static napi_value close_fd(napi_env env, napi_callback_info info) {
  struct call call = begin(env, info, 1);
  int fd = int_at(&call, 0);
  if (!call.is_good) return end(&call, 0);
  return end(&call, close(fd) == 0 ? 0 : -errno);
}

napi_value shunt_register(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"shuntTable", NULL, table, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shuntLoad", NULL, load, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shuntUpdate", NULL, update, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shuntLookup", NULL, lookup, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shuntCounters", NULL, counters, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shuntTestRun", NULL, test_run, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shuntAttachXdp", NULL, attach_xdp, NULL, NULL, NULL, napi_enumerable, NULL},
      {"shuntClose", NULL, close_fd, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) != napi_ok) return NULL;
  return exports;
}
