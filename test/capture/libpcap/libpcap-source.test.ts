import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { CaptureError } from '../../../src/capture/capture-error.ts';
import { toLinkType } from '../../../src/capture/libpcap/cap-link-type.ts';
import { loadCap } from '../../../src/capture/libpcap/cap-package.ts';
import { LIBPCAP_DEFAULTS, LibpcapIntake, type LibpcapOptions } from '../../../src/capture/libpcap/libpcap-intake.ts';
import { openLibpcapSource } from '../../../src/capture/libpcap/libpcap-source.ts';
import { PacketBlock } from '../../../src/capture/packet-source.ts';

const OPTIONS: LibpcapOptions = { ...LIBPCAP_DEFAULTS, interface: 'en0', filter: null, queueBytes: 0 };

/** An open interface as `cap` has it, whose packets a test tells. */
class FakeCap extends EventEmitter {
  static last: FakeCap;
  static linkName = 'ETHERNET';
  static refusal = '';
  buffer: Buffer = Buffer.alloc(0);
  opened: unknown[] = [];
  isClosed = false;

  constructor() {
    super();
    FakeCap.last = this;
  }
  open(device: string, filter: string, kernelBufferBytes: number, buffer: Buffer): string {
    if (FakeCap.refusal !== '') throw new Error(FakeCap.refusal);
    this.opened = [device, filter, kernelBufferBytes];
    this.buffer = buffer;
    return FakeCap.linkName;
  }
  close(): void {
    this.isClosed = true;
  }
  tell(packet: Uint8Array): void {
    this.buffer.set(packet);
    this.emit('packet', packet.length, false);
  }
}

function openFake(options: Partial<LibpcapOptions> = {}, linkName = 'ETHERNET', refusal = ''): LibpcapIntake {
  FakeCap.linkName = linkName;
  FakeCap.refusal = refusal;
  return new LibpcapIntake({ ...OPTIONS, ...options }, { Cap: FakeCap });
}

function refusalOf(said: string): CaptureError {
  try {
    openFake({}, 'ETHERNET', said);
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('an interface through libpcap', () => {
  it('gives its packets with the time of now, and counts them', async () => {
    const intake = openFake();
    const source = openLibpcapSource(intake.handle);
    const block = new PacketBlock();
    const beganUs = Date.now() * 1000;
    FakeCap.last.tell(Uint8Array.of(1, 2, 3));
    FakeCap.last.tell(Uint8Array.of(4, 5));
    expect(await source.next(block)).toBe(true);
    expect(block.count).toBe(2);
    expect(block.buf.slice(block.at[1], block.at[1]! + 2)).toEqual(Uint8Array.of(4, 5));
    expect(Math.abs(block.tsUs[0]! - beganUs)).toBeLessThan(1_000_000);
    expect(block.tsUs[1]!).toBeGreaterThanOrEqual(block.tsUs[0]!);
    expect(source.interfaces).toEqual([{ name: 'en0', linkType: 1 }]);
    expect(source.readKernel()).toMatchObject({ received: 2, receivedBytes: 5, walked: 2, waiting: 0, ringDropped: 0 });
    intake.close();
    expect(FakeCap.last.isClosed).toBe(true);
  });

  it('hands its filter to libpcap, and asks for the buffer', () => {
    openFake({ filter: 'tcp port 443', kernelBufferBytes: 1 << 20 });
    expect(FakeCap.last.opened).toEqual(['en0', 'tcp port 443', 1 << 20]);
  });

  it('gives true and no packet when none comes for a moment', async () => {
    const source = openLibpcapSource(openFake().handle);
    const block = new PacketBlock();
    expect(await source.next(block)).toBe(true);
    expect(block.count).toBe(0);
  });

  it('gives what is in the queue after the intake was stopped, then the end, and the sum is exact', async () => {
    const source = openLibpcapSource(openFake().handle);
    const block = new PacketBlock();
    for (let i = 0; i < 3000; i += 1) FakeCap.last.tell(new Uint8Array(100));
    source.stopIntake();
    FakeCap.last.tell(Uint8Array.of(1));
    while (await source.next(block)) expect(block.count).toBeGreaterThan(0);
    const { received, ringDropped, walked, waiting, freezes } = source.readKernel();
    expect([received, waiting, freezes]).toEqual([3000, 0, 1]);
    expect(ringDropped).toBeGreaterThan(0);
    expect(walked + ringDropped).toBe(received);
  });

  it('is refused with what libpcap says and its code', () => {
    expect(refusalOf("en0: You don't have permission to capture").code).toBe('no_permission');
    expect(refusalOf('syntax error in filter expression').code).toBe('bad_filter');
    const { code, message } = refusalOf('en0: No such device exists');
    expect([code, message]).toEqual(['no_interface', 'en0: en0: No such device exists']);
  });

  it('has the link types of capture files', () => {
    expect(['NULL', 'ETHERNET', 'RAW', 'LINKTYPE_LINUX_SLL', 'IEEE802_11_RADIO'].map(toLinkType)).toEqual([
      0, 1, 101, 113, 127,
    ]);
    expect(['Unknown linktype 276', 'Unknown linktype 14', 'Unknown linktype x', ''].map(toLinkType)).toEqual([
      276,
      101,
      null,
      null,
    ]);
    expect(() => openFake({}, 'nonsense')).toThrow('libpcap reads it as nonsense');
  });
});

describe('the package cap', () => {
  it('is found as it is, and as the default of a module', async () => {
    expect((await loadCap(() => Promise.resolve({ Cap: FakeCap }))).Cap).toBe(FakeCap);
    expect((await loadCap(() => Promise.resolve({ default: { Cap: FakeCap } }))).Cap).toBe(FakeCap);
  });

  it.each([
    ['ERR_MODULE_NOT_FOUND', 'is not installed'],
    ['ERR_DLOPEN_FAILED', 'npm rebuild cap'],
    ['EIO', "can't be loaded"],
  ])('that gives %s is told with the cure', async (code, text) => {
    const loading = loadCap(() => Promise.reject(Object.assign(new Error('it says so'), { code })));
    await expect(loading).rejects.toThrow(text);
    await expect(loading).rejects.toThrow('npm i --no-save cap');
    await expect(loading).rejects.toMatchObject({ code: 'no_libpcap' });
  });

  it('is refused where it is something else', async () => {
    await expect(loadCap(() => Promise.resolve({ Cap: 1 }))).rejects.toMatchObject({ code: 'no_libpcap' });
    await expect(loadCap(() => Promise.resolve(null))).rejects.toMatchObject({ code: 'no_libpcap' });
  });
});
