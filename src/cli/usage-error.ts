/** Arguments or a configuration that can't be used: operational. The message is ready to be shown and says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
