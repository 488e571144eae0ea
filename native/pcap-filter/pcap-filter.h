/*
 * Compiles a pcap filter expression with the libpcap of this machine, found at run time.
 *
 * Ownership: nothing outlives a call. The library is opened and closed, the handle and the program it gave are freed, and
 * what JavaScript gets is a copy. There is no global state, so any thread may call.
 *
 *     compilePcapFilter(expression, interfaceName, linkType, snapLen) -> {
 *       status      "ok", "missing" (no libpcap here) or "refused" (libpcap's own words are in `message`)
 *       message     text, empty when all is well
 *       isLive      whether the program was made for a live socket of the interface (see below)
 *       linkType    DLT_ number the program reads
 *       program     ArrayBuffer of struct sock_filter in the order of this machine; empty unless "ok"
 *     }
 *
 * A live socket of Linux does not have the outermost VLAN tag in the packet's bytes but beside them. Only a handle that was
 * activated on the interface makes libpcap read the tag there, as tcpdump does; so that is tried first (it needs
 * CAP_NET_RAW, and no packet is read). Otherwise, and where `interfaceName` is null, a dead handle of `linkType` is used.
 */
#ifndef SPANGLASS_PCAP_FILTER_H
#define SPANGLASS_PCAP_FILTER_H

#include <node_api.h>

napi_value pcap_filter_register(napi_env env, napi_value exports);

#endif
