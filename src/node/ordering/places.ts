import { MeshError } from '../../../protocols/errors.ts'
import type { Template } from '../../agent/templates.ts'
import type { Draft } from '../../runtime/delivery/composer.ts'
import { lineOf, messageSequence } from '../../runtime/ordering/sequences.ts'
import type { OrderingGroups } from '../../runtime/ordering/types.ts'

/** A message that is to have a place in total order. */
interface Candidate {
  readonly template: Template
  readonly draft: Draft
  /** How often a place of it came too late. */
  readonly voids: number
}

/** Sequences of which it is remembered how far they are. A guess. */
const REMEMBERED = 16_384

/**
 * The places in total order of what this node sends: a group numbers them, each message once, whoever asks how often. What a
 * receiver has acknowledged tells the next one that all before it have met their end.
 */
export class Places {
  readonly #groups: OrderingGroups
  readonly #nonce: () => string
  /** The highest number that was acknowledged, by what its receiver holds back together. */
  readonly #settled = new Map<string, number>()

  /** The last question of each sequence that is asked in turn. */
  readonly #turns = new Map<string, Promise<unknown>>()

  /** `nonce`: a text that is used once. */
  constructor(groups: OrderingGroups, nonce: () => string) {
    this.#groups = groups
    this.#nonce = nonce
  }

  /** Gives the message its place. `ERR_NO_QUORUM`, `ERR_NO_CONSENSUS`, whatever else `propose` rejects with. */
  async take({ template, draft, voids }: Candidate): Promise<void> {
    const { attributes } = draft
    const { extra = {} } = draft
    // A second life of the message asks for the same.
    const id = `${attributes.source}\n${draft.idText}${voids === 0 ? '' : `\n${voids}`}`
    const sequence = await this.#next(template.group!, messageSequence(attributes, extra), id, template.timeout)
    draft.extra = { ...extra, sequence }
  }

  /** The place of what goes to all members of a name: in the order of the calls. */
  forAll({ group, attributes }: Template, id: string | undefined, key: string, timeout: number): Promise<number> {
    const sequence = messageSequence(attributes, { key, series: 'all' })
    const unique = id === undefined ? this.#nonce() : `${attributes.source}\n${id}`
    const line = `${group}\n${sequence}`
    const before = this.#turns.get(line)
    const place = Promise.resolve(before).then(() => this.#next(group!, sequence, unique, timeout))
    const turn: Promise<void> = place.then(over, over)
    this.#turns.set(line, turn)
    void turn.then(() => {
      if (this.#turns.get(line) === turn) this.#turns.delete(line)
    })
    return place
  }

  /** A number of the sequence, the same for the same id. */
  async #next(group: string, sequence: string, id: string, timeout: number): Promise<number> {
    const client = this.#groups.find(group)
    if (client === undefined) throw new MeshError('ERR_NO_CONSENSUS', `the group ${group} is not open on this node`)
    const { value } = await client.propose('sequences', { next: sequence, id, data: undefined }, { timeout })
    return typeof value === 'number' ? value : (value as { again: number }).again
  }

  /** Its place came too late. Whether it can have another: what goes to all has one for all of them. */
  voided(draft: Draft): boolean {
    const { extra } = draft
    if (extra?.series === 'all') return false
    draft.extra = { ...extra, sequence: undefined, settled: undefined }
    return true
  }

  /** Before each transmission: says how far its sequence is known to be. */
  tell(draft: Draft): void {
    const { extra, attributes } = draft
    if (extra?.sequence === undefined) return
    const known = this.#settled.get(lineOf(attributes, extra))
    if (known !== undefined) draft.extra = { ...extra, settled: Math.min(known, extra.sequence - 1) }
  }

  /** It was acknowledged. */
  acknowledged({ attributes, extra }: Draft): void {
    if (extra?.sequence === undefined) return
    const line = lineOf(attributes, extra)
    const known = this.#settled.get(line) ?? 0
    this.#settled.delete(line)
    if (this.#settled.size >= REMEMBERED) this.#settled.delete(this.#settled.keys().next().value!)
    this.#settled.set(line, Math.max(known, extra.sequence))
  }
}

function over(): void {}
