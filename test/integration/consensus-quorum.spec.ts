import assert from 'node:assert/strict'
import { Voters } from '../../scripts/torture/consensus/voters.ts'
import { until } from '../kit/until.ts'

describe('five voters, three of which are killed', function () {
  this.timeout(240_000)
  let voters: Voters

  before(async () => {
    voters = await Voters.start(5, 1)
  })
  after(() => voters[Symbol.asyncDispose]())

  it('refuse writes, strong reads, locks and coordinated deliveries, go on with eventual reads, and heal when the three are back', async () => {
    const client = voters.clients[0]!
    assert.equal(await client.call('attempt', 'write', 'before', 60_000), 'done')
    await Promise.all(
      voters.hosts.map((host, i) =>
        until(`the value at ${i}`, async () => (await host.call('attempt', 'eventual', 'before', 5_000)) === 'before')
      )
    )
    await Promise.all(voters.indexes.map((i) => voters.hosts[i]!.call('share')))
    await until(
      'a coordinated delivery',
      async () => (await client.call('attempt', 'deliver', 'first', 5_000)) === 'done'
    )
    const leader = (await voters.leader())!
    const dead = [leader, ...voters.indexes.filter((i) => i !== leader).slice(0, 2)]
    const alive = voters.indexes.filter((i) => !dead.includes(i))
    await voters.kill(...dead)

    const asking = [client, ...alive.map((i) => voters.hosts[i]!)]
    for (const host of asking) {
      const [write, strong, lock] = await Promise.all([
        host.call('attempt', 'write', 'during', 1_500),
        host.call('attempt', 'strong', 'before', 1_500),
        host.call('attempt', 'lock', 'door', 1_500)
      ])
      assert.deepEqual([write, strong, lock], ['ERR_NO_QUORUM', 'ERR_NO_QUORUM', 'ERR_LOCK_TIMEOUT'])
      assert.equal(await host.call('attempt', 'eventual', 'before', 20_000), 'before')
    }

    assert.equal(await client.call('attempt', 'deliver', 'nowhere', 5_000), 'ERR_COORDINATION_TIMEOUT')

    // Asked while there is nobody to answer, and not again.
    const waiting = asking.map((host, i) => host.call('attempt', 'write', `waits ${i}`, 120_000))
    await voters.restart(...dead)
    assert.deepEqual(await Promise.all(waiting), ['done', 'done', 'done'])
    await until('another', async () => (await client.call('attempt', 'deliver', 'after', 5_000)) === 'done')
    for (const host of voters.hosts) {
      assert.equal(await host.call('attempt', 'write', 'after', 60_000), 'done')
      assert.equal(await host.call('attempt', 'strong', 'before', 60_000), 'before')
      assert.equal(await host.call('attempt', 'lock', 'door', 60_000), 'done')
      assert.deepEqual(await host.call('missing', ['before', 'after', 'waits 0', 'waits 1', 'waits 2']), [])
    }
  })
})
