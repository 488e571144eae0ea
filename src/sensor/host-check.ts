/** Whether this machine and this process are fit for a live capture. Facts in, findings out. */
import { Capability, type HostFacts } from '../capture/interface-host.ts';
import { type Check, check } from './check.ts';

/** What the shunt's program needs, as shunt-refusal.ts has it. */
const SHUNT_KERNEL = [4, 18] as const;
/** CAP_BPF was split off CAP_SYS_ADMIN. */
const CAP_BPF_KERNEL = [5, 8] as const;
/** Before it, tables of eBPF count against RLIMIT_MEMLOCK. */
const MEMLOCK_KERNEL = [5, 11] as const;
/** What its XDP program needs, from the same place. */
const XDP_KERNEL = [5, 18] as const;
/** Both tables of the shunt at their default size: flow-shunt.ts. */
const SHUNT_BYTES = 70 * 1024 * 1024;

const SERVICE_LINE = 'AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF';

export function checkHost(host: HostFacts): Check[] {
  if (host.platform !== 'linux') {
    return [
      check(
        'platform',
        'fail',
        `This is ${host.platform}: live capture through the kernel's ring is for Linux`,
        'Run the sensor on Linux, or capture to a file here and replay it.',
      ),
    ];
  }
  return [
    checkAddon(host),
    checkKernel(host),
    ...checkCapabilities(host),
    checkShunt(host),
    ...checkJit(host),
    ...checkMemory(host),
  ];
}

function checkAddon({ addonFault }: HostFacts): Check {
  if (addonFault === null) return check('addon', 'ok', 'The addon for live capture is built and loads');
  const [reason, cure] = splitCure(addonFault);
  return check(
    'addon',
    'fail',
    `${reason[0]!.toUpperCase()}${reason.slice(1)}`,
    cure ?? 'Build it: npm run build:native, which needs a C compiler.',
  );
}

function checkKernel({ kernel }: HostFacts): Check {
  const version = versionOf(kernel);
  if (version === null) return check('kernel', 'note', `Linux ${kernel}: its version can't be told`);
  if (isBefore(version, SHUNT_KERNEL)) {
    return check(
      'kernel',
      'warn',
      `Linux ${kernel} is too old for the flow shunt: all packets of all flows come up to the sensor`,
      'Use Linux 4.18 or later.',
    );
  }
  if (isBefore(version, XDP_KERNEL)) return check('kernel', 'ok', `Linux ${kernel}; --xdp would need 5.18`);
  return check('kernel', 'ok', `Linux ${kernel} has all that is used`);
}

function checkCapabilities({ capabilities, kernel, executable }: HostFacts): Check[] {
  if (capabilities === null) {
    return [
      check('capabilities', 'note', 'Not looked at: /proc/self/status does not tell the capabilities', 'Mount /proc.'),
    ];
  }
  const cure = `Run it as root, or as a service with ${SERVICE_LINE}; or: setcap cap_net_raw,cap_net_admin,cap_bpf=ep ${executable}`;
  const has = (one: Capability) => ((capabilities >> BigInt(one)) & 1n) === 1n;
  const checks: Check[] = [];
  checks.push(
    has(Capability.NetRaw)
      ? check('cap_net_raw', 'ok', 'This process may open a packet socket (CAP_NET_RAW)')
      : check('cap_net_raw', 'fail', 'This process may not open a packet socket: it lacks CAP_NET_RAW', cure),
  );
  const version = versionOf(kernel);
  const needed = version !== null && isBefore(version, CAP_BPF_KERNEL) ? 'CAP_SYS_ADMIN' : 'CAP_BPF';
  const hasBpf = has(Capability.SysAdmin) || (needed === 'CAP_BPF' && has(Capability.Bpf));
  checks.push(
    hasBpf
      ? check('cap_bpf', 'ok', `This process may load eBPF (${needed})`)
      : check(
          'cap_bpf',
          'warn',
          `This process lacks ${needed}: without eBPF the kernel drops little of what nobody needs`,
          cure,
        ),
  );
  checks.push(
    has(Capability.NetAdmin)
      ? check('cap_net_admin', 'ok', 'This process may use XDP (CAP_NET_ADMIN)')
      : check('cap_net_admin', 'note', 'This process lacks CAP_NET_ADMIN, which only --xdp needs'),
  );
  return checks;
}

function checkShunt({ shuntRefusal, unprivilegedBpfDisabled }: HostFacts): Check {
  if (shuntRefusal === undefined)
    return check('ebpf', 'note', 'Not looked at: without the addon eBPF can not be tried');
  if (shuntRefusal === null) return check('ebpf', 'ok', "The kernel takes the flow shunt's program (eBPF)");
  const locked =
    unprivilegedBpfDisabled === 1 || unprivilegedBpfDisabled === 2
      ? ` (kernel.unprivileged_bpf_disabled is ${unprivilegedBpfDisabled}: it is for those with CAP_BPF)`
      : '';
  return check(
    'ebpf',
    'warn',
    `A plain filter stands in for the flow shunt: ${shuntRefusal}`,
    `Give the process CAP_BPF: ${SERVICE_LINE}${locked}. A container may need a seccomp profile that allows bpf(2).`,
  );
}

function checkJit({ bpfJit }: HostFacts): Check[] {
  switch (bpfJit) {
    case null:
      return [
        check('bpf_jit', 'note', 'Not looked at: net.core.bpf_jit_enable is not shown here, as in most containers'),
      ];
    case 0:
      return [
        check(
          'bpf_jit',
          'warn',
          'eBPF is interpreted, several times slower: net.core.bpf_jit_enable is 0',
          'sysctl -w net.core.bpf_jit_enable=1, and the same in /etc/sysctl.d.',
        ),
      ];
    default:
      return [check('bpf_jit', 'ok', 'eBPF is compiled (net.core.bpf_jit_enable)')];
  }
}

/** The ring is no locked memory; the shunt's tables were, until the kernel charged them to the control group. */
function checkMemory({ kernel, lockedBytes, capabilities }: HostFacts): Check[] {
  if (lockedBytes === null)
    return [check('memlock', 'note', 'Not looked at: /proc/self/limits does not tell the limit of locked memory')];
  const shown = Number.isFinite(lockedBytes) ? `${Math.round(lockedBytes / 1024)} KiB` : 'unlimited';
  const version = versionOf(kernel);
  const isExempt = capabilities !== null && ((capabilities >> BigInt(Capability.SysResource)) & 1n) === 1n;
  if (version === null || !isBefore(version, MEMLOCK_KERNEL)) {
    return [check('memlock', 'ok', `Locked memory is ${shown}; this kernel does not count eBPF tables in it`)];
  }
  if (lockedBytes >= SHUNT_BYTES || isExempt)
    return [check('memlock', 'ok', `Locked memory is ${shown}, enough for eBPF tables`)];
  return [
    check(
      'memlock',
      'warn',
      `Locked memory is ${shown}, and this kernel counts eBPF tables in it, of ${SHUNT_BYTES / 1024 / 1024} MiB`,
      'LimitMEMLOCK=infinity in the service, or ulimit -l unlimited before the start.',
    ),
  ];
}

/** What stands behind the last semicolon of a message that has its cure there. */
function splitCure(message: string): [string, string | null] {
  const at = message.lastIndexOf('; ');
  if (at < 0) return [message, null];
  const cure = message.slice(at + 2);
  return [message.slice(0, at), `${cure[0]!.toUpperCase()}${cure.slice(1)}`];
}

type Version = readonly [major: number, minor: number];

function versionOf(kernel: string): Version | null {
  const found = /^(\d+)\.(\d+)/.exec(kernel);
  return found === null ? null : [Number(found[1]), Number(found[2])];
}

function isBefore([major, minor]: Version, [otherMajor, otherMinor]: Version): boolean {
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}
