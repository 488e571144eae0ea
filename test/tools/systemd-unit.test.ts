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
 * System calls of a capture with two workers, spool, file and metrics, from its start to its end, and of its delivery to Splunk. As strace
 * saw them on x86-64 with Node 20 and 24, without those of the becoming another user, which a service does not.
 */
const CALLS =
  `accept4 access arch_prctl bind bpf brk capget capset clone3 close connect epoll_create1 epoll_ctl epoll_pwait eventfd2
  execve exit exit_group fcntl fdatasync fstat fstatfs ftruncate futex getcwd getdents64 getegid geteuid getgid getpeername getpid getrandom
  getrusage getsockname getsockopt gettid getuid inotify_add_watch inotify_init1 io_uring_enter io_uring_setup ioctl link listen lseek madvise mkdir mmap mprotect munmap
  newfstatat open openat pipe2 pkey_alloc pkey_mprotect poll prctl pread64 prlimit64 pwrite64 read readlink recvmsg rename restart_syscall
  rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield sendmsg sendto set_robust_list set_tid_address setsockopt
  shutdown sigaltstack socket statfs statx sysinfo tgkill uname unlink write writev`
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
      const forbidden = [
        'mount',
        'ptrace',
        'init_module',
        'kexec_load',
        'reboot',
        'setuid',
        'setgroups',

        'chown',
      ];
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
