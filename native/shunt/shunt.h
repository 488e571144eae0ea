/**
 * The flow shunt's part of the addon: creates the kernel's tables, loads the programs, reads and writes.
 *
 * Ownership: every descriptor that a function returns belongs to the caller, who gives it back through `shuntClose`; whatever the
 * process forgets the kernel takes back when it ends, an XDP attachment included. Nothing is pinned and nothing is kept here:
 * there is no global state, so the addon may be loaded in any number of threads. Buffers from JavaScript are read and
 * written during the call only.
 *
 * No function throws for what the kernel says: a negative number is an errno, and TypeScript puts it into words.
 *
 *     shuntTable(table, entries)                                 descriptor
 *     shuntLoad(program, fds[4], prefix | null, log | null)      descriptor; what the verifier says goes to `log`
 *     shuntUpdate(fd, keys, keyLen, values, valueLen, count)     entries written, fewer than `count` after a refusal
 *     shuntLookup(fd, key, value)                                0
 *     shuntCounters(fd, sums)                                    0; sums[2 * reason] packets, [2 * reason + 1] bytes
 *     shuntTestRun(fd, packet, repeat, result)                   0; result[0] what the program returned, [1] nanoseconds
 *     shuntAttachXdp(fd, interface name, mode)                   descriptor of the link; mode 0 native, 1 generic
 *     shuntClose(fd)                                             0
 */
#ifndef SPANGLASS_SHUNT_H
#define SPANGLASS_SHUNT_H

#include <node_api.h>

/* The order that generate.mjs numbers relocations in. */
enum shunt_table { SHUNT_FLOWS, SHUNT_FINISHED, SHUNT_COUNTERS, SHUNT_SETTINGS, SHUNT_TABLES };

enum shunt_program { SHUNT_SOCKET, SHUNT_XDP, SHUNT_PROGRAMS };

napi_value shunt_register(napi_env env, napi_value exports);

#endif
