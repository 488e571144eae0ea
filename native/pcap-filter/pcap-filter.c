#include "pcap-filter.h"

#include <dlfcn.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of libpcap's interface used here. It has been stable since 1.0; its headers are not needed to build. */
struct pcap;
struct pcap_program {
  unsigned int len;
  struct sock_filter *instructions;
};

struct library {
  void *handle;
  struct pcap *(*open_dead)(int link_type, int snap_len);
  struct pcap *(*create)(const char *device, char *error);
  int (*set_snaplen)(struct pcap *, int);
  int (*set_promisc)(struct pcap *, int);
  int (*set_timeout)(struct pcap *, int);
  int (*set_buffer_size)(struct pcap *, int);
  int (*activate)(struct pcap *);
  int (*datalink)(struct pcap *);
  int (*compile)(struct pcap *, struct pcap_program *, const char *, int optimize, uint32_t netmask);
  char *(*geterr)(struct pcap *);
  void (*freecode)(struct pcap_program *);
  void (*close)(struct pcap *);
};

#define PCAP_ERROR_BYTES 256
#define NETMASK_UNKNOWN 0xffffffffu
/* The ring of a handle that never reads: as small as libpcap lets it be. */
#define UNUSED_RING_BYTES 65536

struct outcome {
  const char *status;
  char message[PCAP_ERROR_BYTES];
  bool is_live;
  int link_type;
  struct pcap_program program;
};

/*
 * libpcap's optimiser takes time that grows with more than the square of the program: a thousand networks took two minutes, and
 * the kernel would not have taken the result. A program that is longer before it is optimised is refused; the largest ones
 * below it took five seconds where it was measured (libpcap 1.10.3).
 */
#define MAX_UNOPTIMISED 16384

/* The longest name of an interface, IFNAMSIZ, has 15 bytes; libpcap takes others ("any", USB), which are refused later. */
#define MAX_NAME_BYTES 64

static bool find(struct library *library, const char *name, void *slot) {
  void *symbol = dlsym(library->handle, name);
  memcpy(slot, &symbol, sizeof symbol); /* ISO C has no cast from a pointer to a function */
  return symbol != NULL;
}

static bool open_library(struct library *library) {
  /* Debian and what is made from it call it 0.8; everybody else 1. */
  static const char *const names[] = {"libpcap.so.1", "libpcap.so.0.8"};
  library->handle = NULL;
  for (size_t i = 0; i < sizeof names / sizeof names[0] && library->handle == NULL; i += 1) {
    library->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  }
  if (library->handle == NULL) return false;
  if (find(library, "pcap_open_dead", &library->open_dead) && find(library, "pcap_create", &library->create) &&
      find(library, "pcap_set_snaplen", &library->set_snaplen) &&
      find(library, "pcap_set_promisc", &library->set_promisc) &&
      find(library, "pcap_set_timeout", &library->set_timeout) &&
      find(library, "pcap_set_buffer_size", &library->set_buffer_size) &&
      find(library, "pcap_activate", &library->activate) && find(library, "pcap_datalink", &library->datalink) &&
      find(library, "pcap_compile", &library->compile) && find(library, "pcap_geterr", &library->geterr) &&
      find(library, "pcap_freecode", &library->freecode) && find(library, "pcap_close", &library->close)) {
    return true;
  }
  dlclose(library->handle);
  return false;
}

static struct pcap *open_live(const struct library *library, const char *interface, int snap_len) {
  char error[PCAP_ERROR_BYTES] = "";
  struct pcap *pcap = library->create(interface, error);
  if (pcap == NULL) return NULL;
  library->set_snaplen(pcap, snap_len);
  library->set_promisc(pcap, 0);
  library->set_timeout(pcap, 1000);
  library->set_buffer_size(pcap, UNUSED_RING_BYTES);
  if (library->activate(pcap) >= 0) return pcap; /* above zero are warnings */
  library->close(pcap);
  return NULL;
}

static void compile(const struct library *library, const char *expression, const char *interface, int link_type,
                    int snap_len, struct outcome *outcome) {
  struct pcap *pcap = interface == NULL ? NULL : open_live(library, interface, snap_len);
  outcome->is_live = pcap != NULL;
  if (pcap == NULL) pcap = library->open_dead(link_type, snap_len);
  if (pcap == NULL) {
    snprintf(outcome->message, sizeof outcome->message, "libpcap gave no handle");
    return;
  }
  outcome->link_type = library->datalink(pcap);
  struct pcap_program first;
  if (library->compile(pcap, &first, expression, 0, NETMASK_UNKNOWN) != 0) {
    snprintf(outcome->message, sizeof outcome->message, "%s", library->geterr(pcap));
  } else if (first.len > MAX_UNOPTIMISED) {
    snprintf(outcome->message, sizeof outcome->message, "the expression is too long: it makes %u instructions", first.len);
    library->freecode(&first);
  } else {
    library->freecode(&first);
    if (library->compile(pcap, &outcome->program, expression, 1, NETMASK_UNKNOWN) == 0) {
      outcome->status = "ok";
    } else {
      snprintf(outcome->message, sizeof outcome->message, "%s", library->geterr(pcap));
      outcome->program = (struct pcap_program){0};
    }
  }
  library->close(pcap);
}

static bool set(napi_env env, napi_value object, const char *name, napi_value value) {
  return napi_set_named_property(env, object, name, value) == napi_ok;
}

static napi_value to_object(napi_env env, const struct outcome *outcome) {
  napi_value object, status, message, is_live, link_type, program;
  void *bytes = NULL;
  size_t size = outcome->program.len * sizeof(struct sock_filter);
  if (napi_create_object(env, &object) != napi_ok ||
      napi_create_string_utf8(env, outcome->status, NAPI_AUTO_LENGTH, &status) != napi_ok ||
      napi_create_string_utf8(env, outcome->message, NAPI_AUTO_LENGTH, &message) != napi_ok ||
      napi_get_boolean(env, outcome->is_live, &is_live) != napi_ok ||
      napi_create_int32(env, outcome->link_type, &link_type) != napi_ok ||
      napi_create_arraybuffer(env, size, &bytes, &program) != napi_ok) {
    return NULL;
  }
  if (size > 0) memcpy(bytes, outcome->program.instructions, size);
  if (!set(env, object, "status", status) || !set(env, object, "message", message) ||
      !set(env, object, "isLive", is_live) || !set(env, object, "linkType", link_type) ||
      !set(env, object, "program", program)) {
    return NULL;
  }
  return object;
}

/* A copy that the caller frees; NULL where the value is no text. */
static char *to_text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
  char *text = malloc(length + 1);
  if (text == NULL) return NULL;
  if (napi_get_value_string_utf8(env, value, text, length + 1, &length) == napi_ok) return text;
  free(text);
  return NULL;
}

static napi_value compile_filter(napi_env env, napi_callback_info info) {
  napi_value arguments[4];
  size_t count = 4;
  int32_t link_type = 0;
  int32_t snap_len = 0;
  char name[MAX_NAME_BYTES] = "";
  size_t name_length = 0;
  napi_valuetype name_type = napi_undefined;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 4 ||
      napi_typeof(env, arguments[1], &name_type) != napi_ok ||
      (name_type != napi_null &&
       napi_get_value_string_utf8(env, arguments[1], name, sizeof name, &name_length) != napi_ok) ||
      napi_get_value_int32(env, arguments[2], &link_type) != napi_ok ||
      napi_get_value_int32(env, arguments[3], &snap_len) != napi_ok) {
    napi_throw_type_error(env, NULL, "compilePcapFilter(expression, interfaceName | null, linkType, snapLen)");
    return NULL;
  }
  char *expression = to_text(env, arguments[0]);
  if (expression == NULL) {
    napi_throw_type_error(env, NULL, "compilePcapFilter: the expression is no text");
    return NULL;
  }

  struct library library = {0};
  struct outcome outcome = {.status = "refused", .link_type = link_type};
  const bool is_there = open_library(&library);
  if (is_there) {
    compile(&library, expression, name_type == napi_null ? NULL : name, link_type, snap_len, &outcome);
  } else {
    const char *reason = dlerror();
    outcome.status = "missing";
    snprintf(outcome.message, sizeof outcome.message, "%s", reason == NULL ? "" : reason);
  }
  free(expression);

  napi_value object = to_object(env, &outcome);
  if (is_there) {
    if (outcome.program.instructions != NULL) library.freecode(&outcome.program);
    dlclose(library.handle);
  }
  if (object == NULL) napi_throw_error(env, NULL, "compilePcapFilter: no memory for the result");
  return object;
}

napi_value pcap_filter_register(napi_env env, napi_value exports) {
  napi_value function;
  if (napi_create_function(env, "compilePcapFilter", NAPI_AUTO_LENGTH, compile_filter, NULL, &function) != napi_ok ||
      !set(env, exports, "compilePcapFilter", function)) {
    return NULL;
  }
  return exports;
}
