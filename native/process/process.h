/*
 * Giving up privileges, for all threads of the process.
 *
 * Linux keeps capabilities, their bounding set and no_new_privs for each thread on its own, and Node has a dozen threads before the
 * first line of a program runs. So each thread has to do it for itself: `seal` sends every thread, in turn, the signal by which the C
 * library does the same for setuid(2). No thread can block that one; the C library sees to that. For the time of the call its
 * handler is replaced by ours, and put back at the end.
 *
 * Who owns what: nothing is kept from JavaScript, and nothing is handed to it but numbers. The state of a call is static, since a signal
 * handler can reach nothing else; a lock lets one thread in at a time. The main thread calls, once, when the rings are open.
 */
#ifndef SPANGLASS_PROCESS_H
#define SPANGLASS_PROCESS_H

#include <node_api.h>

/*
 * Adds to `exports`:
 *
 *   processSeal(keepsCapabilities: boolean): number
 *     In all threads: no_new_privs; the bounding set emptied, where CAP_SETPCAP allows it; and, unless kept for a change of the user that is to
 *     follow, all capabilities given up. Gives the number of threads. Throws an Error with `step` and `errno`.
 *
 *   processFindUser(name: string): [uid, gid] | null
 *     As the system knows it, by whatever service (passwd, LDAP).
 */
napi_value process_register(napi_env env, napi_value exports);

#endif
