import { MeshError } from '../../protocols/errors.ts'
import { StoredReceipt } from '../agent/receipt.ts'
import type { Receipt } from '../agent/types.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import { digestOf } from '../runtime/delivery/digest.ts'
import type { SentRecord } from '../runtime/delivery/sent-record.ts'
import type { Clock } from '../runtime/ports.ts'
import type { Change } from '../runtime/storage/types.ts'
import type { Consignment } from './consignment.ts'
import type { SentIds } from './sent-ids.ts'

export interface NamedSendsParts {
  ids: SentIds
  clock: Clock
  transportTo: (peer: string) => string
  /** Takes a message that was not sent before. */
  ship: (consignment: Consignment) => Promise<Receipt>
  /** The dead letter of that name; undefined where there is none. */
  letter: (name: string) => Promise<{ id: string; draft: Draft } | undefined> | undefined
  /** Of a letter of that name that is being sent again or dropped: resolves when it is clear which. */
  taken: (name: string) => Promise<void> | undefined
  /** What a draft says, also where its data was written in another format since. */
  content: (draft: Draft) => string
  replay: (letter: string) => Promise<Receipt | undefined>
}

/**
 * Sends that their callers named: the same id from the same agent to the same name is the same message, whether it is
 * under way, has ended, or is a dead letter, which is sent again.
 */
export class NamedSends {
  readonly #parts: NamedSendsParts
  /** By name; one that is still being looked up stands here too, so that the next joins it. */
  readonly #underWay = new Map<string, Consignment>()

  constructor(parts: NamedSendsParts) {
    this.#parts = parts
  }

  /** `ERR_ID_REUSED`, `ERR_STORAGE`, and as any send. */
  send(consignment: Consignment): Promise<Receipt> {
    const first = this.#underWay.get(consignment.name!)
    if (first !== undefined) return this.#join(first, consignment)
    const taken = this.#parts.taken(consignment.name!)
    if (taken !== undefined) return taken.then(() => this.send(consignment))
    const { receipt } = consignment
    this.begin(consignment)
    const known = this.#parts.ids.find(consignment.name!)
    const letter = known === undefined ? this.#parts.letter(consignment.name!) : undefined
    if (known === undefined && letter === undefined) return this.#parts.ship(consignment)
    this.#resolve(consignment, known, letter).catch((error: unknown) => {
      this.left(consignment)
      consignment.reject(error)
    })
    return receipt
  }

  async #resolve(
    consignment: Consignment,
    known: ReturnType<SentIds['find']>,
    letter: ReturnType<NamedSendsParts['letter']>
  ): Promise<void> {
    const record = await known
    if (record !== undefined) {
      this.left(consignment)
      assertSame(consignment, record.content)
      consignment.attempts = record.attempts
      consignment.peer = record.peer
      consignment.ended('duplicate')
      return
    }
    const found = letter ?? this.#parts.letter(consignment.name!)
    if (found === undefined) {
      await this.#parts.ship(consignment).catch(() => {})
      return
    }
    const dead = await found
    this.left(consignment)
    if (dead !== undefined) assertSame(consignment, this.#parts.content(dead.draft))
    consignment.joined((dead && (await this.#replay(dead.id))) ?? (await this.send(consignment)))
  }

  /** Undefined where somebody else has taken the letter meanwhile. */
  async #replay(letter: string): Promise<Receipt | undefined> {
    try {
      return await this.#parts.replay(letter)
    } catch (error) {
      if ((error as MeshError).code !== 'ERR_NO_SUCH_LETTER') throw error
      return undefined
    }
  }

  #join(first: Consignment, second: Consignment): Promise<Receipt> {
    assertSame(second, first.content)
    // Whether it is stored says nothing to whoever asked for its end.
    if (!second.template.durable) return first.settled
    if (!first.stored) return first.receipt
    const { attempts, claimedAt, settled } = first
    return Promise.resolve(new StoredReceipt(second.draft!, attempts, claimedAt, this.#parts.transportTo, settled))
  }

  /** It is under way, in this life or since a former one. */
  begin(consignment: Consignment): void {
    if (consignment.name !== undefined) this.#underWay.set(consignment.name, consignment)
  }

  /** It is not under way any more. */
  left(consignment: Consignment): void {
    const { name } = consignment
    if (name !== undefined && this.#underWay.get(name) === consignment) this.#underWay.delete(name)
  }

  /** It has ended well: what to write, so that this is remembered. */
  done({ name, content, attempts, peer }: Consignment): Change[] {
    if (name === undefined) return []
    const record: SentRecord = { name, content, at: Math.floor(this.#parts.clock.now()), attempts, peer }
    return this.#parts.ids.add(record)
  }
}

/** What a message is known by, where its sender named it: who sent what name to whom. */
export function nameOf({ id, attributes }: Draft): string | undefined {
  if (id === undefined) return undefined
  const { source, routing } = attributes
  return digestOf(JSON.stringify([source, routing?.target, routing?.peer, routing?.instance, id])).toString('latin1')
}

/** What was sent under a name: as it was encoded first. */
export function contentOf({ attributes, code, data }: Draft): string {
  return digestOf(Buffer.concat([digestOf(`${attributes.type}\n${code}`), data])).toString('latin1')
}

function assertSame(consignment: Consignment, content: string): void {
  if (consignment.content === content) return
  const { id } = consignment.draft!
  throw new MeshError('ERR_ID_REUSED', `another message to ${consignment.agent} has the id ${id}`, {
    details: { id, agent: consignment.agent }
  })
}
