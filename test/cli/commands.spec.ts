import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, Phoenix, within } from './phoenix.ts'

const AGENTS = `
export const planner = {
  handle: {
    'plan.make': async (message) => ({ plan: message.data }),
    'plan.watch': async function * () { yield 1; yield 2; yield 3 },
    'plan.never': () => new Promise(() => {}),
    'plan.fail': () => { throw Object.assign(new TypeError('no such plan'), { code: 'ERR_PLAN' }) }
  },
  receive: (message) => { console.error('received', JSON.stringify(message.data)) }
}
const clock = { handle: { now: () => 'noon' } }
export { clock as 'wall-clock' }
export default async (node) => {
  await node.agent('watcher', { handle: { who: () => node.name } })
  const config = await node.consensus('config', { voters: [node.peerId] })
  await config.propose('limits.max', 40)
}
`

describe('the command', function () {
  this.timeout(120_000)
  let folder: string
  let first: Phoenix
  let second: Phoenix
  let address: string

  const start = (name: string, ...more: string[]) =>
    new Phoenix(
      ['start', '--data', name, '--name', name, '--region', 'eu', '--listen', '/ip4/127.0.0.1/tcp/0', ...more],
      { cwd: folder }
    )
  const phoenix = (args: string[], env: NodeJS.ProcessEnv = {}) => new Phoenix(args, { cwd: folder, env })
  const done = (...args: string[]): Promise<Ended> => phoenix(args).ended

  async function json(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await done(...args, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  async function failure(
    ...args: string[]
  ): Promise<{ code: number | null; error: { code: string; message: string } }> {
    const { code, stderr } = await done(...args, '--json')
    return { code, error: JSON.parse(stderr).error }
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'phoenix-cli-'))
    await writeFile(join(folder, 'agents.mjs'), AGENTS)
    first = start('first', '--agents', './agents.mjs')
    address = (await first.printed(/listening on (\S+)/))[1]!
    await first.printed(/talk to it/)
    second = start('second', '--bootstrap', address)
    await second.printed(/talk to it/)
    while (((await json('peers', '--data', 'second')) as unknown[]).length === 0);
  })

  after(async () => {
    for (const node of [first, second]) {
      const { code, stderr } = await node.stop()
      assert.equal(code, 0, stderr)
    }
    await rm(folder, { recursive: true, force: true })
  })

  describe('to a running node, through its control socket', () => {
    it('tells what a node counted', async () => {
      const counted = (await json('counters', '--data', 'second')) as Record<string, number>
      assert.equal(counted['shed'], 0)
      assert.match((await done('counters', '--data', 'second')).stdout, /^COUNTER +MESSAGES\ndropped +\d/)
    })

    it('tells of the groups that agree, takes snapshots, hands over', async () => {
      const [status] = (await json('consensus', 'status', '--data', 'first')) as Record<string, unknown>[]
      assert.deepEqual([status?.['group'], status?.['role']], ['config', 'leader'])
      assert.match(
        (await done('consensus', 'status', 'config', '--data', 'first')).stdout,
        /^GROUP .*\nconfig +leader +\d/
      )
      assert.match((await done('consensus', 'members', '--data', 'first')).stdout, /\nconfig +12D3\S+ +voter +leads/)
      const taken = (await json('consensus', 'snapshot', '--data', 'first')) as { group: string; index: number }
      assert.equal(taken.group, 'config')
      assert(taken.index > 0)
      assert.equal((await failure('consensus', 'transfer', '--data', 'first')).error.code, 'ERR_CONFIG')
      assert.equal((await done('consensus', 'status', '--data', 'second')).stdout, 'no group is open\n')
      for (const what of ['status', 'members', 'transfer', 'snapshot']) {
        const { code, error } = await failure('consensus', what, 'other', '--data', 'first')
        assert.deepEqual([code, error.code], [1, 'ERR_NO_CONSENSUS'])
      }
    })

    it('lists peers', async () => {
      const [peer] = (await json('peers', '--data', 'second')) as { name: string; region: string; agents: string[] }[]
      assert.equal(peer?.name, 'first')
      assert.equal(peer.region, 'eu')
      assert(peer.agents.includes('planner'))
      assert.match((await done('peers', '--data', 'second')).stdout, /^PEER .*\n12D3\S+ +first +eu/)
    })

    it('keeps the agent that commands speak through out of sight', async () => {
      await json('send', 'planner', '1', '--data', 'first')
      const [peer] = (await json('peers', '--data', 'second')) as { agents: string[] }[]
      assert.deepEqual(peer?.agents.sort(), ['planner', 'wall-clock', 'watcher'])
    })

    it('tells who watches a node that somebody came', async () => {
      await first.printed(/joined by second, PeerId 12D3/)
      await second.printed(/joined by first, PeerId 12D3/)
    })

    it('lists agents: those exported by name and those of the default export', async () => {
      const agents = (await json('agents', '--data', 'second')) as { name: string }[]
      assert.deepEqual(agents.map(({ name }) => name).sort(), ['planner', 'wall-clock', 'watcher'])
      assert.equal(((await json('agents', 'planner', '--data', 'second')) as unknown[]).length, 1)
      assert.equal((await done('agents', 'nobody', '--data', 'second')).stdout, 'no agent is known\n')
    })

    it('asks, with data as JSON, as text, from a file and from a pipe', async () => {
      const ask = async (data: string) =>
        ((await json('request', 'planner', data, '--type', 'plan.make', '--data', 'second')) as { data: unknown }).data
      assert.deepEqual(await ask('{"a":1}'), { plan: { a: 1 } })
      assert.deepEqual(await ask('plain words'), { plan: 'plain words' })
      await writeFile(join(folder, 'job.json'), '[1,2]')
      assert.deepEqual(await ask('@job.json'), { plan: [1, 2] })
      const piped = phoenix(['request', 'planner', '-', '--type', 'plan.make', '--json', '--data', 'second'])
      piped.write('{"piped":true}')
      assert.deepEqual(JSON.parse((await piped.ended).stdout).data, { plan: { piped: true } })
    })

    it('prints a stream of replies, one a line', async () => {
      const { stdout } = await done(
        'request',
        'planner',
        '--type',
        'plan.watch',
        '--stream',
        '--json',
        '--data',
        'second'
      )
      assert.deepEqual(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).data),
        [1, 2, 3]
      )
    })

    it('sends, and prints the receipt once the handler has returned', async () => {
      const receipt = (await json('send', 'planner', '{"job":7}', '--data', 'second')) as { status: string; id: string }
      assert.equal(receipt.status, 'delivered')
      await first.printed(/received \{"job":7\}/)
      const all = (await json('send', 'planner', '1', '--all', '--data', 'second')) as unknown[]
      assert.equal(all.length, 1)
    })

    it('keeps durable messages, and lists, shows, replays and drops those that were given up', async () => {
      const letters = async (...more: string[]) => {
        const { stdout } = await done('dead-letters', 'list', '--json', '--data', 'second', ...more)
        return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
      }
      assert.equal((await done('dead-letters', 'list', '--data', 'second')).stdout, 'no dead letters\n')
      const send = ['send', 'nobody', '{"job":8}', '--durable', '--delivery', 'exactly-once', '--data', 'second']
      const { status, id } = (await json(...send, '--ttl', '1')) as { status: string; id: string }
      assert.equal(status, 'stored')
      while ((await letters()).length === 0);
      assert.deepEqual(await letters('--agent', 'planner'), [])
      const [letter] = await letters('--agent', 'nobody')
      assert.deepEqual([letter.id, letter.code, letter.data], [id, 'ERR_TTL', { job: 8 }])
      const list = await done('dead-letters', 'list', '--data', 'second')
      assert.match(list.stdout, new RegExp(`^ID .*\n${id} +nobody .* ERR_TTL`))
      assert.deepEqual(await json('dead-letters', 'show', id, '--data', 'second'), letter)
      const shown = await done('dead-letters', 'show', id, '--data', 'second')
      assert.match(shown.stdout, /why +ERR_TTL: .*\n(.*\n)*\{\n {2}"job": 8\n\}/)
      assert.equal((await done('dead-letters', 'replay', id, '--data', 'second')).stdout, `stored ${id}\n`)
      assert.deepEqual(await letters(), [])

      const again = (await json(...send, '--ttl', '1')) as { id: string }
      while ((await letters()).length === 0);
      assert.equal((await done('dead-letters', 'drop', again.id, '--data', 'second')).stdout, `dropped ${again.id}\n`)
      for (const what of ['show', 'replay', 'drop']) {
        const { code, error } = await failure('dead-letters', what, again.id, '--data', 'second')
        assert.deepEqual([code, error.code], [1, 'ERR_NO_SUCH_LETTER'])
      }
      assert.deepEqual(
        (await failure('send', 'nobody', '1', '--durable', '--bootstrap', address)).error.code,
        'ERR_NO_DATA_DIR'
      )
    })

    it('publishes to a subscription in another process, on another node', async () => {
      const listener = phoenix(['subscribe', 'orders.*.created', '--count', '2', '--json', '--data', 'first'])
      const wait = ['--wait-for', '1', '--timeout', '20000', '--data', 'second']
      const evidence = (await json('publish', 'orders.eu.created', '{"total":120}', ...wait)) as { subscribers: number }
      assert.equal(evidence.subscribers, 1)
      await json('publish', 'orders.us.created', '{"total":80}', ...wait)
      const { code, stdout } = await listener.ended
      assert.equal(code, 0)
      const messages = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      assert.deepEqual(
        messages.map(({ data }) => data.total),
        [120, 80]
      )
      assert.equal(messages[0].specversion, '1.0')
    })

    it('subscribes durably: what was published before is there, and the next subscription goes on', async () => {
      for (const total of [1, 2, 3]) {
        await json('publish', 'ledger.eu', `{"total":${total}}`, '--durable', '--data', 'second')
      }
      const subscribe = async (count: string) => {
        const durable = ['--durable', '--name', 'audit', '--from', 'start']
        const { stdout } = await done(
          'subscribe',
          'ledger.>',
          ...durable,
          '--count',
          count,
          '--json',
          '--data',
          'first'
        )
        return stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).data.total)
      }
      assert.deepEqual(await subscribe('2'), [1, 2])
      assert.deepEqual(await subscribe('1'), [3])
      const { code, error } = await failure('subscribe', 'ledger.>', '--durable', '--data', 'first')
      assert.deepEqual([code, error.code], [1, 'ERR_CONFIG'])
      const beginnings = ['0', '-1', '1.5', 'soon'].map((from) => failure('subscribe', 'ledger.>', `--from=${from}`))
      for (const { code } of await Promise.all(beginnings)) assert.equal(code, 2)
    })

    it('ends a subscription on Ctrl-C with success', async () => {
      const listener = phoenix(['subscribe', 'orders.>', '--data', 'first'])
      await listener.printed(/subscribed to/)
      assert.equal((await listener.stop()).code, 0)
    })

    it('explains', async () => {
      const explanation = (await json('explain', 'planner', '--data', 'second')) as Record<
        string,
        { chosen: string; reason: string }
      >
      assert.equal(explanation.transport?.chosen, 'tcp')
      assert(explanation.route?.reason)
      assert.match((await done('explain', 'planner', '--data', 'second')).stdout, /guarantee +at-least-once +\S/)
    })

    it('carries a failure with its code, from here and from the handler', async () => {
      assert.equal((await failure('request', 'nobody', '--data', 'second')).error.code, 'ERR_NO_RESPONDERS')
      const failed = await failure('request', 'planner', '--type', 'plan.fail', '--data', 'second')
      assert.deepEqual([failed.code, failed.error.code, failed.error.message], [1, 'ERR_PLAN', 'no such plan'])
      const late = await done('request', 'planner', '--type', 'plan.never', '--timeout', '100', '--data', 'second')
      assert.equal(late.code, 1)
      assert.match(late.stderr, /^ERR_TIMEOUT: /)
    })

    it('says which option was forgotten', async () => {
      assert.match((await done('request', 'planner', '--data', 'second')).stderr, /^ERR_NO_HANDLER: .*--type/)
      const watch = ['request', 'planner', '--type', 'plan.watch', '--data', 'second']
      assert.match((await done(...watch)).stderr, /^ERR_UNSUPPORTED: .*--stream/)
    })

    it('takes a topic that is none for bad usage', async () => {
      for (const command of ['publish', 'subscribe']) {
        const { code, error } = await failure(command, 'a..b', '--data', 'second')
        assert.deepEqual([code, error.code], [2, 'ERR_INVALID_TOPIC'])
      }
    })

    it('refuses a second node on one data folder', async () => {
      const { code, error } = await failure('start', '--data', 'first')
      assert.deepEqual([code, error.code], [1, 'ERR_CONFIG'])
      assert.match(error.message, /another node is running on this data folder/)
    })
  })

  describe('that joins for a moment, through --bootstrap', () => {
    it('asks an agent', async () => {
      assert.equal((await done('request', 'wall-clock', '--type', 'now', '--bootstrap', address)).stdout, 'noon\n')
    })

    it('sends, publishes and lists', async () => {
      const receipt = (await json('send', 'planner', '"hello"', '--bootstrap', address)) as { status: string }
      assert.equal(receipt.status, 'delivered')
      assert.equal(typeof ((await json('publish', 'a.b', '1', '--bootstrap', address)) as { id: string }).id, 'string')
      const peers = (await json('peers', '--bootstrap', address)) as { name: string }[]
      assert(peers.some(({ name }) => name === 'first'))
    })

    it('takes a file of addresses, and the variable', async () => {
      await writeFile(join(folder, 'peers.txt'), `# the first\n${address}\n`)
      assert.equal((await done('request', 'watcher', '--type', 'who', '--bootstrap', 'peers.txt')).stdout, 'first\n')
      const { code } = await phoenix(['agents'], { PHOENIX_BOOTSTRAP: address }).ended
      assert.equal(code, 0)
    })

    it('says where nobody answered', async () => {
      const { code, error } = await failure('peers', '--bootstrap', '/ip4/127.0.0.1/tcp/1', '--join-timeout', '500')
      assert.deepEqual([code, error.code], [1, 'ERR_BOOTSTRAP'])
      assert.match(error.message, /\/ip4\/127\.0\.0\.1\/tcp\/1/)
      const lonely = start('lonely', '--bootstrap', '/ip4/127.0.0.1/tcp/1')
      await lonely.printed(/ERR_BOOTSTRAP: cannot reach \/ip4\/127\.0\.0\.1\/tcp\/1; trying again/)
      assert.equal((await lonely.stop()).code, 0)
    })

    it('does not wait for a file that is not there', async () => {
      const { code, error } = await failure('peers', '--bootstrap', 'no-such-file.txt')
      assert.deepEqual([code, error.code], [1, 'ERR_BOOTSTRAP'])
      assert.match(error.message, /no-such-file\.txt cannot be read/)
    })
  })

  describe('without a mesh', () => {
    it('says what to do where no node runs', async () => {
      const { code, error } = await failure('peers', '--data', 'nowhere')
      assert.deepEqual([code, error.code], [1, 'ERR_STOPPED'])
      assert.match(error.message, /phoenix start/)
    })

    for (const args of [
      ['nonsense'],
      ['request'],
      ['peers', '--nonsense'],
      ['request', 'a', '--timeout', 'soon'],
      ['start', '--listen', 'here'],
      ['keys', 'export', 'private'],
      []
    ]) {
      it(`answers bad usage with exit code 2: phoenix ${args.join(' ')}`, async () => {
        assert.equal((await within(args)).code, 2)
      })
    }

    it('puts bad usage into JSON too', async () => {
      const { error } = JSON.parse((await within(['peers', '--nonsense', '--json'])).stderr)
      assert.deepEqual([error.code, /--nonsense/.test(error.message)], ['ERR_USAGE', true])
    })

    it('prints help with examples, and the version', async () => {
      const help = await within(['request', '--help'])
      assert.equal(help.code, 0)
      assert.match(help.stdout, /Examples:\n {2}\$ phoenix request/)
      assert.match((await done('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
    })

    it('prints the configuration and where each value came from', async () => {
      const args = ['start', '--print-config', '--name', 'n', '--json']
      const { stdout } = await within(args, { PHOENIX_LIMITS_MESSAGE_BYTES: '2048' })
      const origins = JSON.parse(stdout)
      assert.deepEqual(origins.name, { value: 'n', source: '--name' })
      assert.deepEqual(origins['limits.messageBytes'], { value: 2_048, source: 'PHOENIX_LIMITS_MESSAGE_BYTES' })
      assert.equal(origins['limits.requestTimeout'].source, 'default')
    })

    it('names the module of agents, and the export, that cannot be loaded', async () => {
      await writeFile(join(folder, 'wrong.mjs'), 'export const planner = 7')
      const wrong = await failure('start', '--data', 'wrong', '--agents', './wrong.mjs')
      assert.deepEqual([wrong.code, wrong.error.code], [1, 'ERR_CONFIG'])
      assert.match(wrong.error.message, /export planner must be an object with receive, handle or both/)
      assert.match(
        (await failure('start', '--data', 'wrong', '--agents', './missing.mjs')).error.message,
        /missing\.mjs/
      )
      await writeFile(join(folder, 'throwing.mjs'), 'export default () => { throw new Error("no database") }')
      const threw = await failure('start', '--data', 'wrong', '--agents', './throwing.mjs')
      assert.deepEqual([threw.code, threw.error.code], [1, 'ERR_CONFIG'])
      assert.match(threw.error.message, /throwing\.mjs.* threw: no database/)
    })

    it('names the data folder that cannot be made', async () => {
      await writeFile(join(folder, 'taken'), '')
      const { code, error } = await failure('start', '--data', 'taken')
      assert.deepEqual([code, error.code], [1, 'ERR_CONFIG'])
      assert.match(error.message, /taken cannot be made \(EEXIST\)/)
    })

    it('makes, shows and exports an identity, and never replaces one', async () => {
      assert.equal((await failure('keys', 'show', '--data', 'own')).error.code, 'ERR_IDENTITY')
      const made = (await json('keys', 'generate', '--data', 'own')) as { peerId: string }
      assert.deepEqual(await json('keys', 'show', '--data', 'own'), made)
      assert.equal((await failure('keys', 'generate', '--data', 'own')).error.code, 'ERR_IDENTITY')
      assert.match((await done('keys', 'export', 'public', '--data', 'own')).stdout, /^-----BEGIN PUBLIC KEY-----\n/)
    })

    it('measures this machine', async () => {
      const { results } = (await json('bench', '--duration', '100')) as { results: { value: number }[] }
      assert.equal(results.length, 4)
      assert(results.every(({ value }) => value > 0))
    })

    it('completes every command in a script that bash takes', async function () {
      const { stdout } = await within(['completion', 'bash'])
      const { spawnSync } = await import('node:child_process')
      const probe = `${stdout}\nCOMP_WORDS=(phoenix sub) COMP_CWORD=1; _phoenix; echo "\${COMPREPLY[@]}"; COMP_WORDS=(phoenix send --del) COMP_CWORD=2; _phoenix; echo "\${COMPREPLY[@]}"`
      const { stdout: completed, error } = spawnSync('bash', ['-c', probe], { encoding: 'utf8' })
      if (error !== undefined) this.skip()
      assert.equal(completed, 'subscribe\n--delivery\n')
      for (const shell of ['zsh', 'fish']) assert.match((await within(['completion', shell])).stdout, /subscribe/)
    })
  })

  describe('doctor', () => {
    interface Finding {
      check: string
      status: string
      found: string
      remedy: string
    }
    async function findings(...args: string[]): Promise<{ code: number | null; findings: Finding[] }> {
      const { code, stdout } = await done('doctor', ...args, '--json')
      return { code, findings: JSON.parse(stdout) }
    }

    it('finds nothing wrong with the node that runs, and reaches its bootstrap peer', async () => {
      const { code, findings: found } = await findings('--data', 'second', '--bootstrap', address)
      assert.equal(code, 0, JSON.stringify(found))
      assert.match(found.find(({ check }) => check === 'bootstrap')?.found ?? '', /answers as 12D3/)
    })

    it('says what is wrong and what to do, and fails', async () => {
      const taken = createServer()
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
      const { port } = taken.address() as { port: number }
      await json('keys', 'generate', '--data', 'ill')
      await chmod(join(folder, 'ill', 'identity.key'), 0o644)
      const listen = `/ip4/127.0.0.1/tcp/${port}`
      const { code, findings: found } = await findings(
        '--data',
        'ill',
        '--listen',
        listen,
        '--bootstrap',
        '/ip4/127.0.0.1/tcp/1'
      )
      taken.close()
      assert.equal(code, 1)
      const failed = found.filter(({ status }) => status === 'failure')
      assert.deepEqual(
        failed.map(({ check }) => check),
        ['identity', `port ${port}`, 'bootstrap']
      )
      assert(failed.every(({ remedy }) => remedy !== ''))
      assert.match(failed[0]?.remedy ?? '', /^chmod 600 /)
    })

    it('finds a corrupt identity', async () => {
      await json('keys', 'generate', '--data', 'corrupt')
      await writeFile(join(folder, 'corrupt', 'identity.key'), 'nonsense')
      const { code, findings: found } = await findings('--data', 'corrupt', '--listen', '/ip4/127.0.0.1/tcp/0')
      assert.equal(code, 1)
      assert.equal(found.find(({ check }) => check === 'identity')?.status, 'failure')
    })
  })
})
