import { MeshError } from '../errors.ts'
import { isLineage, type Lineage } from './id.ts'
import type { DeliveryGuarantee, Message, QosRequirements, RoutingMetadata, SecurityContext } from './message.ts'
import { pack, unpack } from './messagepack.ts'
import { checkAttributes } from './validate.ts'

/**
 * What the messages of one conversation have in common: everything of an envelope but id, time, trace and data. A
 * stream defines a set once, in a slot of its table, and names it by the slot's number from then on, as HPACK
 * (RFC 7541 §2.3.2) does for single headers.
 *
 * A set is compared by identity: whoever sends keeps the object, whoever receives gets one frozen object a definition.
 */
export interface AttributeSet {
  readonly source: string
  readonly type: string
  readonly subject?: string | undefined
  readonly datacontenttype?: string | undefined
  readonly dataschema?: string | undefined
  readonly guarantee?: DeliveryGuarantee | undefined
  readonly routing?: RoutingMetadata | undefined
  readonly security?: SecurityContext | undefined
  readonly qos?: QosRequirements | undefined
  readonly extensions?: Message['extensions']
  /** Whose ids travel compact under this set. */
  readonly lineage?: Lineage | undefined
}

/** Slots of one stream's table, in each direction. A guess: an agent host talks in tens of conversations a peer. */
export const MAX_SLOTS = 256
/** Bytes of one definition. Larger sets travel with each message instead. */
export const MAX_INTERNED_BYTES = 2048
/** Bytes of any set. */
export const MAX_SET_BYTES = 16_384

const TEXTS = ['source', 'type', 'subject', 'datacontenttype', 'dataschema', 'lineage'] as const
const OBJECTS = ['guarantee', 'routing', 'security', 'qos', 'extensions'] as const

export function encodeAttributes(set: AttributeSet): Uint8Array {
  const compact: Record<string, unknown> = {}
  for (const key of TEXTS) if (set[key] !== undefined) compact[key] = set[key]
  for (const key of OBJECTS) {
    const value = set[key]
    if (value !== undefined) compact[key] = Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined))
  }
  const bytes = pack(compact)
  if (bytes.length > MAX_SET_BYTES) {
    throw new MeshError(
      'ERR_MESSAGE_TOO_LARGE',
      `the attributes take ${bytes.length} bytes, at most ${MAX_SET_BYTES} fit`
    )
  }
  return bytes
}

/** Throws `ERR_MALFORMED` on anything that is no attribute set. */
export function decodeAttributes(bytes: Uint8Array): AttributeSet {
  const set = unpackMap(bytes)
  for (const key of TEXTS) if (set[key] !== undefined && typeof set[key] !== 'string') throw malformed(key)
  for (const key of OBJECTS) if (set[key] !== undefined && !isRecord(set[key])) throw malformed(key)
  if (!set['source'] || !set['type']) throw malformed('source or type')
  if (set['lineage'] !== undefined && !isLineage(set['lineage'] as string)) throw malformed('lineage')
  checkReceived(set)
  return Object.freeze(set) as unknown as AttributeSet
}

/** The rules of `validate.ts` for what came from a peer. Throws `ERR_MALFORMED`. */
export function checkReceived(attributes: Record<string, unknown>): void {
  try {
    checkAttributes(attributes)
  } catch (cause) {
    throw new MeshError('ERR_MALFORMED', (cause as Error).message, { cause })
  }
}

export function packMap(map: Record<string, unknown>): Uint8Array {
  return pack(map)
}

/** A MessagePack map as a plain object; `ERR_MALFORMED` for anything else. */
export function unpackMap(bytes: Uint8Array): Record<string, unknown> {
  const value = unpack(bytes)
  if (!isRecord(value)) throw new MeshError('ERR_MALFORMED', 'a header block is no map')
  return value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function malformed(key: string): MeshError {
  return new MeshError('ERR_MALFORMED', `an attribute set has no valid ${key}`, { details: { key } })
}
