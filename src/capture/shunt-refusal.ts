/** What the kernel says against the shunt, in words and with the cure. */

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoName } from './errno-name.ts';

const { EPERM, EACCES, ENOSYS, EINVAL, ENOMEM, EBUSY, EEXIST, ENODEV, EOPNOTSUPP } = constants.errno;

/** Lines of the verifier's log that are shown. */
const LOG_LINES = 3;

/** `result` is a negative errno. `step` says what was tried: `create the table of flows`. */
export function shuntRefusal(step: string, result: number): string {
  return `the kernel refuses to ${step}: ${reasonOf(-result)}`;
}

function reasonOf(errno: number): string {
  switch (errno) {
    case EPERM:
    case EACCES:
      return `no permission; it needs CAP_BPF (before Linux 5.8 CAP_SYS_ADMIN): ${unprivilegedText()}`;
    case ENOSYS:
      return 'it has no eBPF for this machine (CONFIG_BPF_SYSCALL, little-endian)';
    case EINVAL:
      return 'it is too old for this program: Linux 4.18 is needed, for XDP 5.18';
    case ENOMEM:
      return 'no memory for the tables: use fewer flows';
    default:
      return errnoName(errno);
  }
}

/** The interface's one place for a program is taken: trying another way of attaching is no use. */
export function isTaken(result: number): boolean {
  return result === -EBUSY || result === -EEXIST;
}

/** Why XDP can't be had on an interface. */
export function xdpRefusal(interfaceName: string, result: number): string {
  switch (-result) {
    case EPERM:
    case EACCES:
      return `no permission to use XDP on ${interfaceName}: it needs CAP_NET_ADMIN`;
    case EBUSY:
    case EEXIST:
      return `${interfaceName} has an XDP program already: ip link show dev ${interfaceName} names it; end its owner`;
    case ENODEV:
      return `${interfaceName}: no such interface`;
    case EINVAL:
    case EOPNOTSUPP:
      return `the driver of ${interfaceName} refuses XDP (large MTU, LRO, or no support): ${errnoName(-result)}`;
    default:
      return `XDP on ${interfaceName} is refused: ${errnoName(-result)}`;
  }
}

/**
 * Why the program for XDP is not loaded. By then the tables are there, so it is not CAP_BPF that is missing: programs in the network's way
 * take CAP_NET_ADMIN besides (Linux, `bpf_prog_load`).
 */
export function xdpLoadRefusal(interfaceName: string, result: number): string {
  return result === -EPERM ? xdpRefusal(interfaceName, result) : shuntRefusal('load the program', result);
}

/** What the verifier said last, or nothing. */
export function verifierText(log: Uint8Array): string {
  const text = Buffer.from(log.buffer, log.byteOffset, log.byteLength).toString('latin1');
  const lines = text
    .slice(0, Math.max(text.indexOf('\0'), 0))
    .trim()
    .split('\n');
  return lines.slice(-LOG_LINES).join(' | ');
}

/** How the administrator set what users without capabilities may do with eBPF. It is said since it is asked for first. */
function unprivilegedText(): string {
  try {
    const value = readFileSync('/proc/sys/kernel/unprivileged_bpf_disabled', 'latin1').trim();
    return `kernel.unprivileged_bpf_disabled is ${value}, so give the service AmbientCapabilities=CAP_BPF, or run setcap`;
  } catch {
    return 'give the service AmbientCapabilities=CAP_BPF, or run setcap';
  }
}
