import assert from 'node:assert/strict'
import fc from 'fast-check'
import { HEADER_BYTES } from '../../../src/runtime/storage/record.ts'
import type { Change } from '../../../src/runtime/storage/types.ts'
import { isEqual, Lives, show } from './lives.ts'

type Step =
  | { do: 'write'; changes: readonly (readonly [key: number, length: number | undefined])[] }
  | { do: 'wait'; ms: number }
  | { do: 'crash' | 'restart' | 'fail' | 'recover' }

const RUNS = 250

const write = fc.record({
  do: fc.constant('write' as const),
  changes: fc.array(fc.tuple(fc.nat(7), fc.option(fc.nat(700), { nil: undefined, freq: 3 })), {
    minLength: 1,
    maxLength: 3
  })
})
const wait = fc.record({ do: fc.constant('wait' as const), ms: fc.nat(6) })
const sole = (deed: 'crash' | 'restart' | 'fail' | 'recover') => fc.record({ do: fc.constant(deed) })

const calm = fc.oneof<fc.WeightedArbitrary<Step>[]>(
  { arbitrary: write, weight: 12 },
  { arbitrary: wait, weight: 6 },
  { arbitrary: sole('crash'), weight: 1 },
  { arbitrary: sole('restart'), weight: 1 }
)
const stormy = fc.oneof<fc.WeightedArbitrary<Step>[]>(
  { arbitrary: calm, weight: 12 },
  { arbitrary: sole('fail'), weight: 1 },
  { arbitrary: sole('recover'), weight: 2 }
)

async function live(seed: number, steps: readonly Step[]): Promise<void> {
  const lives = new Lives(seed)
  await lives.open()
  let written = 0
  for (const step of steps) {
    if (step.do === 'wait') await lives.time.advance(step.ms)
    else if (step.do === 'fail') lives.faults = true
    else if (step.do === 'recover') lives.faults = false
    else if (step.do === 'write') {
      const changes = step.changes.map(([key, length]): Change => {
        const value = length === undefined ? undefined : Buffer.from(`${++written}${'.'.repeat(length)}`)
        return { key: `key/${key}`, value }
      })
      lives.write(changes).catch(() => {})
    } else {
      if (step.do === 'crash') lives.crash()
      else await lives.close()
      lives.faults = false
      await lives.open()
    }
    // A write that the disk refuses at once is refused before anybody reads.
    await lives.time.advance(0)
    const contents = await lives.contents()
    assert.ok(isEqual(contents, lives.expected), `${show(contents)} is read instead of ${show(lives.expected)}`)
  }
  await lives.close()
}

const steps = (step: fc.Arbitrary<Step>) => fc.array(step, { minLength: 20, maxLength: 100, size: 'max' })

describe('the store on a disk', function () {
  this.timeout(60_000)

  it('holds what a map would hold, through crashes and restarts', () =>
    fc.assert(fc.asyncProperty(fc.nat(), steps(calm), live), { numRuns: RUNS }))

  it('loses nothing that was acknowledged, and keeps nothing that was refused, when writes and syncs fail', () =>
    fc.assert(fc.asyncProperty(fc.nat(), steps(stormy), live), { numRuns: RUNS }))

  it('makes one record of small batches that come together, of which a value is read alone', async () => {
    const lives = new Lives(1)
    await lives.open()
    const size = (): number => [...lives.disk.files().values()].reduce((sum, bytes) => sum + bytes, 0)
    const before = size()
    const batch = (i: number): Change[] => [{ key: `key/${i}`, value: Buffer.from(`value ${i}`) }]
    await lives.run(Promise.all(Array.from({ length: 10 }, (_, i) => lives.write(batch(i)))))
    const each = 8 + 'key/0'.length + 'value 0'.length
    assert.equal(size() - before, HEADER_BYTES + 10 * each)
    lives.crash()
    await lives.open()
    assert.deepEqual(await lives.run(lives.store.get('key/7')), new Uint8Array(Buffer.from('value 7')))
    await lives.close()
  })
})
