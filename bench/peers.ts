/** Other programs that get TLS handshakes out of a capture, run on the same file where they are installed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureProcess, ProgramFailed } from './measure-process.ts';
import { isInstalled } from './programs.ts';

/** Arguments with certificates on, as far as the program has them; `scratch` is a folder that is removed. */
const PEERS: Readonly<Record<string, (capture: string, scratch: string) => string[]>> = {
  mercury: (capture, scratch) => ['-r', capture, '-f', join(scratch, 'out.json'), '--certs-json', '--reassembly'],
  ndpiReader: (capture) => ['-v', '2', '-i', capture],
  suricata: (capture, scratch) => ['-r', capture, '-l', scratch, '-k', 'none', '--runmode', 'single'],
  tshark: (capture) => ['-n', '-r', capture, '-Y', 'tls.handshake.type == 11', ...TSHARK_FIELDS],
};

const TSHARK_FIELDS = ['-T', 'fields', '-e', 'tcp.stream', '-e', 'tls.handshake.certificate'];

const TIMEOUT_MS = 300_000;

export interface PeerResult {
  readonly peer: string;
  /** CPU seconds, or why there are none. */
  readonly outcome: number | string;
}

/** One run of each. The file should be in the page cache already. */
export async function runPeers(capture: string): Promise<PeerResult[]> {
  const results: PeerResult[] = [];
  for (const [peer, toArguments] of Object.entries(PEERS))
    results.push({ peer, outcome: await runPeer(peer, toArguments, capture) });
  return results;
}

async function runPeer(peer: string, toArguments: (typeof PEERS)[string], capture: string): Promise<number | string> {
  if (!isInstalled(peer)) return 'skipped: not installed';
  const scratch = mkdtempSync(join(tmpdir(), 'spanglass-bench-'));
  try {
    return (await measureProcess([peer, ...toArguments(capture, scratch)], { timeoutMs: TIMEOUT_MS })).cpuS;
  } catch (error) {
    if (error instanceof ProgramFailed) return `failed: ${error.message.split('\n')[0]}`;
    throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
