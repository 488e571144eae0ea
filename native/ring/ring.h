/*
 * An AF_PACKET receive ring (TPACKET_V3) of one interface, mapped once into JavaScript.
 *
 * Who owns what, and until when:
 *
 *   - `ringOpen` makes a socket and a mapping. Both belong to the ring object it returns, until `ringClose`, or until the object is collected,
 *     or the thread's environment ends, whichever comes first.
 *   - The mapping is lent to JavaScript as one external ArrayBuffer. `ringClose` detaches it first, so that what is left in JavaScript
 *     has no bytes any more, and unmaps it then. Whoever walks a block copies what is to be kept before that.
 *   - A block of the ring belongs to the kernel or to JavaScript by its own status word (<linux/if_packet.h>); no function here touches it.
 *   - Programs (eBPF descriptors, classic instructions) are borrowed for the call: the kernel keeps a reference of its own.
 *
 * A ring belongs to the thread that opened it. There is no global state.
 *
 *     ringOpen({ interface, blockBytes, blocks, retireMs, fanoutGroup | -1, promiscuous, hardwareTime, programFd | -1, classicProgram | null })
 *         -> { ring, buffer, interfaceIndex, hardwareType, isUp, ignoresOutgoing, hardwareTime }
 *         or { step, errno, reason }: which step failed, and how
 *     ringPoll(ring, milliseconds)  -> 1 ready, 0 not yet, or -errno of the socket (ENETDOWN, ENODEV …), which is cleared by asking
 *     ringStatistics(ring)          -> { packets, drops, freezes } since the last call; packets include drops
 *     ringFilter(ring, programFd | -1, classicProgram | null) -> 0 or -errno; neither of both: all packets are dropped
 *     ringRebind(ring, interface, promiscuous) -> index of the interface, or -errno
 *     ringIsUp(ring, interface)     -> 1 up and running, 0 not, -ENODEV where the name is gone or another interface's
 *     ringClose(ring)
 */
#ifndef SPANGLASS_RING_H
#define SPANGLASS_RING_H

#include <node_api.h>

napi_value ring_register(napi_env env, napi_value exports);

#endif
