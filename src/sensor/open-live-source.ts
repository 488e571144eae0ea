/** Opens what a worker reads from. */
import { CaptureError } from '../capture/capture-error.ts';
import type { LiveSource } from '../capture/live-source.ts';
import type { LiveSourcePlan, SharedParts } from './live-source-plan.ts';

/** Rejects with `CaptureError`. */
export async function openLiveSource(plan: LiveSourcePlan, _shared: SharedParts): Promise<LiveSource> {
  throw new CaptureError('not_found', plan.interface, `${plan.interface}: this build reads no interfaces`);
}
