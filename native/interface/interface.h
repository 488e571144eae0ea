/*
 * What the kernel says of one network interface: rtnetlink for the link, the ethtool ioctl for the card.
 *
 * Who owns what: nothing is kept. Sockets are opened and closed within the call; what is returned belongs to JavaScript. Nothing is changed,
 * and nothing here needs a privilege: what a kernel or a driver does not say is left out.
 *
 *     interfaceNames()     -> string[], as in the network namespace of the calling thread
 *     interfaceRead(name)  -> null where there is no such interface, else
 *         { index, flags, mtu, hardwareType, address (hex), carrier (-1 unknown), promiscuity, xdp (0: none; IFLA_XDP_ATTACHED), master,
 *           rxPackets, rxBytes, rxErrors, rxMissed, rxFifo, rxLength,        (-1: not said)
 *           driver | null, speed (Mbit/s, -1 unknown), ringRx, ringRxMax (-1: has none),
 *           features: string[] | null (those that are on), fixed: string[] (those that can't be changed) }
 */
#ifndef SPANGLASS_INTERFACE_H
#define SPANGLASS_INTERFACE_H

#include <node_api.h>

napi_value interface_register(napi_env env, napi_value exports);

#endif
