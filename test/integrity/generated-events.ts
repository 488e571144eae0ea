/**
 * Events of the size and shape that the sensor sends, numbered by `seq`; and bad ones, in five ways that a HEC server refuses each
 * under another code. A bad one says which it is in its `source`: `bad-<seq>`.
 */

const POISON = ['missing event', 'blank event', 'nested fields', 'broken JSON', 'too large'] as const;
type Poison = (typeof POISON)[number];

/** As a certificate's names and a cipher list fill an event. */
const PADDING = 'R3,Let-s-Encrypt,TLS_AES_128_GCM_SHA256,x509,ecdsa_secp256r1_sha256,'.repeat(5);
/** 32 bits each. */
const NOISE_WORDS = 8;
const BASE_MICROS = 1_700_000_000_000_000;

export class EventMaker {
  readonly #bootId: string;
  readonly #poisonEvery: number;
  readonly #largeBytes: number;
  /** xorshift32; never 0. */
  #state = 0x2545f491;

  constructor(bootId: string, poisonEvery: number, largeBytes: number) {
    this.#bootId = bootId;
    this.#poisonEvery = poisonEvery;
    this.#largeBytes = largeBytes;
  }

  /** A HEC envelope and its newline. */
  line(seq: number): Buffer {
    const poison = poisonOf(seq, this.#poisonEvery);
    return Buffer.from(poison === null ? this.#good(seq) : this.#bad(seq, poison));
  }

  #good(seq: number): string {
    return `{"time":${timeOf(seq)},"host":"integrity","source":"stream:ssl","sourcetype":"stream:ssl","event":${this.#event(seq)}}\n`;
  }

  #event(seq: number): string {
    const src = `10.${(seq >> 16) & 255}.${(seq >> 8) & 255}.${seq & 255}`;
    const name = `host-${seq}.example.com`;
    return `{"sensor":"integrity","boot_id":"${this.#bootId}","seq":${seq},"event_id":"${this.#bootId}-${seq}","src_ip":"${src}","src_port":${1024 + (seq % 60_000)},"dest_ip":"192.0.2.7","dest_port":443,"ssl_server_name":"${name}","ssl_subject":"CN=${name}","ssl_hash":"${this.#noise()}","ssl_issuer":"${PADDING}"}`;
  }

  /** As a certificate's hash: what gzip can't make smaller, so that a spool fills as in life. */
  #noise(): string {
    let hex = '';
    for (let i = 0; i < NOISE_WORDS; i++) {
      this.#state ^= this.#state << 13;
      this.#state ^= this.#state >>> 17;
      this.#state ^= this.#state << 5;
      hex += (this.#state >>> 0).toString(16).padStart(8, '0');
    }
    return hex;
  }

  #bad(seq: number, poison: Poison): string {
    const head = `{"time":${timeOf(seq)},"source":"bad-${seq}"`;
    switch (poison) {
      case 'missing event':
        return `${head},"host":"integrity"}\n`;
      case 'blank event':
        return `${head},"event":"  "}\n`;
      case 'nested fields':
        return `${head},"fields":{"a":{"b":1}},"event":${this.#event(seq)}}\n`;
      case 'broken JSON':
        return `${head},"event":{"seq":${seq},\n`;
      case 'too large':
        return `${head},"event":{"pad":"${'x'.repeat(this.#largeBytes)}"}}\n`;
      default:
        return poison satisfies never;
    }
  }
}

export function isPoison(seq: number, poisonEvery: number): boolean {
  return poisonOf(seq, poisonEvery) !== null;
}

/** All five in turn. The first event is good, and the last of a thousand is bad. */
function poisonOf(seq: number, every: number): Poison | null {
  if (every === 0 || seq % every !== every - 1) return null;
  return POISON[Math.floor(seq / every) % POISON.length]!;
}

function timeOf(seq: number): string {
  const micros = BASE_MICROS + seq * 37;
  return `${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, '0')}`;
}
