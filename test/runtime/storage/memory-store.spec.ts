import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createMemoryStore } from '../../../src/runtime/storage/memory-store.ts'

const batch = fc.array(fc.tuple(fc.nat(5), fc.option(fc.string(), { nil: undefined })), { maxLength: 4 })

describe('the store in memory', () => {
  it('holds what a map would hold, and gives each write of a key another version', () =>
    fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 30 }), async (batches) => {
        const store = createMemoryStore()
        assert.equal(store.durable, false)
        const expected = new Map<string, string>()
        const versions = new Map<string, Set<number>>()
        for (const changes of batches) {
          await store.write(
            changes.map(([key, text]) => ({
              key: `k/${key}`,
              value: text === undefined ? undefined : Buffer.from(text)
            }))
          )
          for (const [key, text] of changes) {
            if (text === undefined) expected.delete(`k/${key}`)
            else expected.set(`k/${key}`, text)
          }
          for (const key of new Set(changes.map(([key]) => `k/${key}`))) {
            const version = store.version(key)
            assert.equal(version === 0, !expected.has(key))
            const seen = versions.get(key) ?? new Set()
            assert.ok(version === 0 || !seen.has(version), 'a version means two values')
            versions.set(key, seen.add(version))
          }
        }
        const entries: [string, string][] = []
        for await (const [key, value] of store.entries('k/')) entries.push([key, Buffer.from(value).toString()])
        assert.deepEqual(entries, [...expected].sort())
        for (const [key, text] of expected) assert.equal(Buffer.from((await store.get(key)) ?? []).toString(), text)
        for await (const _ of store.entries('other/')) assert.fail()
        await store.close()
        await assert.rejects(store.write([]), { code: 'ERR_STORAGE' })
        await assert.rejects(store.get('k/1'), { code: 'ERR_STORAGE' })
      })
    ))
})
