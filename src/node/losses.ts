import { toRemoteShape } from '../../protocols/errors.ts'
import type { Counters } from '../core/flow/counters.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { Coalescer } from '../runtime/telemetry/coalesce.ts'
import type { NodeEventBody } from './events.ts'

export interface LossParts {
  counters: Counters
  coalescer: Coalescer
  emit: (event: NodeEventBody) => void
}

/** A message to `agent` that nobody acknowledges came here and was lost. */
export function lost({ counters, coalescer, emit }: LossParts, agent: string, { peer }: Inbound, error: unknown): void {
  counters.dropped++
  const { code, message } = toRemoteShape(error)
  coalescer.note(`dropped ${code} ${peer} ${agent}`, 0, (count) =>
    emit({ kind: 'dropped', agent, peer, code, message, count })
  )
}

/** What tells of messages between agents that were lost on their way: nobody acknowledges them. */
export function lossesOf(counters: Counters, emit: (event: NodeEventBody) => void) {
  const tell = (peer: string, count: number, code: string, message: string): void =>
    emit({ kind: 'dropped', agent: '', peer, code, message, count })
  return {
    /** It came after what it should have come before, and was given up already. */
    late: (peer: string): void => {
      counters.dropped++
      tell(peer, 1, 'ERR_GAP', 'it came after what follows it')
    },
    /** They were in a link that closed. */
    dropped: (peer: string, count: number, cause: Error | undefined): void => {
      counters.dropped += count
      tell(peer, count, 'ERR_LINK_CLOSED', cause?.message ?? 'closed')
    }
  }
}
