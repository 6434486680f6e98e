import { newId } from './id.ts'
import type { Message } from './message.ts'
import { characteristicsOf } from './taxonomy.ts'
import { attributesOf, validateMessage } from './validate.ts'

/** The specification's plain message between agents. */
export const DEFAULT_TYPE = 'phoenix.agent.message.send'
/** Who sends a message made outside any agent: nobody in particular. Unique with its id, as CloudEvents demands. */
export const DEFAULT_SOURCE = 'urn:phoenix:anonymous'

/** Every attribute but the data; what is left out is filled in. */
export type MessageAttributes = Partial<Omit<Message, 'data' | 'specversion' | 'guarantee'>> & {
  /** `mode` is the type's by default. */
  guarantee?: Partial<NonNullable<Message['guarantee']>>
}

/**
 * A message about to be sent: id (sortable by time) and time are filled in, and so is what its type asks of the mesh
 * (`characteristicsOf`): `guarantee.mode`, `guarantee.ordering`, `routing.priority`, `qos.consistency`. What the caller
 * gives always wins.
 *
 * Throws `ERR_INVALID_MESSAGE` naming the attribute that breaks a rule of CloudEvents.
 *
 * @param attributes `type` defaults to `'phoenix.agent.message.send'`, `source` to `'urn:phoenix:anonymous'`
 * @param now wall-clock ms, for the id and the time. Default: the system's clock
 * @example
 * const message = createMessage({ celsius: 21 }, { source: '/agents/thermometer', type: 'com.example.reading', subject: 'attic' })
 */
export function createMessage<T>(data: T, attributes: MessageAttributes = {}, now: number = Date.now()): Message<T> {
  const { type = DEFAULT_TYPE, source = DEFAULT_SOURCE } = attributes
  const { id = newId(now), time = new Date(now).toISOString() } = attributes
  const { delivery, ordering, priority, consistency } = characteristicsOf(type)
  const message = attributesOf({
    ...attributes,
    specversion: '1.0',
    id,
    source,
    type,
    time,
    data,
    guarantee: { mode: delivery, ordering, ...given(attributes.guarantee) },
    routing: { priority, ...given(attributes.routing) },
    qos: { consistency, ...given(attributes.qos) }
  })
  return validateMessage(message) as Message<T>
}

function given<T extends object>(members: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(members ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>
}
