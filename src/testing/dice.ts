import type { Dice } from '../runtime/ports.ts'

/**
 * Reproducible dice: sfc32 (Chris Doty-Humphrey, PractRand), which passes BigCrush and needs nothing but 32-bit integers,
 * so that every machine throws the same numbers. Never for keys.
 *
 * The seed is a text, so that streams can be told apart by name: `'42/node-3/life-2'`.
 */
export function seededDice(seed: string): Dice {
  const random = sfc32(seed)
  return {
    random,
    bytes(length) {
      const bytes = new Uint8Array(length)
      for (let i = 0; i < length; i++) bytes[i] = random() * 256
      return bytes
    }
  }
}

function sfc32(seed: string): () => number {
  let a = fnv1a(seed, 0x811c9dc5)
  let b = fnv1a(seed, 0x9e3779b9)
  let c = fnv1a(seed, 0x243f6a88)
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let i = 0; i < 15; i++) next()
  return () => next() / 2 ** 32
}

function fnv1a(text: string, basis: number): number {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
