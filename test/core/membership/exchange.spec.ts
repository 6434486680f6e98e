import assert from 'node:assert/strict'
import type { SignedRecord } from '../../../protocols/overlay/messages.ts'
import type { MembershipEffect } from '../../../src/core/membership/effects.ts'
import { hashOf } from '../../../src/core/membership/exchange.ts'
import { withDefaults } from '../../../src/core/membership/options.ts'
import { hear } from '../../../src/core/membership/standing.ts'
import { View } from '../../../src/core/membership/view.ts'

function record(peer: string, incarnation: number, region?: string, zone?: string): SignedRecord {
  const place = { name: peer, region, zone, addresses: [] }
  return { record: { peer, incarnation, expires: 2 * incarnation, ...place }, blob: new Uint8Array(0) }
}

/** What `own` knows once it has met the others, in their order. */
function viewOf(own: SignedRecord, others: readonly SignedRecord[]): View {
  const view = new View(own, withDefaults(), () => 0)
  for (const other of others) {
    view.admit(other, { incarnation: other.record.incarnation, refutation: 0, state: 'alive' })
  }
  return view
}

describe('the hash of a view', () => {
  it('is the same for all who know the same, whoever they are and in whatever order they learnt it', () => {
    for (const size of [2, 5, 20, 50, 200]) {
      const records = Array.from({ length: size }, (_, i) => record(`peer-${i}`, 1_700_000_000_000 + i))
      const hashes = records.map((own, i) => hashOf(viewOf(own, [...records.slice(i + 1), ...records.slice(0, i)])))
      assert.equal(new Set(hashes).size, 1, `${size} members`)
      assert(Number.isSafeInteger(hashes[0]))
    }
  })

  it('differs where one member knows more of another', () => {
    const records = Array.from({ length: 20 }, (_, i) => record(`peer-${i}`, 1_700_000_000_000 + i))
    const [own, ...others] = records
    const [former, ...rest] = others
    const newer = record(former!.record.peer, former!.record.incarnation + 1)
    assert.notEqual(hashOf(viewOf(own!, others)), hashOf(viewOf(own!, [newer, ...rest])))
  })
})

describe('a full view', () => {
  it('forgets the dead who come back, and says nothing of them', () => {
    const view = new View(record('own', 1), withDefaults({ maxMembers: 1 }), () => 0)
    const claim = { incarnation: 1, refutation: 0, state: 'alive' as const }
    const dead = view.admit(record('dead', 1), claim)!
    view.remove(dead, 'dead')
    view.admit(record('alive', 1), claim)
    const effects: MembershipEffect[] = []
    view.sink = effects
    hear(view, dead, { ...claim, refutation: 1, state: 'suspect' }, 'accuser', 'teller')
    assert.deepEqual([...view.known.keys()], ['alive'])
    assert.deepEqual(
      effects.filter(({ kind }) => kind === 'emit'),
      []
    )
  })

  it('holds who is of its zone before its region before the rest; a zone of another region is another zone', () => {
    const own = record('own', 1, 'eu', 'a')
    const [far, region, zone] = [
      record('far', 1, 'us', 'a'),
      record('region', 1, 'eu', 'b'),
      record('zone', 1, 'eu', 'a')
    ]
    for (const [held, comes, stays] of [
      [far, region, region],
      [region, far, region],
      [region, zone, zone],
      [zone, region, zone]
    ] as const) {
      const view = new View(own, withDefaults({ maxMembers: 1 }), () => 0)
      for (const { record: it } of [held, comes])
        view.admit({ record: it, blob: own.blob }, { ...it, refutation: 0, state: 'alive' })
      assert.deepEqual([...view.known.keys()], [stays.record.peer])
    }
  })
})
