import type { Message, Payload } from '../../protocols/envelope/message.ts'
import { type MeshError, toRemoteShape } from '../../protocols/errors.ts'
import type { GuaranteeDefaults } from '../agent/guarantee.ts'
import { storedTemplate, type Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import type { Claim } from '../core/delivery/numbering.ts'
import { RETRY_BASE, RETRY_MOST } from '../core/delivery/retry.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import type { Clock } from '../runtime/ports.ts'
import type { Change, Store } from '../runtime/storage/types.ts'
import type { Consignment } from './consignment.ts'
import type { NodeEventBody } from './events.ts'
import type { LetterBox, Lying } from './letter-box.ts'
import type { DeadLetter as LostItem } from './pipeline-port.ts'

/** A message that was accepted and given up. */
export interface Letter {
  /** Names the letter: the message's id, followed by `#2` and so on where another letter has it. */
  readonly id: string
  /** The agent that it is for, or the stage's where a pipeline gave it up. */
  readonly agent: string
  readonly type: string
  readonly source: string
  readonly data: Payload
  readonly message: Message
  /** Why: `'ERR_MAX_RETRIES'`, `'ERR_COORDINATION_TIMEOUT'`, `'ERR_TTL'`, `'ERR_TERMINATED'`, `'ERR_NO_HANDLER'`, `'ERR_FENCED'`, a stage's error … */
  readonly code: string
  readonly reason: string
  readonly attempts: number
  /** Wall-clock ms at which it was given up. */
  readonly at: number
  /** Where a stage with `onError: 'dead-letter'` could not process it; `data` is the item as it entered. */
  readonly pipeline: { readonly id: string; readonly stage: string; readonly sequence: number } | undefined
}

/**
 * What was accepted and given up, on disk where there is a `dataDir`: the oldest go past `limits.deadLetters`.
 *
 * @example
 * for await (const letter of node.deadLetters.list({ agent: 'worker' })) {
 *   if (letter.code === 'ERR_MAX_RETRIES') await node.deadLetters.replay(letter.id)
 * }
 */
export interface DeadLetters {
  /** Those that lie here now, oldest first. Rejects with `ERR_STORAGE`. */
  list(options?: { agent?: string | undefined }): AsyncIterable<Letter>
  /**
   * Sends it again, with all its retries and without its old time to live; a receiver recognises what it has handled.
   * Resolves as its `send` would, durable where there is a `dataDir`; with undefined for a pipeline's item, once the
   * pipeline has its result. Rejects with `ERR_NO_SUCH_LETTER`, `ERR_STORAGE`, and as `send`.
   */
  replay(id: string): Promise<Receipt | undefined>
  /** Forgets it. Rejects with `ERR_NO_SUCH_LETTER`, `ERR_STORAGE`. */
  drop(id: string): Promise<void>
}

/** What was given up. */
export interface Undelivered {
  readonly template: Template
  /** Undefined where it is on disk only. */
  readonly draft: Draft | undefined
  readonly attempts: number
  readonly record: string
  readonly claim: Claim | undefined
  readonly claimedAt: string
  readonly coordinated: string
}

export interface DeadLettersParts {
  box: LetterBox
  clock: Clock
  store: () => Store
  emit: (event: NodeEventBody) => void
  limits: GuaranteeDefaults
  /** The draft of a record of the outbox. */
  load: (record: string) => Promise<Draft>
  /** A message that is sent again. */
  restore: (template: Template, draft: Draft, accepted: number) => Consignment
  ship: (consignment: Consignment) => Promise<Receipt>
  /** Feeds a pipeline. */
  feed: (pipeline: string, item: unknown) => Promise<unknown>
  /** What is sent of an item: encoded as the node writes. Throws `ERR_UNREPRESENTABLE`. */
  itemDraft: (item: LostItem) => Draft
}

/** `node.deadLetters`, and where letters come from. */
export class DeadLetterOffice implements DeadLetters {
  readonly #parts: DeadLettersParts

  constructor(parts: DeadLettersParts) {
    this.#parts = parts
  }

  // ---- coming in ---------------------------------------------------------------------------------------------------

  /**
   * Keeps it, in one write with its leaving the outbox; what is in the outbox waits there for a disk that takes it. Never
   * rejects: the event says whether it was kept. False where this life ended before: another one tries it again.
   */
  async bury(lost: Undelivered, code: string, error: unknown): Promise<boolean> {
    const { template, attempts, record } = lost
    const letter = { agent: template.name, code, reason: reasonOf(error), attempts }
    for (let tries = 1; ; tries++) {
      try {
        await this.#keep(lost, letter)
        return true
      } catch (cause) {
        const refused = record !== '' && (cause as MeshError).code === 'ERR_STORAGE'
        const closed = refused && (cause as MeshError).details?.['reason'] === 'closed'
        if (!refused || closed) {
          this.#unkept(letter, cause)
          return !closed
        }
        await this.#pause(Math.min(RETRY_MOST, RETRY_BASE * tries))
      }
    }
  }

  async #keep(lost: Undelivered, letter: Pick<Letter, 'agent' | 'code' | 'reason' | 'attempts'>): Promise<void> {
    const { record, claim, claimedAt, coordinated } = lost
    const draft = lost.draft ?? (await this.#parts.load(record))
    const others: Change[] = record === '' ? [] : [{ key: record, value: undefined }]
    const peer = claim === undefined ? '' : claimedAt
    const kept = { peer, number: claim?.at ?? 0, ...(coordinated === '' ? {} : { coordinated }) }
    await this.#add({ ...letter, ...kept, id: draft.idText }, draft, claim, others)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve))
  }

  /** The item of a stage with `onError: 'dead-letter'`. Never rejects. */
  async buryItem(item: LostItem): Promise<void> {
    const { agent, pipeline, stage, sequence, error, attempts } = item
    const code = toRemoteShape(error).code
    const letter = { agent, code, reason: reasonOf(error), attempts }
    try {
      const draft = this.#parts.itemDraft(item)
      const id = `${pipeline}/${draft.idText}`
      await this.#add(
        { ...letter, id, peer: '', number: 0, pipeline: [pipeline, stage, sequence] },
        draft,
        undefined,
        []
      )
    } catch (cause) {
      this.#unkept(letter, cause)
    }
  }

  async #add(
    given: Omit<Parameters<LetterBox['add']>[0], 'at'>,
    draft: Draft,
    claim: Claim | undefined,
    others: readonly Change[]
  ): Promise<void> {
    const { box, clock, emit } = this.#parts
    const { id, gone } = await box.add({ ...given, at: clock.now() }, draft, claim, others)
    const { agent, code, reason: message, attempts } = given
    for (const old of gone) emit({ kind: 'dead-letter-dropped', id: old.id, agent: old.agent, reason: 'full' })
    emit({ kind: 'dead-letter', id, agent, code, message, attempts, kept: true })
  }

  /** Its record in the outbox, where it has one, is still there. */
  #unkept({ agent, code, attempts }: { agent: string; code: string; attempts: number }, cause: unknown): void {
    const message = `not kept: ${reasonOf(cause)}`
    this.#parts.emit({ kind: 'dead-letter', id: '', agent, code, message, attempts, kept: false })
  }

  // ---- for people --------------------------------------------------------------------------------------------------

  async *list({ agent }: { agent?: string | undefined } = {}): AsyncGenerator<Letter> {
    const { box } = this.#parts
    for (const lying of box.lying(agent)) {
      const letter = await box.read(lying)
      if (letter === undefined) continue
      const { head, message } = letter
      const { id, code, reason, attempts, at } = head
      const { type, source, data } = message
      const [pipeline, stage = '', sequence = 0] = head.pipeline ?? []
      const where = pipeline === undefined ? undefined : { id: pipeline, stage, sequence }
      yield { id, agent: head.agent, type, source, data, message, code, reason, attempts, at, pipeline: where }
    }
  }

  async replay(id: string): Promise<Receipt | undefined> {
    const { box } = this.#parts
    const lying = box.take(id)
    try {
      const letter = await box.read(lying)
      if (letter === undefined) throw new Error('unreachable: a letter that lies here has a record')
      const { head, message } = letter
      if (head.pipeline !== undefined) return await this.#feed(lying, head.pipeline[0], message.data)
      const draft = Draft.of(message.outgoing())
      draft.extra = { ...draft.extra, deadline: undefined }
      return await this.#resend(lying, draft, head.attempts)
    } catch (error) {
      if (this.#parts.store().version(lying.record) !== 0) box.putBack(lying)
      throw error
    } finally {
      box.letGo(lying)
    }
  }

  /** The letter of a message that its sender named so. */
  named(name: string): Promise<{ id: string; draft: Draft } | undefined> | undefined {
    const lying = this.#parts.box.named(name)
    return lying && this.#draftOf(lying)
  }

  /** Resolves when it is known what becomes of the letter of that name which somebody has taken; undefined where none was. */
  taken(name: string): Promise<void> | undefined {
    return this.#parts.box.taken(name)
  }

  async #draftOf(lying: Lying): Promise<{ id: string; draft: Draft } | undefined> {
    const letter = await this.#parts.box.read(lying)
    return letter && { id: lying.id, draft: Draft.of(letter.message.outgoing()) }
  }

  async drop(id: string): Promise<void> {
    await this.#parts.box.drop(id)
  }

  async #resend(lying: Lying, draft: Draft, attempts: number): Promise<Receipt> {
    const { box, clock, limits, store, restore, ship } = this.#parts
    const template = storedTemplate(draft.attributes, store().durable, limits)
    const consignment = restore(template, draft, clock.now())
    consignment.attempts = consignment.spared = attempts
    consignment.resent = true
    consignment.claim = consignment.storedClaim = lying.claim
    consignment.claimedAt = consignment.storedAt = lying.peer
    consignment.transmitted = lying.claim !== undefined
    consignment.coordinated = lying.coordinated
    if (template.durable) consignment.replaces = lying.record
    else await store().write([{ key: lying.record, value: undefined }])
    const receipt = ship(consignment)
    // It is under way, and known there by its name.
    box.letGo(lying)
    return receipt
  }

  /** An item that is lost once more is another letter by then. */
  async #feed({ record }: Lying, pipeline: string, item: unknown): Promise<undefined> {
    const forget = () => this.#parts.store().write([{ key: record, value: undefined }])
    try {
      await this.#parts.feed(pipeline, item)
    } catch (error) {
      const { code, details } = error as MeshError
      if (code === 'ERR_PIPELINE' && details?.['reason'] === 'dead-lettered') await forget()
      throw error
    }
    await forget()
  }
}

const GIVEN_UP: ReadonlySet<string> = new Set(['ERR_MAX_RETRIES', 'ERR_COORDINATION_TIMEOUT', 'ERR_TTL'])

/** What ended it, and what the last attempt failed of, where that is not the same. Never throws, whatever was thrown. */
function reasonOf(error: unknown): string {
  const { code, message } = toRemoteShape(error)
  const cause = GIVEN_UP.has(code) ? (error as MeshError).cause : undefined
  return cause === undefined ? message : `${message}, the last: ${toRemoteShape(cause).message}`
}
