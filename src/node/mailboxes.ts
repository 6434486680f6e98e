import { MeshError } from '../../protocols/errors.ts'
import type { MailboxHost } from '../agent/mailbox.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { SpillFolders } from '../runtime/storage/spill-folders.ts'
import type { Forwarder } from './forwarder.ts'
import { type LossParts, lost } from './losses.ts'

export interface MailboxesParts extends LossParts {
  /** Undefined where there is no data folder. */
  spills: () => SpillFolders | undefined
  forwarder: () => Forwarder
}

/** What the mailboxes of a node's agents ask of it: to be told of what they do, and where to with what finds no room. */
export class Mailboxes {
  readonly #parts: MailboxesParts

  constructor(parts: MailboxesParts) {
    this.#parts = parts
  }

  /** A request found no room. */
  refused(): void {
    this.#parts.counters.refused++
  }

  hostFor(agent: string, instance: string): MailboxHost {
    const { counters, coalescer, spills, forwarder, emit } = this.#parts
    return {
      slow: (queued) => emit({ kind: 'slow-consumer', agent, queued }),
      dropped: (inbound, error) => lost(this.#parts, agent, inbound, error),
      overflowed: (strategy, reason, { peer }) => {
        this.#count(strategy)
        coalescer.note(`overflow ${strategy} ${reason} ${peer} ${agent}`, 0, (count) =>
          emit({ kind: 'overflow', agent, strategy, count, reason, peer })
        )
      },
      redirect: (inbound, to) => forwarder().redirect(inbound, instance, to),
      openSpill: (type, host) => {
        const folders = spills()
        if (folders === undefined) throw noDataDir()
        return folders.open<Inbound>(['agent', agent, type ?? ''], host)
      },
      closeSpill: (queue) => spills()?.close(queue),
      reclaimed: (messages) => {
        counters.reclaimed += messages
        emit({ kind: 'reclaimed', agent, messages })
      }
    }
  }

  #count(strategy: string): void {
    const { counters } = this.#parts
    if (strategy === 'drop-oldest') counters.droppedOldest++
    else if (strategy === 'drop-newest') counters.droppedNewest++
    else if (strategy === 'spill-to-disk') counters.spilled++
    else if (strategy === 'redirect') counters.redirected++
    else counters.refused++
  }
}

export function noDataDir(): MeshError {
  return new MeshError('ERR_NO_DATA_DIR', `overflow: 'spill-to-disk' needs a dataDir`, { details: { key: 'dataDir' } })
}
