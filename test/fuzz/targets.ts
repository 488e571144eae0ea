/** Every target, in the order of a packet's way. */
import type { FuzzTarget } from './fuzz-target.ts';
import { BYTES_TARGETS } from './targets-bytes.ts';
import { CAPTURE_TARGETS } from './targets-capture.ts';
import { DECODE_TARGETS } from './targets-decode.ts';
import { EVENT_TARGETS } from './targets-event.ts';
import { FLOW_TARGETS } from './targets-flow.ts';
import { PIPELINE_TARGETS } from './targets-pipeline.ts';
import { SCORE_TARGETS } from './targets-score.ts';
import { TLS_TARGETS } from './targets-tls.ts';
import { X509_TARGETS } from './targets-x509.ts';

export const TARGETS: readonly FuzzTarget[] = [
  ...BYTES_TARGETS,
  ...CAPTURE_TARGETS,
  ...DECODE_TARGETS,
  ...FLOW_TARGETS,
  ...TLS_TARGETS,
  ...X509_TARGETS,
  ...SCORE_TARGETS,
  ...EVENT_TARGETS,
  ...PIPELINE_TARGETS,
];
