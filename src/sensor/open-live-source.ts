/** Opens what a worker reads from: a ring of its own, with the shunt and the filter that all share, or the end of libpcap's queue. */
import type { FlowShunt } from '../capture/flow-shunt.ts';
import type { LiveSource } from '../capture/live-source.ts';
import type { LiveSourcePlan, SharedParts } from './live-source-plan.ts';

/** Rejects with `CaptureError`. */
export async function openLiveSource(plan: LiveSourcePlan, shared: SharedParts): Promise<LiveSource> {
  if (plan.kind === 'libpcap') {
    const { openLibpcapSource } = await import('../capture/libpcap/libpcap-source.ts');
    return openLibpcapSource(shared.libpcap!);
  }
  const { openRing } = await import('../capture/ring-source.ts');
  return openRing({
    interface: plan.interface,
    blockBytes: plan.blockBytes,
    blocks: plan.blocks,
    retireMs: plan.retireMs,
    promiscuous: plan.promiscuous,
    fanoutGroup: shared.fanoutGroup,
    shunt: await openSharedShunt(plan, shared),
    classicFilter: shared.filter?.classic ?? null,
  });
}

async function openSharedShunt(plan: LiveSourcePlan, shared: SharedParts): Promise<FlowShunt | null> {
  if (plan.kind !== 'ring' || plan.shunt === null || !shared.hasShunt) return null;
  const { joinShunt, openShunt } = await import('../capture/flow-shunt.ts');
  const instructions = shared.filter?.prefix ?? null;
  const prefix = instructions === null ? null : { instructions };
  // What was refused to the main thread is refused here too, and gives the classic filter.
  return shared.shunt === null ? openShunt(plan.shunt, plan.interface, prefix) : joinShunt(shared.shunt, prefix);
}
