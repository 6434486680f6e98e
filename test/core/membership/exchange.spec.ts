import assert from 'node:assert/strict'
import type { SignedRecord } from '../../../protocols/overlay/messages.ts'
import { hashOf } from '../../../src/core/membership/exchange.ts'
import { withDefaults } from '../../../src/core/membership/options.ts'
import { View } from '../../../src/core/membership/view.ts'

function record(peer: string, incarnation: number): SignedRecord {
  const place = { name: peer, region: undefined, zone: undefined, addresses: [] }
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
