/*
 * The addon: everything in it is registered here. It has no state of its own, so that each worker thread may load it.
 *
 * Whatever a part exports is mechanism; what it is used for is decided in src/capture/. See README.md beside this file.
 */
#include <node_api.h>

#include "interface/interface.h"
#include "pcap-filter/pcap-filter.h"
#include "process/process.h"
#include "ring/ring.h"
#include "shunt/shunt.h"

static napi_value addon_init(napi_env env, napi_value exports) {
  exports = ring_register(env, exports);
  exports = pcap_filter_register(env, exports);
  exports = shunt_register(env, exports);
  exports = process_register(env, exports);
  exports = interface_register(env, exports);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, addon_init)
