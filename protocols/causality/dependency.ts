import { type Cursor, MAX_VARINT, writeVarint } from '../envelope/varint.ts'
import { MeshError } from '../errors.ts'
import { DestinationKind, MAX_NAME_BYTES } from './constants.ts'
import type { Dependency, HeardDependency } from './messages.ts'

export class Heard implements HeardDependency {
  role = 0
  entry: unknown
  source: unknown
  readonly kind: DestinationKind
  readonly destination: string
  readonly producer: string
  readonly epoch: number
  number: number

  constructor(kind: DestinationKind, destination: string, producer: string, epoch: number, number: number) {
    this.kind = kind
    this.destination = destination
    this.producer = producer
    this.epoch = epoch
    this.number = number
  }
}

/** Bytes of a change that spells it out, at most. */
export function boundOf({ destination, producer }: Dependency): number {
  return 6 * MAX_VARINT + 3 * (destination.length + producer.length)
}

/** Spelled out: kind, destination, producer, epoch, number. */
export function writeDependency(out: Buffer, start: number, dependency: Dependency): number {
  let at = writeVarint(out, start, dependency.kind)
  at = writeName(out, at, dependency.destination)
  at = writeName(out, at, dependency.producer)
  at = writeVarint(out, at, dependency.epoch)
  return writeVarint(out, at, dependency.number)
}

export function readDependency(cursor: Cursor): Heard {
  const kind = cursor.varint()
  if (kind > DestinationKind.wideBoth) throw new MeshError('ERR_MALFORMED', `a destination of kind ${kind}`)
  const destination = readName(cursor)
  const producer = readName(cursor)
  return new Heard(kind as DestinationKind, destination, producer, cursor.varint(), cursor.varint())
}

export function writeName(out: Buffer, start: number, name: string): number {
  const length = Buffer.byteLength(name)
  const at = writeVarint(out, start, length)
  return at + out.write(name, at, length, 'utf8')
}

export function readName(cursor: Cursor): string {
  const length = cursor.varint()
  if (length === 0 || length > MAX_NAME_BYTES) throw new MeshError('ERR_MALFORMED', `a name of ${length} bytes`)
  return Buffer.from(cursor.take(length)).toString('utf8')
}
