#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seal.h"

#define MAX_USER_LEN 256
/* For one entry of the system's list of users. */
#define ENTRY_LEN 65536

static napi_value throw_failure(napi_env env, const char *step, int error) {
  char text[256];
  napi_value message, failure, value;

  snprintf(text, sizeof(text), "%s: %s", step, strerror(error));
  if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message) != napi_ok ||
      napi_create_error(env, NULL, message, &failure) != napi_ok ||
      napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &value) != napi_ok ||
      napi_set_named_property(env, failure, "step", value) != napi_ok ||
      napi_create_int32(env, error, &value) != napi_ok ||
      napi_set_named_property(env, failure, "errno", value) != napi_ok)
    return NULL;
  napi_throw(env, failure);
  return NULL;
}

static napi_value seal(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, threads;
  bool keeps;

  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count < 1 ||
      napi_get_value_bool(env, argument, &keeps) != napi_ok) {
    napi_throw_type_error(env, NULL, "processSeal takes a boolean");
    return NULL;
  }
  struct seal_result result = seal_threads(keeps);

  if (result.step != NULL)
    return throw_failure(env, result.step, result.error);
  if (napi_create_int32(env, result.threads, &threads) != napi_ok)
    return NULL;
  return threads;
}

static napi_value find_user(napi_env env, napi_callback_info info) {
  char name[MAX_USER_LEN];
  size_t count = 1, length;
  napi_value argument, pair, number;
  struct passwd entry, *found = NULL;

  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count < 1 ||
      napi_get_value_string_utf8(env, argument, name, sizeof(name), &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "processFindUser takes a string");
    return NULL;
  }
  char *buffer = malloc(ENTRY_LEN);

  if (buffer == NULL)
    return throw_failure(env, "malloc", ENOMEM);
  int error = getpwnam_r(name, &entry, buffer, ENTRY_LEN, &found);
  uid_t uid = found == NULL ? 0 : found->pw_uid;
  gid_t gid = found == NULL ? 0 : found->pw_gid;

  free(buffer);
  if (found == NULL) {
    /* POSIX lets a system say "not there" in several ways. */
    if (error != 0 && error != ENOENT && error != ESRCH && error != EBADF && error != EPERM)
      return throw_failure(env, "getpwnam_r", error);
    return napi_get_null(env, &pair) == napi_ok ? pair : NULL;
  }
  if (napi_create_array_with_length(env, 2, &pair) != napi_ok ||
      napi_create_uint32(env, uid, &number) != napi_ok || napi_set_element(env, pair, 0, number) != napi_ok ||
      napi_create_uint32(env, gid, &number) != napi_ok || napi_set_element(env, pair, 1, number) != napi_ok)
    return NULL;
  return pair;
}

napi_value process_register(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
    { "processSeal", NULL, seal, NULL, NULL, NULL, napi_enumerable, NULL },
    { "processFindUser", NULL, find_user, NULL, NULL, NULL, napi_enumerable, NULL },
  };

  if (napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions) != napi_ok)
    return NULL;
  return exports;
}
