import { describe, expect, it } from 'vitest';
import { interleave, measureProcess, median, ProgramFailed } from '../../bench/measure-process.ts';
import { isInstalled } from '../../bench/programs.ts';

const hasBash = isInstalled('bash');
const reason = hasBash ? '' : ' (skipped: no bash)';

/** Uses `ms` milliseconds of CPU time. */
const busy = (ms: number) => [
  process.execPath,
  '-e',
  `while (process.cpuUsage().user + process.cpuUsage().system < ${ms * 1000});`,
];

describe.skipIf(!hasBash)(`measuring a process${reason}`, () => {
  it('counts its CPU time, and not its waiting', async () => {
    const working = await measureProcess(busy(400));
    expect(working.cpuS).toBeGreaterThan(0.38);
    const waiting = await measureProcess(['sleep', '0.5']);
    expect(waiting.cpuS).toBeLessThan(0.2);
    expect(waiting.wallS).toBeGreaterThan(0.4);
  });

  it('refuses a program that fails, with what it said', async () => {
    const failing = measureProcess([process.execPath, '-e', 'console.error("no such thing"); process.exit(3)']);
    await expect(failing).rejects.toThrow(/status 3: no such thing/);
    await expect(failing).rejects.toBeInstanceOf(ProgramFailed);
  });

  it('refuses a program that is not there', async () => {
    await expect(measureProcess(['/nowhere/at-all'])).rejects.toThrow(/status 127/);
  });

  it('ends a program that takes too long', async () => {
    await expect(measureProcess(['sleep', '60'], { timeoutMs: 200 })).rejects.toThrow(/SIGKILL/);
  });
});

describe('rounds', () => {
  it('take turns, and leave the first one out', async () => {
    const order: string[] = [];
    const task = (name: string) => ({
      name,
      run: async () => ({ cpuS: order.push(name), wallS: 0 }),
    });
    const cpu = await interleave([task('a'), task('b')], 2);
    expect(order.join('')).toBe('ababab');
    expect(cpu.get('a')).toEqual([3, 5]);
    expect(cpu.get('b')).toEqual([4, 6]);
  });
});

describe('the median', () => {
  it('is the value in the middle, or between the two there', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 9])).toBe(3);
    expect(median([])).toBeNaN();
  });
});
