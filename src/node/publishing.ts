import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import type { Message, TraceContext } from '../../protocols/envelope/message.ts'
import { encodeStandalone, StandaloneDecoder } from '../../protocols/envelope/standalone.ts'
import { characteristicsOf } from '../../protocols/envelope/taxonomy.ts'
import { wrong } from '../agent/options.ts'
import { checkAttributes, type GroupFor, orderingOf } from '../agent/templates.ts'
import type { MessageOptions } from '../agent/types.ts'
import { validateTopic } from '../core/pubsub/topic.ts'
import { type Composer, Draft, PublishedMessage } from '../runtime/delivery/composer.ts'
import type { MessageCodec } from '../runtime/pubsub/types.ts'

/** The specification's type of a published event. */
const DEFAULT_TYPE = 'phoenix.agent.event.publish'
/** Attribute sets kept: an agent that publishes to more topics builds one for each message. */
const KEPT = 4096

/** Messages as they cross in batches of publish-subscribe. */
export function publicationCodec(): MessageCodec {
  const decoder = new StandaloneDecoder()
  return {
    encode: (message) => encodeStandalone((message as PublishedMessage).draft),
    decode: (bytes) => {
      const message = decoder.decode(bytes)
      void message.data
      return message
    }
  }
}

/** A publication with its number in total order. What is no message stays what it is: whoever decodes it will count it. */
export function numberPublication(bytes: Uint8Array, sequence: number): Uint8Array {
  try {
    const draft = Draft.of(ORDERED.decode(bytes).outgoing())
    draft.extra = { ...draft.extra, sequence }
    return encodeStandalone(draft)
  } catch {
    return bytes.slice()
  }
}

const ORDERED = new StandaloneDecoder()

/** Makes the messages that agents publish. */
export class Publications {
  readonly #composer: Composer
  readonly #groupFor: GroupFor
  readonly #sets = new Map<string, AttributeSet>()

  constructor(composer: Composer, groupFor: GroupFor) {
    this.#composer = composer
    this.#groupFor = groupFor
  }

  message(
    source: string,
    topic: string,
    data: unknown,
    options: MessageOptions & { key?: string | undefined },
    parent: TraceContext | undefined,
    now: number
  ): Message {
    const draft = new Draft(this.#attributes(source, topic, options))
    const { id, ttl, key } = options
    if (key !== undefined && draft.attributes.guarantee?.ordering !== 'total') {
      throw wrong('key', `left out unless ordering is 'total'`)
    }
    const deadline = ttl === undefined ? undefined : now + ttl
    const extra = deadline === undefined && key === undefined ? undefined : { deadline, key }
    this.#composer.stamp(draft, draft.attributes, { id, parent, extra })
    this.#composer.encode(draft, data, this.#composer.preferred)
    return new PublishedMessage(draft)
  }

  #attributes(source: string, topic: string, options: MessageOptions): AttributeSet {
    const { type = DEFAULT_TYPE, subject = topic, datacontenttype, dataschema } = options
    const implied = characteristicsOf(type)
    const { ordering, group } = orderingOf(options, implied, this.#groupFor)
    const priority = options.priority ?? implied.priority
    const consistency = options.consistency ?? implied.consistency
    const key = `${source}\n${topic}\n${type}\n${subject}\n${priority}\n${consistency}\n${ordering}\n${group}\n${datacontenttype}\n${dataschema}`
    let set = this.#sets.get(key)
    if (set === undefined) {
      set = {
        source,
        type,
        subject,
        datacontenttype,
        dataschema,
        guarantee: group === undefined ? { mode: 'at-most-once', ordering } : { mode: 'at-most-once', ordering, group },
        routing: { pattern: 'publish-subscribe', topic, priority },
        qos: { consistency },
        lineage: this.#composer.lineage
      }
      validateTopic(topic)
      checkAttributes(set)
      if (this.#sets.size >= KEPT) this.#sets.delete(this.#sets.keys().next().value!)
      this.#sets.set(key, set)
    }
    return set
  }
}
