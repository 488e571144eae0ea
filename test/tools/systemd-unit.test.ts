/** The systemd unit, held against systemd itself where it is installed, and against what the program needs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMANDS, optionsOf } from '../../src/cli/command-spec.ts';

const UNIT = readFileSync('deploy/spanglass.service', 'utf8');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).error === undefined;
const NO_SYSTEMD = hasSystemd ? '' : ' (no systemd-analyze here)';
/** The unit's shield by systemd's own measure, from 0 to 10: a service without any has 9.6. */
const MAX_EXPOSURE = 2.5;

/**
 * System calls of one capture from its start to its end, as `strace -f` saw them on x86-64 (Linux 6.18), with Node 20.20 and with Node 24.21: the
 * program itself, started as the unit starts it (another user than root, with CAP_NET_RAW and CAP_BPF), with two workers on a veth, a file that
 * is rotated, metrics that are asked for, a spool with `power-loss`, and `--hec` to the simulator with acknowledgements, whose name is looked up.
 * Six handshakes were delivered and acknowledged; meanwhile the token file was replaced and a SIGHUP sent. SIGTERM to the program ended it with 0.
 */
const CALLS =
  `accept4 access arch_prctl bind bpf brk capget capset clock_nanosleep clone3 close connect epoll_create1 epoll_ctl epoll_pwait eventfd2 execve exit
  exit_group fcntl fdatasync fstat fstatfs ftruncate futex getcwd getdents64 getegid geteuid getgid getpid getrandom getrusage getsockname
  getsockopt gettid getuid inotify_add_watch inotify_init1 inotify_rm_watch io_uring_enter io_uring_setup ioctl link listen lseek lstat madvise
  mkdir mmap mprotect munmap newfstatat openat pipe2 pkey_alloc pkey_mprotect poll prctl pread64 prlimit64 pwrite64 read readlink recvmsg rename
  rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_getparam sched_getscheduler sendto set_robust_list set_tid_address
  setsockopt shutdown socket statfs statx sysinfo tgkill uname unlink utimensat write writev`
    .split(/\s+/)
    // Tried by libuv where the kernel has it; it does without.
    .filter((name) => !name.startsWith('io_uring'));

/** Values of a setting, in their order. */
function valuesOf(name: string): string[] {
  return Array.from(UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm')), (match) => match[1]!);
}

/** Calls in a set of systemd's, those of the sets in it included. */
function callsIn(set: string): Set<string> {
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter', set], { encoding: 'utf8' });
  const names = stdout
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  return new Set(names.flatMap((name) => (name.startsWith('@') ? [...callsIn(name)] : [name])));
}

/** What the lines of SystemCallFilter allow, one after the other, as systemd takes them. */
function allowedCalls(): Set<string> {
  const allowed = new Set<string>();
  for (const line of valuesOf('SystemCallFilter')) {
    for (const word of line.replace(/^~/, '').split(' ')) {
      for (const name of word.startsWith('@') ? callsIn(word) : [word]) {
        if (line.startsWith('~')) allowed.delete(name);
        else allowed.add(name);
      }
    }
  }
  return allowed;
}

describe('deploy/spanglass.service', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'spanglass-unit-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** With a program that is there, since systemd looks. */
  function copyOfUnit(): string {
    const file = join(scratch, 'spanglass.service');
    writeFileSync(file, UNIT.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
    return file;
  }

  it.skipIf(!hasSystemd)(`has only what systemd knows${NO_SYSTEMD}`, () => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', copyOfUnit()], { encoding: 'utf8' });
    const about = (stdout + stderr).split('\n').filter((line) => line.includes('spanglass'));
    expect({ status, about }).toEqual({ status: 0, about: [] });
  });

  it.skipIf(!hasSystemd)(`shields the system well by systemd's own measure${NO_SYSTEMD}`, () => {
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', copyOfUnit()], { encoding: 'utf8' });
    const exposure = /exposure level for .*: ([\d.]+)/.exec(stdout)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(MAX_EXPOSURE);
  });

  it.skipIf(!hasSystemd)(
    `allows each system call that a capture makes, and none that it should not${NO_SYSTEMD}`,
    () => {
      const allowed = allowedCalls();
      expect(CALLS.filter((name) => !allowed.has(name))).toEqual([]);
      const forbidden = ['mount', 'ptrace', 'init_module', 'kexec_load', 'reboot', 'setuid', 'setgroups', 'chown'];
      expect(forbidden.filter((name) => allowed.has(name))).toEqual([]);
    },
  );

  it('starts the program with options that there are', () => {
    const [start] = valuesOf('ExecStart');
    expect(start).toMatch(/^\/usr\/bin\/spanglass capture /);
    const known = new Set(optionsOf(COMMANDS.get('capture')!).map(({ name }) => name));
    for (const [, name] of start!.matchAll(/--([a-z-]+)/g)) expect(known).toContain(name);
  });

  it('gives the capabilities that open the interface, in both sets', () => {
    expect(valuesOf('AmbientCapabilities')).toEqual(['CAP_NET_RAW CAP_BPF']);
    expect(valuesOf('CapabilityBoundingSet')).toEqual(valuesOf('AmbientCapabilities'));
    expect(valuesOf('RestrictAddressFamilies')[0]!.split(' ')).toContain('AF_PACKET');
  });

  it('waits longer for a stop than the program takes, and lets V8 make code', () => {
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(10);
    expect(valuesOf('KillSignal')).toEqual(['SIGTERM']);
    expect(valuesOf('MemoryDenyWriteExecute')).toEqual(['no']);
    expect(valuesOf('ExecReload')[0]).toContain('-HUP $MAINPID');
  });
});
