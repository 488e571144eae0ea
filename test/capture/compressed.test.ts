import { spawnSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fromHex } from '../../src/bytes/hex.ts';
import { FixedWindow } from '../../src/capture/byte-window.ts';
import { CaptureError } from '../../src/capture/capture-error.ts';
import { openCaptureWindow } from '../../src/capture/open-capture.ts';
import { PacketBlock } from '../../src/capture/packet-source.ts';
import { bytes } from './commented-hex.ts';
import { type ReadCapture, readBytes } from './read-all.ts';

const PLAIN = bytes(`
  d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000
  00f15365 40e20100 28000000 28000000
  7370616e676c6173 7370616e676c6173 7370616e676c6173 7370616e676c6173 7370616e676c6173  spanglas, five times
  01f15365 01000000 02000000 3c000000
  cafe`);

/** `PLAIN`, as the commands of the same names write it. */
const COMPRESSED: Readonly<Record<string, string>> = {
  'gzip -n -9': `
    1f8b0800000000000203bb7278d342260616060460616004511f83531d1e3132680099205c5c9098979e93584c886604ea03e96702621b203ef50f00
    dab1063962000000`,
  zstd: `
    28b52ffd2462dd0100b402d4c3b2a102000400040001f1536540e201002800007370616e676c617301f15365020000003c000000cafe05004308c80a
    e63b412f616c800bf520c961`,
  lz4: `
    04224d186440a73c00000086d4c3b2a1020004000100300400010d00a1f1536540e2010028000004008f7370616e676c617308000d4001f153654000
    a0020000003c000000cafe00000000a018e88d`,
  'lz4 -l': `
    02214c183c00000086d4c3b2a1020004000100300400010d00a1f1536540e2010028000004008f7370616e676c617308000d4001f153654000a00200
    00003c000000cafe`,
  'lz4 -BD -BX --content-size': `
    04224d187c406200000000000000213c00000086d4c3b2a1020004000100300400010d00a1f1536540e2010028000004008f7370616e676c61730800
    0d4001f153654000a0020000003c000000cafe5721d38500000000a018e88d`,
  xz: `
    fd377a585a000004e6d6b4460200210116000000742fe5a3e0006100325d006a30d1c87d8bf8099baf1fcc7908758a71bbdccf10fd3cb53350c3578f
    afee490ee52bc25683be29c129f16b20123b7d8000000000a0f93524288cccb300014e62d4d7c0ed1fb6f37d010000000004595a`,
};
const NAMES = Object.keys(COMPRESSED);
/** `xz`, of nothing. */
const EMPTY_XZ = fromHex('fd377a585a000004e6d6b446 00000000 1cdf4421 1fb6f37d01000000 0004595a');
const SKIPPABLE = '5e2a4d18 03000000 aabbcc';

function fixture(name: string): Uint8Array {
  return fromHex(COMPRESSED[name]!);
}

/** Null where the capture could not even be opened, for a reason told in words. */
async function readOrRefuse(file: Uint8Array): Promise<ReadCapture | null> {
  try {
    return await readBytes(file);
  } catch (error) {
    if (error instanceof CaptureError && ['not_a_capture', 'is_empty'].includes(error.code)) return null;
    throw error;
  }
}

/** 900 000 bytes that compress, but not too well, in records of every length; the same in each run. */
function manyPackets(): Buffer {
  const parts: Uint8Array[] = [PLAIN.subarray(0, 24)];
  let state = 1;
  for (let i = 0; i < 1_200; i++) {
    const length = (i * 7) % 1_500;
    const record = new Uint8Array(16 + length);
    for (let k = 16; k < record.length; k++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      record[k] = k % 5 === 0 ? state >>> 24 : (i * k) & 0x3f;
    }
    new DataView(record.buffer).setUint32(0, i, true);
    new DataView(record.buffer).setUint32(8, length, true);
    new DataView(record.buffer).setUint32(12, length, true);
    parts.push(record);
  }
  return Buffer.concat(parts);
}

describe.each(NAMES)('a capture compressed with %s', (name) => {
  it('has the packets of the plain one', async () => {
    const { packets, fault, counters } = await readBytes(fixture(name));
    expect(packets).toEqual((await readBytes(PLAIN)).packets);
    expect(packets).toHaveLength(2);
    expect(fault).toBeNull();
    expect(counters.fileBytes).toBe(fixture(name).length);
  });

  it('gives what could be decompressed, and a fault, when it is cut at any byte', async () => {
    const whole = fixture(name);
    const plain = await readBytes(PLAIN);
    for (let length = 1; length < whole.length; length++) {
      const capture = await readOrRefuse(whole.slice(0, length));
      if (capture === null) continue;
      expect(capture.fault?.code, `cut at ${length}`).toBe('decompression');
      expect(capture.fault?.message).toMatch(/^the \w+ stream ends (inside|before) /);
      capture.packets.forEach((packet, i) => {
        expect(plain.packets[i]?.hex.startsWith(packet.hex), `cut at ${length}`).toBe(true);
      });
    }
  });

  it('survives damage to any of its bytes', async () => {
    const whole = fixture(name);
    for (let i = 4; i < whole.length; i++) {
      for (const bit of [0x01, 0x80]) {
        const damaged = whole.slice();
        damaged[i]! ^= bit;
        await readOrRefuse(damaged);
      }
    }
  });

  it('may come in several pieces, one after another', async () => {
    const plain = await readBytes(PLAIN);
    const tail = PLAIN.subarray(24);
    const command = name.split(' ')[0]!;
    const second = { gzip: gzipSync(tail), zstd: storedZstd(tail), lz4: storedLz4(tail), xz: null }[command];
    if (second === null || second === undefined) return;
    const between = command === 'gzip' ? new Uint8Array(0) : bytes(SKIPPABLE);
    const { packets, fault } = await readBytes(Buffer.concat([fixture(name), between, second]));
    expect(packets).toEqual([...plain.packets, ...plain.packets]);
    expect(fault).toBeNull();
  });
});

/** A frame of one block that is not compressed: single segment, content size 1 byte. */
function storedZstd(content: Uint8Array): Uint8Array {
  const header = (content.length << 3) | 1;
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0x20, content.length, header & 0xff, header >> 8, 0];
  return Buffer.concat([new Uint8Array(head), content]);
}

function storedLz4(content: Uint8Array): Uint8Array {
  const head = fromHex('04224d18 6040 82');
  return Buffer.concat([head, new Uint8Array([content.length, 0, 0, 0x80]), content, new Uint8Array(4)]);
}

describe('compressed captures', () => {
  it('refuses lz4 blocks that reach back before their beginning', async () => {
    const head = '04224d18 6040 82';
    const block = '04000000 10 aa 0200';
    await expect(readBytes(fromHex(`${head} ${block} 00000000`))).rejects.toThrow('the lz4 stream is damaged');
  });

  it('refuses a dictionary, in lz4 and in zstd', async () => {
    await expect(readBytes(fromHex('04224d18 6140 01020304 82 00000000'))).rejects.toThrow('needs a dictionary');
    await expect(readBytes(fromHex('28b52ffd 21 01 05 0000000000'))).rejects.toThrow('needs a dictionary');
  });

  it('reads a zstd window of 128 MiB, as zstd --long writes it', async () => {
    // Window descriptor 0x88: 2^(10 + 17). One block, not compressed, of three bytes.
    await expect(readBytes(fromHex('28b52ffd 00 88 190000 cafe00'))).rejects.toThrow('not a packet capture');
  });

  it('refuses a larger zstd window, and names the command that unpacks it', async () => {
    await expect(readBytes(fromHex('28b52ffd 00 89 190000 cafe00'))).rejects.toThrow(
      'the zstd frame needs a window of more than 128 MiB; read it with: zstd --long=31 -dc FILE | spanglass replay -',
    );
  });

  it('takes a skippable frame at the beginning for zstd, or for the lz4 behind it', async () => {
    for (const name of ['zstd', 'lz4']) {
      const { packets } = await readBytes(Buffer.concat([bytes(SKIPPABLE), fixture(name)]));
      expect(packets, `before ${name}`).toHaveLength(2);
    }
  });

  it('refuses a capture that is compressed twice', async () => {
    await expect(readBytes(gzipSync(fixture('zstd')))).rejects.toThrow(
      'zstd inside another compression; unpack it once',
    );
  });

  it('delivers everything before a wrong gzip checksum', async () => {
    const file = fixture('gzip -n -9');
    file[file.length - 5]! ^= 1;
    const { packets, fault } = await readBytes(file);
    expect(packets).toHaveLength(2);
    expect(fault?.code).toBe('decompression');
    expect(fault?.offset).toBe(PLAIN.length);
  });

  it('delivers everything before a wrong zstd checksum', async () => {
    const file = fixture('zstd');
    file[file.length - 1]! ^= 1;
    const { packets, fault } = await readBytes(file);
    expect(packets).toHaveLength(2);
    expect(fault).toMatchObject({ code: 'decompression', offset: PLAIN.length });
    expect(fault?.message).toContain('its checksum is wrong');
  });

  it('says that bytes follow which are no compressed stream', async () => {
    const line = Buffer.from('and a line of text');
    for (const name of ['zstd', 'lz4']) {
      const { packets, fault } = await readBytes(Buffer.concat([fixture(name), line]));
      expect(packets).toHaveLength(2);
      expect(fault?.message).toBe(`the ${name} stream is followed by bytes that are no ${name} frame`);
    }
    // Its decoder drops what came of the piece with the damage, and here that is all.
    await expect(readBytes(Buffer.concat([fixture('xz'), line]))).rejects.toThrow('bytes that are no xz stream');
  });

  it('reads xz streams shorter than a piece, one after another', async () => {
    const { packets, fault } = await readBytes(Buffer.concat([fixture('xz'), EMPTY_XZ, new Uint8Array(8), EMPTY_XZ]));
    expect(packets).toHaveLength(2);
    expect(fault).toBeNull();
  });

  it('frees the xz decoder when a capture is closed half read', async () => {
    for (let i = 0; i < 20; i++) {
      const source = await openCaptureWindow('a.xz', 0, new FixedWindow(fixture('xz')));
      await source.next(new PacketBlock());
      await source.close();
    }
    expect((await readBytes(fixture('xz'))).packets).toHaveLength(2);
  });

  it('does not unpack a bomb into memory', async () => {
    const bomb = gzipSync(Buffer.concat([PLAIN.subarray(0, 24), new Uint8Array(64_000_000)]), { level: 1 });
    // What is held counts, not what waits to be collected: when that happens differs between versions of Node.
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const source = await openCaptureWindow('bomb', bomb.length, new FixedWindow(bomb));
    const block = new PacketBlock();
    let most = 0;
    for (let blocks = 0; await source.next(block); blocks++) {
      if (blocks % 64 !== 0) continue;
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    await source.close();
    expect(source.counters.packets).toBe(4_000_000);
    expect(most).toBeLessThan(24_000_000);
  });

  it('never throws anything but a CaptureError, whatever follows a magic number', async () => {
    const magic = fc.constantFrom('1f8b0800', '28b52ffd', '04224d18', '02214c18', 'fd377a585a00', '502a4d18');
    await fc.assert(
      fc.asyncProperty(magic, fc.uint8Array({ maxLength: 200 }), async (magic, tail) => {
        expect((await readOrRefuse(Buffer.concat([fromHex(magic), tail])))?.packets ?? []).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws anything but a CaptureError for damage in the middle of a real stream', async () => {
    const at = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...NAMES), at, async (name, changes) => {
        const file = fixture(name);
        for (const [i, value] of changes) file[i % file.length] = value;
        const capture = await readOrRefuse(file);
        expect(capture?.counters.packets).toBe(capture?.packets.length);
      }),
      { numRuns: 500 },
    );
  });
});

const COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ['gzip', '-1'],
  ['gzip', '-9'],
  ['zstd', '-1'],
  ['zstd', '-3', '--no-check'],
  ['zstd', '-19'],
  ['zstd', '-6', '--long=26'],
  ['lz4', '-1', '-B4'],
  ['lz4', '-9', '-B4', '-BD'],
  ['lz4', '-1', '-B7', '-BX', '--no-frame-crc'],
  ['lz4', '-l'],
  ['xz', '-0'],
  ['xz', '-9', '--check=crc32'],
  ['xz', '-1', '--block-size=300000'],
];

const plain = manyPackets();

describe.each(COMMANDS)('%s %s %s', (command, ...options) => {
  const run = (input: Uint8Array): Buffer =>
    spawnSync(command, [...options, '-c'], { input, maxBuffer: 64_000_000 }).stdout;
  const isThere = spawnSync(command, ['--version']).status === 0;
  const why = isThere ? '' : ` (skipped: no ${command} command here)`;

  it.skipIf(!isThere)(`has the packets of the plain capture${why}`, async () => {
    const { packets, fault } = await readBytes(run(plain));
    expect(packets).toEqual((await readBytes(plain)).packets);
    expect(fault).toBeNull();
  });

  it.skipIf(!isThere)(`may be concatenated at any byte of the capture${why}`, async () => {
    const want = (await readBytes(plain)).packets;
    for (const at of [30, 65_536, 500_003]) {
      const parts = [run(plain.subarray(0, at)), run(plain.subarray(at))];
      // Zero padding is part of the xz format, in fours.
      if (command === 'xz') parts.splice(1, 0, Buffer.alloc(8));
      const { packets, fault } = await readBytes(Buffer.concat(parts));
      expect(fault, `joined at ${at}`).toBeNull();
      expect(packets, `joined at ${at}`).toEqual(want);
    }
  });

  it.skipIf(!isThere)(`gives most packets of a stream cut in its middle${why}`, async () => {
    const whole = run(plain);
    const { packets, fault } = await readBytes(whole.subarray(0, Math.floor(whole.length * 0.9)));
    const want = (await readBytes(plain)).packets;
    expect(fault?.code).toBe('decompression');
    // A block of zstd is lost as a whole; of the others, less.
    expect(packets.length).toBeGreaterThan(800);
    expect(packets.slice(0, -1)).toEqual(want.slice(0, packets.length - 1));
  });
});

describe('the one xz decoder of a process', () => {
  const isThere = spawnSync('xz', ['--version']).status === 0;
  const why = isThere ? '' : ' (skipped: no xz command here)';

  it.skipIf(!isThere)(`refuses a second capture instead of letting it wait without end${why}`, async () => {
    const file = spawnSync('xz', ['-0', '-c'], { input: plain, maxBuffer: 64_000_000 }).stdout;
    const first = await openCaptureWindow('a.xz', 0, new FixedWindow(file));
    await expect(openCaptureWindow('b.xz', 0, new FixedWindow(file))).rejects.toMatchObject({ code: 'busy' });
    await first.close();
    expect((await readBytes(file)).packets).toHaveLength(1_200);
  });
});
