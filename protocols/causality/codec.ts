import { Cursor, MAX_VARINT, writeVarint } from '../envelope/varint.ts'
import { MeshError } from '../errors.ts'
import { MAX_CHANGES, MAX_NUMBERS, Way } from './constants.ts'
import { readDependency, readName, writeDependency, writeName } from './dependency.ts'
import type { Dependency, Fill, Missing, Statement } from './messages.ts'

export function encodeStatements(statements: readonly Statement[]): Uint8Array {
  const bound = statements.reduce((size, { producer }) => size + 3 * MAX_VARINT + 3 * producer.length, 0)
  const out = Buffer.allocUnsafe(bound)
  let at = 0
  for (const { producer, epoch, number } of statements) {
    at = writeName(out, at, producer)
    at = writeVarint(out, writeVarint(out, at, epoch), number)
  }
  return out.subarray(0, at)
}

export function decodeStatements(body: Uint8Array): Statement[] {
  const cursor = new Cursor().open(body)
  const statements: Statement[] = []
  while (cursor.position < body.length) {
    if (statements.length >= MAX_NUMBERS) throw new MeshError('ERR_MALFORMED', 'too many statements')
    const producer = readName(cursor)
    statements.push({ producer, epoch: cursor.varint(), number: cursor.varint() })
  }
  return statements
}

export function encodeMissing({ epoch, way, passed, number }: Missing): Uint8Array {
  return encodeNumbers([epoch, way, passed, number])
}

export function decodeMissing(body: Uint8Array): Missing {
  const cursor = new Cursor().open(body)
  return { epoch: cursor.varint(), way: readWay(cursor), passed: cursor.varint(), number: cursor.varint() }
}

export function encodeComing(epoch: number, way: Way): Uint8Array {
  return encodeNumbers([epoch, way])
}

export function decodeComing(body: Uint8Array): { epoch: number; way: Way } {
  const cursor = new Cursor().open(body)
  return { epoch: cursor.varint(), way: readWay(cursor) }
}

function encodeNumbers(numbers: readonly number[]): Uint8Array {
  const out = Buffer.allocUnsafe(numbers.length * MAX_VARINT)
  let at = 0
  for (const number of numbers) at = writeVarint(out, at, number)
  return out.subarray(0, at)
}

function readWay(cursor: Cursor): Way {
  const way = cursor.varint()
  if (way > Way.wide) throw new MeshError('ERR_MALFORMED', `no way ${way}`)
  return way as Way
}

export function encodeFill({ epoch, way, previous, number, dependencies }: Fill): Uint8Array {
  const names = dependencies.reduce(
    (size, { destination, producer }) => size + 5 * MAX_VARINT + 3 * (destination.length + producer.length),
    0
  )
  const out = Buffer.allocUnsafe(4 * MAX_VARINT + names)
  let at = writeVarint(out, writeVarint(out, 0, epoch), way)
  at = writeVarint(out, at, previous)
  at = writeVarint(out, at, number - previous)
  for (const dependency of dependencies) at = writeDependency(out, at, dependency)
  return out.subarray(0, at)
}

export function decodeFill(body: Uint8Array): Fill {
  const cursor = new Cursor().open(body)
  const epoch = cursor.varint()
  const way = readWay(cursor)
  const previous = cursor.varint()
  const number = previous + cursor.varint()
  const dependencies: Dependency[] = []
  while (cursor.position < body.length) {
    if (dependencies.length >= MAX_CHANGES) throw new MeshError('ERR_MALFORMED', 'too many dependencies')
    dependencies.push(readDependency(cursor))
  }
  return { epoch, way, previous, number, dependencies }
}
