/**
 * A compressed stream that is damaged or ends too early. Thrown by a decompressor after its last good bytes, once in the
 * life of a capture; `DecompressedBytes` turns it into a `CaptureFault`. The message is a sentence for the user.
 */
export class DecompressionError extends Error {
  override readonly name = 'DecompressionError';
}
