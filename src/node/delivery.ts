import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import { sourceOf } from '../agent/source.ts'
import { storedTemplate, type Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import type { Store } from '../runtime/storage/types.ts'
import { AtLeastOnce } from './at-least-once.ts'
import { AtMostOnce } from './at-most-once.ts'
import type { Limits } from './config.ts'
import type { Consignment } from './consignment.ts'
import { DeadLetterOffice } from './dead-letters.ts'
import { Dispatcher } from './dispatcher.ts'
import type { NodeEventBody } from './events.ts'
import { LetterBox } from './letter-box.ts'
import { contentOf, NamedSends } from './named-sends.ts'
import { Numbers } from './numbers.ts'
import type { DeadLetter as LostItem } from './pipeline-port.ts'
import type { SendingParts, SendParticulars } from './sending.ts'
import { SentIds } from './sent-ids.ts'
import { Shelf } from './shelf.ts'
import { bounded } from './waiting.ts'

export interface DeliveryParts extends SendingParts {
  random: () => number
  limits: Limits
  /** The node's store, from its start on. */
  store: () => Store
  emit: (event: NodeEventBody) => void
  /** Feeds a pipeline. */
  feed: (pipeline: string, item: unknown) => Promise<unknown>
}

/** At-most-once messages under way between agents of one node: as many as fill the queue of a link, taken as 256 bytes each. */
const LOCAL_MESSAGES = 32_768

/** The sending side of the three guarantees: which path a message takes, and what of it outlives the process. */
export class Delivery {
  readonly letters: DeadLetterOffice
  readonly #parts: DeliveryParts
  readonly #atMostOnce: AtMostOnce
  readonly #atLeastOnce: AtLeastOnce
  readonly #dispatcher: Dispatcher
  readonly #numbers: Numbers
  readonly #shelf: Shelf
  readonly #box: LetterBox
  readonly #ids: SentIds
  readonly #names: NamedSends

  constructor(parts: DeliveryParts) {
    const { store, clock, emit, limits, feed } = parts
    this.#parts = parts
    this.#numbers = new Numbers(store)
    this.#shelf = new Shelf(store)
    this.#box = new LetterBox(store, this.#numbers, limits.deadLetters)
    this.letters = new DeadLetterOffice({
      ...{ box: this.#box, clock, store, emit, limits, feed },
      load: (record) => this.#shelf.load(record),
      restore: (template, draft, accepted) => this.#dispatcher.restore(template, draft, accepted),
      ship: (consignment) => this.#dispatcher.ship(consignment),
      itemDraft: (item) => this.#itemDraft(item)
    })
    this.#atMostOnce = new AtMostOnce(parts, limits.atMostOnceTimeout, LOCAL_MESSAGES)
    this.#atLeastOnce = new AtLeastOnce(parts, parts.random, (lost, code, error) =>
      this.letters.bury(lost, code, error)
    )
    this.#ids = new SentIds({ store, clock, emit, limits })
    this.#names = new NamedSends({
      ...{ ids: this.#ids, clock, transportTo: parts.transportTo },
      ship: (consignment) => this.#dispatcher.ship(consignment),
      letter: (name) => this.letters.named(name),
      taken: (name) => this.letters.taken(name),
      content: (draft) => {
        parts.composer.translate(draft, parts.composer.preferred)
        return contentOf(draft)
      },
      replay: (id) => this.letters.replay(id)
    })
    this.#dispatcher = new Dispatcher({
      ...parts,
      ...{ numbers: this.#numbers, shelf: this.#shelf, names: this.#names },
      bury: (lost, code, error) => this.letters.bury(lost, code, error)
    })
  }

  /** Takes up what a former life left: letters first, whose numbers are in use. `ERR_STORAGE`. */
  async load(): Promise<void> {
    await this.#numbers.load(this.#parts.clock)
    await this.#box.load(this.#unreadable)
    await this.#ids.load(this.#unreadable)
    const templates = new Map<AttributeSet, Template>()
    const consignments: Consignment[] = []
    for await (const { record, message, accepted, attempts, spared, peer, number, content } of this.#shelf.recover(
      this.#unreadable
    )) {
      const { attributes } = message
      let template = templates.get(attributes)
      if (template === undefined)
        templates.set(attributes, (template = storedTemplate(attributes, true, this.#parts.limits)))
      const consignment = this.#dispatcher.restore(template, Draft.of(message.outgoing()), accepted, number > 0)
      consignment.record = record
      if (consignment.name !== undefined) consignment.content = content
      consignment.attempts = attempts
      // What was under way when that life ended has not failed.
      consignment.spared = Math.min(attempts, spared + 1)
      if (peer !== undefined && number > 0) {
        consignment.claim = consignment.storedClaim = this.#numbers.for(peer).restore(number)
        consignment.claimedAt = consignment.storedAt = peer
        consignment.transmitted = true
      }
      consignments.push(consignment)
    }
    this.#dispatcher.resume(consignments)
  }

  /** Resolves when the message was handed to its link and the link takes more. */
  post(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    return this.#atMostOnce.post(template, data, particulars)
  }

  /** Resolves when the receiver's handler has returned, or as the template's guarantee says. */
  ship(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    const plain =
      template.plain && (particulars === undefined || (particulars.key === undefined && particulars.id === undefined))
    if (plain) return this.#atLeastOnce.ship(template, data, particulars)
    const consignment = this.#dispatcher.compose(template, data, particulars)
    const named = consignment.name !== undefined
    const receipt = named ? this.#names.send(consignment) : this.#dispatcher.ship(consignment)
    return bounded(receipt, this.#parts.clock, particulars)
  }

  /** An agent of that name is there now. */
  wake(agent: string): void {
    this.#dispatcher.wake(agent)
  }

  async drained(): Promise<void> {
    await Promise.all([this.#atLeastOnce.drained(), this.#dispatcher.drained()])
  }

  stop(): void {
    this.#dispatcher.stop()
    this.#atLeastOnce.stop()
  }

  readonly #unreadable = (record: string, error: unknown): void => {
    const { code, message } = error as { code?: string; message: string }
    this.#parts.emit({ kind: 'record-unreadable', record, code: code ?? 'ERR_CORRUPT', message })
  }

  #itemDraft({ pipeline, stage, agent, item }: LostItem): Draft {
    const { composer, self } = this.#parts
    const source = sourceOf(self, `pipeline/${pipeline}`)
    const routing = { pattern: 'pipeline', target: agent, pipeline } as const
    const draft = new Draft({ source, type: stage, routing, lineage: composer.lineage })
    composer.stamp(draft, draft.attributes)
    composer.encode(draft, item, composer.preferred)
    return draft
  }
}
