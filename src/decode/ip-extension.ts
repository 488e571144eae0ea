/**
 * One IPv6 extension header (hop-by-hop, routing, destination options, mobility, HIP, shim6), or AH, which IPv4 has too.
 *
 *     next header   1
 *     length        1      in units of eight bytes beyond the first eight; AH: in words of four, minus two
 *     body
 *
 * RFC 8200 4, RFC 6564 4, RFC 4302 2. Bodies are skipped: the destination is the one in the fixed header, also where a routing
 * header names another. ESP ends the walk elsewhere, since what follows it is encrypted.
 */

import { Drop } from './drop.ts';
import type { Frame } from './frame.ts';
import { layerOfProtocol, PROTOCOL_AH } from './ip-protocol.ts';
import { MAX_EXTENSIONS } from './limits.ts';
import type { Step, Walk } from './walk.ts';

const MIN_LEN = 8;

export function readIpExtension(walk: Walk, frame: Frame): Step {
  const { buf, at } = walk;
  const isAh = walk.protocol === PROTOCOL_AH;
  if (frame.ipVersion === 4 && !isAh) return Drop.TransportOther;
  if (++walk.extensions > MAX_EXTENSIONS) return Drop.TooManyExtensions;
  const capturedLen = walk.end - at;
  if (capturedLen < MIN_LEN) return Drop.ExtensionTruncated;
  const units = buf[at + 1]!;
  const extensionLen = isAh ? (units + 2) << 2 : (units + 1) << 3;
  if (extensionLen > capturedLen) return Drop.ExtensionTruncated;
  const protocol = buf[at]!;
  walk.at = at + extensionLen;
  walk.protocol = protocol;
  return layerOfProtocol(protocol);
}
