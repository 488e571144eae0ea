/**
 * The score of each handshake, in the mode that was set.
 *
 * What a certificate scores depends on little: the certificate, and the name that the client asked for (and, to the published
 * search, whether it looks at such a connection at all). On a real link the same few thousand pairs come again and again, so
 * each is scored once and its result handed out again, the same object. Memory dies with the certificate; names per
 * certificate are capped, oldest out first.
 */
import type { Certificate } from '../x509/certificate.ts';
import { buildFaithfulScore, isSearched } from './faithful.ts';
import { MAX_REMEMBERED_HOSTS } from './limits.ts';
import { buildRefinedScore, type CertificateFindings, findInCertificate } from './refined.ts';
import { type DetectionScore, NO_FINDING, ScoringMode } from './score.ts';

interface Remembered {
  readonly findings: CertificateFindings | null;
  readonly byHost: Map<string, DetectionScore>;
}

export class Scorer {
  readonly mode: ScoringMode;
  readonly #remembered = new WeakMap<Certificate, Remembered>();

  constructor(mode: ScoringMode) {
    this.mode = mode;
  }

  /**
   * `leaf` is the server's own certificate, null where none was seen; `serverName` the SNI, empty where none was sent; `action` is
   * what the event says of the connection, null where it says nothing.
   */
  score(leaf: Certificate | null, serverName: string, destPort: number, action: string | null): DetectionScore {
    if (leaf === null) return NO_FINDING;
    if (this.mode === ScoringMode.Faithful && !isSearched(destPort, action)) return NO_FINDING;
    let known = this.#remembered.get(leaf);
    if (known === undefined) {
      known = {
        findings: this.mode === ScoringMode.Refined ? findInCertificate(leaf) : null,
        byHost: new Map(),
      };
      this.#remembered.set(leaf, known);
    }
    const before = known.byHost.get(serverName);
    if (before !== undefined) return before;
    const score =
      known.findings === null
        ? scoreAsSearched(leaf, serverName, destPort, action)
        : buildRefinedScore(known.findings, serverName);
    if (known.byHost.size >= MAX_REMEMBERED_HOSTS) forgetOldest(known.byHost);
    known.byHost.set(serverName, score);
    return score;
  }
}

/**
 * From the fields as an event of this sensor has them: the distinguished names in full, whatever the naming profile calls them, and
 * no field for a name or an SNI that is empty.
 */
function scoreAsSearched(
  leaf: Certificate,
  serverName: string,
  destPort: number,
  action: string | null,
): DetectionScore {
  return buildFaithfulScore({
    destPort,
    action,
    subject: leaf.subject.text || null,
    issuer: leaf.issuer.text || null,
    destHost: serverName || null,
  });
}

function forgetOldest(byHost: Map<string, DetectionScore>): void {
  for (const host of byHost.keys()) {
    byHost.delete(host);
    return;
  }
}
