/**
 * The captures that are measured, made once and kept: `NAME.pcap`, and `NAME.json` which says what is in it.
 *
 * A capture counts as made when its `.json` is there and names the recipe of today, so one that was cut short by Ctrl-C or a
 * full disk is made again.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { PcapFile } from './pcap-file.ts';
import { type Recording, type RecordingOptions, recordConnections } from './record-connections.ts';
import { issueServerCertificates } from './server-certificates.ts';
import { writeSynFlood } from './syn-flood.ts';
import { writeCopies } from './write-copies.ts';

export interface Input {
  readonly path: string;
  readonly packets: number;
  readonly sizeBytes: number;
  /** What the capture holds; null where nobody counted, in a file that somebody else made. */
  readonly handshakes: number | null;
  readonly chains: number | null;
}

export type InputName = 'empty' | 'handshakes' | 'bulk' | 'half-open' | 'few-flows';

interface Recipe {
  /** Of the whole capture. */
  readonly make: (file: PcapFile) => Promise<{ handshakes: number; chains: number }>;
  /** What decides about the result, beside the code. */
  readonly numbers: readonly number[];
}

/** Changed when the code that makes inputs changes what is in them. */
const VERSION = 1;

const MANIFEST = z.object({
  version: z.string(),
  content: z.object({
    packets: z.number(),
    sizeBytes: z.number(),
    handshakes: z.number(),
    chains: z.number(),
  }),
});
type Content = z.infer<typeof MANIFEST>['content'];

const NOTHING = { handshakes: 0, chains: 0 };

interface Sizes {
  /** Which certificates of `server-certificates.ts`. */
  readonly certificates: readonly number[];
  readonly connections: number;
  readonly copies: number;
  readonly downloads: number;
  readonly downloadCopies: number;
  readonly flows: number;
}

/** In full, and for a quick look whether it runs: then there is one certificate of each kind. */
const SIZES: Readonly<Record<InputSize, Sizes>> = {
  full: {
    certificates: Array.from({ length: 200 }, (_, i) => i),
    connections: 2000,
    copies: 52,
    downloads: 4,
    downloadCopies: 96,
    flows: 1_000_000,
  },
  smoke: {
    certificates: [0, 8, 12, 15, 16, 17, 18, 19],
    connections: 100,
    copies: 4,
    downloads: 2,
    downloadCopies: 4,
    flows: 20_000,
  },
};
export type InputSize = 'full' | 'smoke';

/** A self-signed one, quick to make: in a download it is next to nothing. */
const DOWNLOAD_CERTIFICATE = 18;

const SYNS_PER_FLOW = 2;
const FEW_FLOWS = 1000;

/** The answer of a web server to a small request, and a download. */
const SMALL_ANSWER = 1000;
const DOWNLOAD = 2 * 1024 * 1024;

/** 250 connections a second in each copy: with the time that one takes, some hundred are open at once in the whole. */
const HANDSHAKE_GAP_NS = 4_000_000n;
const DOWNLOAD_GAP_NS = 1_000_000n;
/** So many copies of a download are under way at once. */
const LIVE_DOWNLOAD_COPIES = 8;

/** The input of this name and size, made if need be. */
export async function prepareInput(folder: string, name: InputName, size: InputSize, say: Say): Promise<Input> {
  const stem = join(folder, size === 'full' ? name : `${name}-${size}`);
  const recipe = RECIPES[name](SIZES[size]);
  const version = [VERSION, ...recipe.numbers].join('/');
  const path = `${stem}.pcap`;
  const made = await readManifest(`${stem}.json`, version);
  if (made !== null && existsSync(path)) return { path, ...made };
  const beganMs = performance.now();
  say(`making ${path} …`);
  await mkdir(folder, { recursive: true });
  await rm(`${stem}.json`, { force: true });
  const file = new PcapFile(`${stem}.part`);
  let found = NOTHING;
  try {
    found = await recipe.make(file);
  } finally {
    file.close();
  }
  await rename(`${stem}.part`, path);
  const content = { packets: file.packets, sizeBytes: file.sizeBytes, ...found };
  await writeFile(`${stem}.json`, `${JSON.stringify({ version, content }, null, 2)}\n`);
  say(`made ${path} in ${((performance.now() - beganMs) / 1000).toFixed(0)} s`);
  return { path, ...content };
}

export type Say = (text: string) => void;

async function readManifest(path: string, version: string): Promise<Content | null> {
  if (!existsSync(path)) return null;
  const manifest = MANIFEST.safeParse(JSON.parse(await readFile(path, 'utf8')));
  return manifest.success && manifest.data.version === version ? manifest.data.content : null;
}

const RECIPES: Readonly<Record<InputName, (sizes: Sizes) => Recipe>> = {
  empty: () => ({ numbers: [], make: async () => NOTHING }),

  handshakes: ({ certificates, connections, copies }) => ({
    numbers: [certificates.length, connections, copies],
    make: (file) => {
      const recording = { connections, answerBytes: SMALL_ANSWER, gapNs: HANDSHAKE_GAP_NS, mix: 'mixed' } as const;
      return multiply(certificates, recording, copies, copies, file);
    },
  }),

  bulk: ({ downloads, downloadCopies }) => ({
    numbers: [downloads, downloadCopies],
    make: (file) => {
      const recording = {
        connections: downloads,
        answerBytes: DOWNLOAD,
        gapNs: DOWNLOAD_GAP_NS,
        mix: 'plain',
      } as const;
      return multiply([DOWNLOAD_CERTIFICATE], recording, downloadCopies, LIVE_DOWNLOAD_COPIES, file);
    },
  }),

  'half-open': ({ flows }) => flood(flows, SYNS_PER_FLOW),
  'few-flows': ({ flows }) => flood(FEW_FLOWS, (flows * SYNS_PER_FLOW) / FEW_FLOWS),
};

/** Records once and writes it `copies` times, so that `liveCopies` are under way at once. */
async function multiply(
  certificates: readonly number[],
  recording: RecordingOptions,
  copies: number,
  liveCopies: number,
  file: PcapFile,
): Promise<{ handshakes: number; chains: number }> {
  const keys = await mkdtemp(join(tmpdir(), 'spanglass-bench-'));
  let base: Recording;
  try {
    base = await recordConnections(await issueServerCertificates(keys, certificates), recording);
  } finally {
    await rm(keys, { recursive: true, force: true });
  }
  const { tsUs } = base.packets;
  const stepUs = Math.floor((tsUs.at(-1)! - tsUs[0]!) / liveCopies);
  writeCopies(base.packets, copies, stepUs, file);
  return { handshakes: base.handshakes * copies, chains: base.chains * copies };
}

function flood(flows: number, rounds: number): Recipe {
  return {
    numbers: [flows, rounds],
    make: async (file) => {
      writeSynFlood(flows, rounds, file);
      return NOTHING;
    },
  };
}
