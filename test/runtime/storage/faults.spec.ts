import assert from 'node:assert/strict'
import type { MeshError } from '../../../protocols/errors.ts'
import { Lives } from './lives.ts'

function change(key: string, value: string | undefined) {
  return [{ key, value: value === undefined ? undefined : Buffer.from(value) }]
}

async function lives(seed = 1): Promise<Lives> {
  const lives = new Lives(seed)
  await lives.open()
  await lives.run(lives.write(change('a', 'before')))
  return lives
}

async function refusal(promise: Promise<unknown>): Promise<MeshError> {
  return promise.then(
    () => assert.fail('it was acknowledged'),
    (error) => error
  )
}

describe('a store whose disk fails', () => {
  it('refuses all that was on its way when a sync fails, and none of it is there then or after a crash', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const ground = await lives(seed)
      ground.disk.conditions.syncFailure = 1
      const refused = [change('a', 'refused'), change('b', 'refused')].map((changes) => refusal(ground.write(changes)))
      await ground.time.advance(0.5)
      // It reads what is on its way, and waits for the next sync, which would succeed.
      refused.push(refusal(ground.write(change('c', 'refused'))))
      const versions = ['a', 'b', 'c'].map((key) => ground.store.version(key))
      await ground.time.advance(0.6)
      ground.disk.conditions.syncFailure = 0
      for (const { code, details } of await ground.run(Promise.all(refused)))
        assert.deepEqual([code, details?.['reason']], ['ERR_STORAGE', 'EIO'])
      assert.deepEqual(await ground.contents(), new Map([['a', 'before']]))
      const later = seed % 2 === 0 ? ground.run(ground.write(change('b', 'later'))) : undefined
      await later
      assert.ok(!versions.includes(ground.store.version('b')), 'a version means two values')
      ground.crash()
      // Judges by itself what may be there.
      await ground.open()
      assert.equal((await ground.contents()).get('b'), later && 'later')
    }
  })

  it('keeps nothing of what a full disk took a part of, though it had no room for a new file', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const ground = await lives(seed)
      const used = [...ground.disk.files().values()].reduce((sum, size) => sum + size, 0)
      ground.disk.conditions.capacity = used + 250
      const refused = ['b', 'c', 'd'].map((key) => refusal(ground.write(change(key, 'x'.repeat(100)))))
      await ground.run(Promise.all(refused))
      ground.disk.conditions.capacity = Number.POSITIVE_INFINITY
      if (seed % 2 === 0) ground.crash()
      else await ground.close()
      await ground.open()
      assert.deepEqual(await ground.contents(), new Map([['a', 'before']]))
    }
  })

  it('works again once there is room again', async () => {
    const ground = await lives()
    ground.disk.conditions.capacity = 2_000
    const big = 'x'.repeat(3_000)
    for (let i = 0; i < 20; i++) {
      const { code, retryable, details } = await refusal(ground.run(ground.write(change('b', big))))
      assert.deepEqual([code, retryable, details?.['reason']], ['ERR_STORAGE', true, 'ENOSPC'])
    }
    assert.ok(ground.disk.files().size <= 2, [...ground.disk.files()].join(' '))
    assert.deepEqual(await ground.contents(), new Map([['a', 'before']]))
    ground.disk.conditions.capacity = Number.POSITIVE_INFINITY
    await ground.run(ground.write(change('b', big)))
    ground.crash()
    await ground.open()
    assert.equal((await ground.contents()).get('b'), big)
  })

  it('keeps what it had when it is opened on a disk that is full or read-only, and says which', async () => {
    for (const [conditions, reason] of [
      [{ capacity: 10 }, 'ENOSPC'],
      [{ readOnly: true }, 'EROFS']
    ] as const) {
      const ground = await lives()
      await ground.close()
      Object.assign(ground.disk.conditions, conditions)
      const { code, details } = await refusal(ground.open())
      assert.deepEqual([code, details], ['ERR_STORAGE', { key: 'dataDir', reason }])
      Object.assign(ground.disk.conditions, { capacity: Number.POSITIVE_INFINITY, readOnly: false })
      await ground.open()
      assert.deepEqual(await ground.contents(), new Map([['a', 'before']]))
    }
  })
})
