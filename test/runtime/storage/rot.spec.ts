import assert from 'node:assert/strict'
import { Lives } from './lives.ts'

function change(key: string, value: string) {
  return [{ key, value: Buffer.from(value) }]
}

function text(value: Uint8Array | undefined): string {
  return Buffer.from(value ?? []).toString()
}

/** A store with a long value in its first file, and what is behind it there. */
async function rotten(): Promise<Lives> {
  const lives = new Lives(1)
  await lives.open()
  await lives.run(lives.write(change('before', 'intact')))
  const [file] = lives.disk.files().keys()
  const at = lives.disk.files().get(file!)!
  await lives.run(lives.write(change('rotten', 'x'.repeat(300))))
  await lives.run(lives.write(change('behind', 'intact')))
  lives.disk.damage(file!, at + 100, 10)
  return lives
}

describe('a store whose bytes rot while it is open', () => {
  it('gives no value that was not written, and goes on with all others', async () => {
    const lives = await rotten()
    await assert.rejects(lives.run(lives.store.get('rotten')), { code: 'ERR_CORRUPT' })
    assert.equal(text(await lives.run(lives.store.get('behind'))), 'intact')
    await lives.run(lives.write(change('rotten', 'new')))
    assert.equal(text(await lives.run(lives.store.get('rotten'))), 'new')
  })

  it('sets the damage aside when it clears the segment away, and keeps what is around it', async () => {
    const lives = await rotten()
    for (let i = 0; i < 40; i++) await lives.run(lives.write(change('filler', `${i}${'.'.repeat(400)}`)))
    await lives.time.advance(100)
    assert.equal(lives.events.length, 1)
    const { file, offset, bytes } = lives.events[0]!
    assert.equal(lives.disk.files().get(`store/${file}.${offset}.corrupt`), bytes)
    assert.ok(!lives.disk.files().has(`store/${file}`), 'the segment is there still')
    for (const key of ['before', 'behind']) assert.equal(text(await lives.run(lives.store.get(key))), 'intact')
    assert.equal(await lives.run(lives.store.get('rotten')), undefined)
    assert.equal(lives.store.version('rotten'), 0)
  })
})
