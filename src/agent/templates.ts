import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import { definitionOf } from '../../protocols/envelope/header-encoder.ts'
import type {
  Characteristics,
  DeliveryGuarantee,
  Ordering,
  Pattern,
  Priority,
  RoutingMetadata
} from '../../protocols/envelope/message.ts'
import { characteristicsOf } from '../../protocols/envelope/taxonomy.ts'
import { validateMessage } from '../../protocols/envelope/validate.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Lane } from '../../protocols/framing/constants.ts'
import { flowOf } from '../../protocols/point-to-point/codec.ts'
import { type Guarantee, type GuaranteeDefaults, guaranteeOf, storedGuarantee } from './guarantee.ts'
import { partsOf, wrong } from './options.ts'
import type { GuaranteeOptions, MessageOptions, SendOptions, Target } from './types.ts'

/** What order a message has, and which group gives it where that is total. */
export interface Order {
  readonly ordering: Ordering
  readonly group: string | undefined
}

/** What the messages of one sender to one target have in common, worked out once. */
export interface Template extends Guarantee {
  readonly attributes: AttributeSet
  readonly name: string
  /** Whom its messages are for, unless one of them says more. */
  readonly destination: string
  /** What its receiver may pause. */
  readonly flow: string
  readonly peer: string | undefined
  readonly instance: string | undefined
  readonly lane: Lane
  readonly ordering: Ordering
  /** Who gives the total order; undefined where there is none. */
  readonly group: string | undefined
  /** Acknowledged and nothing more: what most acknowledged messages are. */
  readonly plain: boolean
}

/** The specification's plain message between agents. */
export const DEFAULT_TYPE = 'phoenix.agent.message.send'
/** Templates kept for each target, and targets: an agent that varies more than that builds one for each message. */
const KEPT = 32
const KEPT_NAMES = 16_384

interface Entry {
  options: SendOptions
  template: Template
}

/** The name of the group that gives a total order: the one given, else the default one, if any. Throws `ERR_CONFIG`. */
export type GroupFor = (group: MessageOptions['group']) => string | undefined

const NO_GROUP: GroupFor = () => undefined

/** The templates of one agent. A look-up compares the options' members, so that a literal at each call costs little. */
export class Templates {
  readonly #source: string
  readonly #lineage: string
  readonly #pattern: Pattern
  readonly #defaults: GuaranteeDefaults
  readonly #routing: RoutingMetadata
  readonly #groupFor: GroupFor
  readonly #byName = new Map<string, Entry[]>()
  /** Of targets that name a host or an instance, by all that they name. */
  readonly #byPlace = new Map<string, Entry[]>()

  constructor(
    source: string,
    lineage: string,
    pattern: Pattern,
    defaults: GuaranteeDefaults,
    routing: RoutingMetadata = {},
    groupFor: GroupFor = NO_GROUP
  ) {
    this.#source = source
    this.#lineage = lineage
    this.#pattern = pattern
    this.#defaults = defaults
    this.#routing = routing
    this.#groupFor = groupFor
  }

  for(target: Target, options: SendOptions): Template {
    if (typeof target === 'string') return this.#known(this.#byName, target, target, options)
    const { name, peer, instance } = partsOf(target)
    if (peer === undefined && instance === undefined) return this.#known(this.#byName, name, name, options)
    const key = JSON.stringify([name, peer, instance])
    return this.#known(this.#byPlace, key, { name, peer, instance }, options)
  }

  #known(table: Map<string, Entry[]>, key: string, target: Target, options: SendOptions): Template {
    const entries = table.get(key)
    if (entries !== undefined) {
      for (const { options: known, template } of entries) if (same(known, options)) return template
    }
    const template = this.#build(target, options)
    keep(table, key, entries, { options: kept(options), template })
    return template
  }

  /** Only messages have an order: a request is followed by its reply. */
  #orderingOf(options: SendOptions, implied: Readonly<Characteristics>): Order {
    if (this.#pattern === 'point-to-point') return orderingOf(options, implied, this.#groupFor)
    const { ordering = 'none', group } = options
    if (ordering === 'causal' || ordering === 'total')
      throw new MeshError('ERR_UNSUPPORTED', `${ordering} order is of messages and publications, not of requests`)
    return orderingOf({ ordering, group }, implied, NO_GROUP)
  }

  #build(target: Target, options: SendOptions): Template {
    const { name, peer, instance } = partsOf(target)
    const type = options.type ?? DEFAULT_TYPE
    const implied = characteristicsOf(type)
    // A request is sent again by whoever asks: its type may imply what a message's type does.
    const asked = this.#pattern !== 'point-to-point' && implied.delivery === 'exactly-once'
    const said = guaranteeOf(options, asked ? 'at-least-once' : implied.delivery, this.#defaults)
    const order = this.#orderingOf({ ...options, delivery: said.delivery }, implied)
    const { ordering, group } = order
    const guarantee = ordering === 'total' ? orderedGuarantee(said, options) : said
    const { delivery, timeout, policy, acknowledged } = guarantee
    const priority = options.priority ?? implied.priority
    const { subject, datacontenttype, dataschema } = options
    const attributes: AttributeSet = {
      source: this.#source,
      type,
      subject,
      datacontenttype,
      dataschema,
      guarantee: delivery === 'at-most-once' ? { mode: delivery, ordering } : saidOf(guarantee, order),
      routing: {
        ...this.#routing,
        pattern: this.#pattern,
        target: name,
        priority,
        ...(peer && { peer }),
        ...(instance && { instance })
      },
      qos: { consistency: options.consistency ?? implied.consistency },
      lineage: this.#lineage
    }
    checkAttributes(attributes)
    const lane = laneOf(priority)
    const flow = flowOf(name, type)
    const plain = delivery === 'at-least-once' && acknowledged && !guarantee.numbered
    const { numbered, durable } = guarantee
    return {
      ...{ attributes, name, destination: destinationOf(name), flow, peer, instance, lane, ordering, group, plain },
      ...{ delivery, timeout, policy, acknowledged, numbered, durable }
    }
  }
}

export function destinationOf(agent: string, peer = '', instance = ''): string {
  return `${agent}\0${peer}\0${instance}`
}

function keep(table: Map<string, Entry[]>, key: string, entries: Entry[] | undefined, entry: Entry): void {
  if (entries === undefined) {
    if (table.size >= KEPT_NAMES) table.delete(table.keys().next().value!)
    table.set(key, [entry])
  } else {
    if (entries.length >= KEPT) entries.shift()
    entries.push(entry)
  }
}

/** The template of a message that was stored; `durable`: it still is, on disk. */
export function storedTemplate(attributes: AttributeSet, durable: boolean, defaults: GuaranteeDefaults): Template {
  const { routing, type } = attributes
  const name = routing?.target ?? ''
  return {
    ...storedGuarantee(attributes.guarantee, durable, defaults),
    attributes,
    name,
    destination: destinationOf(name),
    flow: flowOf(name, type),
    peer: routing?.peer,
    instance: routing?.instance,
    lane: laneOf(routing?.priority ?? 'normal'),
    ordering: attributes.guarantee?.ordering ?? 'none',
    group: attributes.guarantee?.group,
    plain: false
  }
}

/** Where a copy is taken for another message it is out of order: what is ordered is numbered. Throws `ERR_CONFIG`. */
function orderedGuarantee(guarantee: Guarantee, options: SendOptions): Guarantee {
  const detected = options.duplicateDetection ?? options.guarantee?.duplicateDetection ?? true
  if (!guarantee.acknowledged || !detected) {
    const key = guarantee.acknowledged ? 'duplicateDetection' : 'acknowledgmentRequired'
    throw wrong(key, `true with ordering 'total': what comes next waits for it`)
  }
  return { ...guarantee, numbered: true }
}

function saidOf(guarantee: Guarantee, { ordering, group }: Order): DeliveryGuarantee {
  const { delivery: mode, timeout, policy, acknowledged, numbered } = guarantee
  const { strategy: retryStrategy, maxRetries } = policy
  const order = group === undefined ? { ordering } : { ordering, group }
  const all = { mode, ...order, timeout, retryStrategy, maxRetries, acknowledgmentRequired: acknowledged }
  return numbered ? { ...all, duplicateDetection: true } : all
}

/**
 * What was asked for, else what the type implies. Priority and order contradict each other: who asks for another priority
 * than the type's wants to overtake, or be overtaken, and loses the order that the type alone implies. So does who sends at
 * most once what the type would have in total order, and who has no group that could give it.
 * Throws `ERR_NO_CONSENSUS` where total order is asked for and no group is there, `ERR_CONFIG`.
 */
export function orderingOf(
  { ordering, priority, group, delivery }: Pick<SendOptions, 'ordering' | 'priority' | 'group' | 'delivery'>,
  implied: Readonly<Characteristics>,
  groupFor: GroupFor
): Order {
  const asked = ordering ?? implied.ordering
  if (asked !== 'none' && asked !== 'causal' && asked !== 'total') {
    throw wrong('ordering', `'none', 'causal' or 'total'`)
  }
  if (group !== undefined && asked !== 'total') throw wrong('group', `left out unless ordering is 'total'`)
  const usual = priority === undefined || priority === implied.priority
  if (ordering === undefined && !usual && group === undefined) return NO_ORDER
  if (asked !== 'total') return { ordering: asked, group: undefined }
  const name = groupFor(group)
  const forced = ordering === 'total' || group !== undefined
  if (forced && delivery === 'at-most-once') {
    throw wrong('delivery', `another than at-most-once with ordering 'total': what is lost leaves a gap`)
  }
  if (forced && name === undefined) {
    throw new MeshError('ERR_NO_CONSENSUS', 'total order needs a group: name one, or configure controlPlane')
  }
  return name === undefined || delivery === 'at-most-once' ? NO_ORDER : { ordering: 'total', group: name }
}

const NO_ORDER: Order = { ordering: 'none', group: undefined }

export function laneOf(priority: Priority): Lane {
  if (priority === 'high' || priority === 'critical') return 'control'
  return priority === 'low' ? 'bulk' : 'normal'
}

/**
 * The rules of CloudEvents and of the wire, checked once for all messages that share these attributes, wherever they go.
 * Throws `ERR_INVALID_MESSAGE`, `ERR_MESSAGE_TOO_LARGE`, `ERR_UNREPRESENTABLE`.
 */
export function checkAttributes(set: AttributeSet): void {
  const { lineage: _, ...attributes } = set
  validateMessage({ ...attributes, specversion: '1.0', id: '-', time: '1970-01-01T00:00:00.000Z', data: undefined })
  definitionOf(set)
}

/** A copy, which the caller does not change. */
function kept(options: SendOptions): SendOptions {
  const { guarantee } = options
  return guarantee === undefined ? { ...options } : { ...options, guarantee: { ...guarantee } }
}

function same(a: SendOptions, b: SendOptions): boolean {
  return (
    a.type === b.type &&
    a.delivery === b.delivery &&
    a.priority === b.priority &&
    a.subject === b.subject &&
    a.ordering === b.ordering &&
    a.group === b.group &&
    a.consistency === b.consistency &&
    a.maxRetries === b.maxRetries &&
    a.retryStrategy === b.retryStrategy &&
    a.datacontenttype === b.datacontenttype &&
    a.dataschema === b.dataschema &&
    a.durable === b.durable &&
    a.acknowledgmentRequired === b.acknowledgmentRequired &&
    a.duplicateDetection === b.duplicateDetection &&
    (a.guarantee === b.guarantee || sameGuarantee(a.guarantee, b.guarantee))
  )
}

function sameGuarantee(a: GuaranteeOptions | undefined, b: GuaranteeOptions | undefined): boolean {
  if (a === undefined || b === undefined || b === null) return false
  const names = Object.keys(b) as (keyof GuaranteeOptions)[]
  return names.length === Object.keys(a).length && names.every((name) => a[name] === b[name])
}
