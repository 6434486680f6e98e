import assert from 'node:assert/strict'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import { LeaderReads } from '../../../../src/runtime/consensus/client/leader-reads.ts'
import type { LocalReplica } from '../../../../src/runtime/consensus/client/types.ts'
import { systemClock } from '../../../../src/runtime/system/clock.ts'

/** A leader whose rounds are confirmed when the test says so. */
class Leader {
  applied = 10
  value: unknown = 'before'
  queries = 0
  round = Promise.withResolvers<number>()
  readonly reads = new LeaderReads(this as unknown as LocalReplica, systemClock)
  readonly told: unknown[] = []

  readIndex(): Promise<number> {
    return this.round.promise
  }

  async reached(index: number): Promise<void> {
    assert(index <= this.applied)
  }

  query(): unknown {
    this.queries++
    if (this.value instanceof Error) throw this.value
    return this.value
  }

  read(): void {
    this.reads.add(
      { op: 'read', least: undefined, part: 'machine', question: pack({ get: 'x' }) },
      {
        full: false,
        done: (index, value) => void this.told.push([index, unpack(value)]),
        failed: (error) => void this.told.push(error)
      }
    )
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

describe('LeaderReads', () => {
  it('makes answers while the round is out, and tells nobody before it is confirmed', async () => {
    const leader = new Leader()
    leader.read()
    leader.read()
    await turn()
    assert.equal(leader.queries, 2)
    assert.deepEqual(leader.told, [])
    leader.round.resolve(10)
    await turn()
    assert.deepEqual(leader.told, [
      [10, 'before'],
      [10, 'before']
    ])
    assert.equal(leader.queries, 2)
  })

  it('makes an answer anew where something was committed that it lacks', async () => {
    const leader = new Leader()
    leader.read()
    await turn()
    leader.applied = 11
    leader.value = 'after'
    leader.round.resolve(11)
    await turn()
    assert.deepEqual(leader.told, [[11, 'after']])
  })

  it('has nobody wait for another round than its own', async () => {
    const leader = new Leader()
    const first = leader.round
    leader.read()
    leader.round = Promise.withResolvers()
    leader.read()
    await turn()
    first.resolve(10)
    await turn()
    assert.equal(leader.told.length, 1)
    leader.round.resolve(10)
    await turn()
    assert.equal(leader.told.length, 2)
  })

  it('tells those of a round that fails why, and what a machine throws', async () => {
    const leader = new Leader()
    leader.value = new Error('no such key')
    leader.read()
    leader.round.resolve(10)
    await turn()
    leader.round = Promise.withResolvers()
    leader.read()
    leader.round.reject(new Error('leads no more'))
    await turn()
    assert.deepEqual(
      leader.told.map((error) => (error as Error).message),
      ['no such key', 'leads no more']
    )
  })
})
