#define _GNU_SOURCE
#include "interface.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "link.h"

static bool put(napi_env env, napi_value object, const char *name, napi_value value) {
  return napi_set_named_property(env, object, name, value) == napi_ok;
}

static bool put_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value;
  return napi_create_double(env, number, &value) == napi_ok && put(env, object, name, value);
}

static bool put_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  napi_status status = text[0] == '\0' ? napi_get_null(env, &value) : napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &value);
  return status == napi_ok && put(env, object, name, value);
}

static bool put_address(napi_env env, napi_value object, const struct link_facts *link) {
  char hex[2 * LINK_MAX_ADDRESS + 1] = "";
  napi_value value;
  for (unsigned i = 0; i < link->address_len; i++) snprintf(hex + 2 * i, 3, "%02x", link->address[i]);
  return napi_create_string_latin1(env, hex, NAPI_AUTO_LENGTH, &value) == napi_ok && put(env, object, "address", value);
}

static bool put_features(napi_env env, napi_value object, const struct card_facts *card) {
  napi_value on, fixed, name;
  uint32_t on_count = 0, fixed_count = 0;
  if (napi_create_array(env, &on) != napi_ok || napi_create_array(env, &fixed) != napi_ok) return false;
  for (int i = 0; i < card->feature_count; i++) {
    const struct card_feature *feature = &card->features[i];
    if (feature->name[0] == '\0') continue;
    if (napi_create_string_latin1(env, feature->name, NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
    if (feature->is_on && napi_set_element(env, on, on_count++, name) != napi_ok) return false;
    if (feature->is_fixed && napi_set_element(env, fixed, fixed_count++, name) != napi_ok) return false;
  }
  if (card->feature_count < 0 && napi_get_null(env, &on) != napi_ok) return false;
  return put(env, object, "features", on) && put(env, object, "fixed", fixed);
}

static bool put_link(napi_env env, napi_value object, const struct link_facts *link) {
  const struct {
    const char *name;
    double value;
  } numbers[] = {
      {"index", link->index},
      {"flags", link->flags},
      {"mtu", link->mtu},
      {"hardwareType", link->hardware_type},
      {"carrier", link->carrier},
      {"promiscuity", link->promiscuity},
      {"xdp", link->xdp},
      {"master", link->master},
      {"rxPackets", (double)link->rx_packets},
      {"rxBytes", (double)link->rx_bytes},
      {"rxErrors", (double)link->rx_errors},
      {"rxMissed", (double)link->rx_missed},
      {"rxFifo", (double)link->rx_fifo},
      {"rxLength", (double)link->rx_length},
  };
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (!put_number(env, object, numbers[i].name, numbers[i].value)) return false;
  return put_address(env, object, link);
}

static bool put_card(napi_env env, napi_value object, const struct card_facts *card) {
  return put_text(env, object, "driver", card->driver) && put_number(env, object, "speed", (double)card->speed) &&
         put_number(env, object, "ringRx", (double)card->ring_rx) &&
         put_number(env, object, "ringRxMax", (double)card->ring_rx_max) && put_features(env, object, card);
}

static napi_value read_interface(napi_env env, napi_callback_info info) {
  /* A longer name is no interface's: it is read so far that this shows. */
  char name[IFNAMSIZ + 1];
  size_t count = 1, length;
  napi_value argument, object;
  struct link_facts link;
  if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL) != napi_ok || count < 1 ||
      napi_get_value_string_utf8(env, argument, name, sizeof name, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "interfaceRead takes a string");
    return NULL;
  }
  unsigned index = length < IFNAMSIZ && strlen(name) == length ? if_nametoindex(name) : 0;
  if (index == 0 || link_read((int)index, &link) != 0)
    return napi_get_null(env, &object) == napi_ok ? object : NULL;
  struct card_facts *card = malloc(sizeof *card);
  if (card == NULL) {
    napi_throw_error(env, NULL, "no memory");
    return NULL;
  }
  card_read(name, card);
  bool is_made = napi_create_object(env, &object) == napi_ok && put_link(env, object, &link) && put_card(env, object, card);
  free(card);
  return is_made ? object : NULL;
}

static napi_value list_names(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value names, name;
  if (napi_create_array(env, &names) != napi_ok) return NULL;
  struct if_nameindex *all = if_nameindex();
  if (all == NULL) return names;
  uint32_t count = 0;
  for (const struct if_nameindex *one = all; one->if_index != 0; one++) {
    if (napi_create_string_utf8(env, one->if_name, NAPI_AUTO_LENGTH, &name) != napi_ok ||
        napi_set_element(env, names, count++, name) != napi_ok)
      break;
  }
  if_freenameindex(all);
  return names;
}

napi_value interface_register(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"interfaceRead", NULL, read_interface, NULL, NULL, NULL, napi_enumerable, NULL},
      {"interfaceNames", NULL, list_names, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) != napi_ok) return NULL;
  return exports;
}
