import { MeshError } from '../../../protocols/errors.ts'
import { lockOf } from '../../core/replicated/deliveries.ts'
import type { Consistency } from '../../runtime/consensus/client/types.ts'
import type { CoordinatedStep, Coordinator, DeliveryLock, SharedValue, WaitOptions } from '../../runtime/ports.ts'
import type { GroupParts } from './group.ts'
import { acquire, type Holding } from './holding.ts'

/**
 * ms after which the lock of a host that is silent goes to the next: less than an attempt takes, so that one of the next
 * attempts finds it free, and more than an election. A guess.
 */
const TTL = 2_000
/** ms for a step or a read. A guess: an attempt's time. */
const WAIT = 5_000

/** The coordinator of agents' deliveries over a group: locks are in its part `locks`, all else in `deliveries`. */
export class GroupCoordinator implements Coordinator {
  readonly #parts: Pick<GroupParts, 'client' | 'clock' | 'nonce'>

  constructor(parts: Pick<GroupParts, 'client' | 'clock' | 'nonce'>) {
    this.#parts = parts
  }

  async acquire(delivery: string, { signal, timeout }: WaitOptions & { timeout: number }): Promise<DeliveryLock> {
    const { client, clock, nonce } = this.#parts
    const name = lockOf(delivery)
    return new HeldDelivery(
      await inTime(
        acquire({ client, clock, name, waiter: nonce(), ttl: TTL, signal, timeout }),
        'the lock of a delivery'
      )
    )
  }

  delivered(delivery: string): Promise<boolean> {
    return this.#ask({ delivered: delivery }, 'session') as Promise<boolean>
  }

  async record({ delivery, lock, reads, changes }: CoordinatedStep): Promise<void> {
    const held = lock as HeldDelivery | undefined
    const step = {
      ...(delivery === undefined ? {} : { delivery, token: held?.token }),
      reads: [...reads],
      changes: changes.map(({ key, value }) => [key, value])
    }
    await inTime(this.#parts.client.propose('deliveries', { step }, { timeout: WAIT }), 'a step of an agent')
    if (delivery !== undefined) held?.recorded()
  }

  async read(key: string, lock: DeliveryLock | undefined): Promise<SharedValue> {
    const shared = (await this.#ask({ get: key }, consistencyFor(lock))) as SharedValue | undefined
    return shared ?? { value: undefined, version: 0 }
  }

  list(prefix: string, lock: DeliveryLock | undefined): Promise<(readonly [key: string, shared: SharedValue])[]> {
    return this.#ask({ entries: prefix }, consistencyFor(lock)) as Promise<[string, SharedValue][]>
  }

  #ask(question: object, consistency: Consistency): Promise<unknown> {
    return inTime(this.#parts.client.read('deliveries', question, consistency, { timeout: WAIT }), 'the shared state')
  }
}

/** The entry that granted the lock has been seen here, so this session's reads are not older. */
function consistencyFor(lock: DeliveryLock | undefined): Consistency {
  return lock === undefined ? 'strong' : 'session'
}

class HeldDelivery implements DeliveryLock {
  readonly #holding: Holding

  constructor(holding: Holding) {
    this.#holding = holding
  }

  get token(): number {
    return this.#holding.token
  }

  /** The step that recorded the delivery has let go of the lock. */
  recorded(): void {
    this.#holding.gone()
  }

  /** Nobody has to wait until that is done: else its ttl ends it. */
  async release(): Promise<void> {
    this.#holding.release({ timeout: TTL }).catch(() => {})
  }
}

/** That the group cannot decide has a word of its own here. */
async function inTime<T>(asked: Promise<T>, what: string): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof MeshError) || (error.code !== 'ERR_NO_QUORUM' && error.code !== 'ERR_TIMEOUT')) throw error
    throw new MeshError('ERR_COORDINATION_TIMEOUT', `${what} was not had in time`, { cause: error })
  }
}
