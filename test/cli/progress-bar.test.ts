import { describe, expect, it } from 'vitest';
import { ProgressBar } from '../../src/cli/progress-bar.ts';
import { FakeStream } from './fake-io.ts';

const ERASE = '\r\u001b[K';

describe('ProgressBar', () => {
  it('tells share, bytes, speed, what is left, findings and the file', () => {
    const stream = new FakeStream(120);
    const bar = new ProgressBar(stream, 3_000_000_000, 0);
    bar.draw('captures/day-2.pcap.gz', 1_350_000_000, 12, 4000);
    expect(stream.text).toBe(
      `${ERASE}[#########-----------]  45 %  1.4 GB of 3.0 GB  4.89 s left  338 MB/s  12 findings  captures/day-2.pcap.gz`,
    );
    bar.erase();
    bar.erase();
    expect(stream.text.endsWith(`gz${ERASE}`)).toBe(true);
  });

  it('has no bar where the size is not known', () => {
    const stream = new FakeStream(80);
    new ProgressBar(stream, 0, 0).draw('-', 2_000_000, 0, 1000);
    expect(stream.text).toBe(`${ERASE}2.0 MB read  2.0 MB/s  -`);
  });

  it('never reaches the last column, and shows no control character', () => {
    const stream = new FakeStream(40);
    new ProgressBar(stream, 100, 0).draw(`evil\u001b[2J${'x'.repeat(100)}`, 200, 1_000_000, 1000);
    const shown = stream.text.replace(ERASE, '');
    expect(shown.length).toBe(39);
    expect(shown).not.toContain('\u001b');
    expect(shown).toContain('100 %');
  });

  it('does not flicker over a replay that is done at once', () => {
    const stream = new FakeStream(80);
    const bar = new ProgressBar(stream, 100, 0);
    bar.draw('x', 100, 0, 200);
    bar.erase();
    expect(stream.text).toBe('');
  });
});
