/**
 * What a user's compiler sees: the snippets of the API as they are written, and what must not compile. Checked by `tsc`
 * alone; nothing here runs.
 */
import { pipe } from 'it-pipe'
import {
  type Agent,
  type AgentChange,
  type AgentState,
  type Characteristics,
  type Context,
  characteristicsOf,
  createMessage,
  createNode,
  decode,
  type Evidence,
  encode,
  fromCloudEvent,
  type KeyValueGroup,
  keyValue,
  type Letter,
  type MachineGroup,
  MeshError,
  type Message,
  messageTypes,
  type Node,
  type NodeEvent,
  type Pipeline,
  type Receipt,
  type Subscription,
  toCloudEvent
} from '../../src/index.ts'
import { createMesh } from '../../src/testing/index.ts'

declare const signal: AbortSignal
declare const source: AsyncIterable<{ line: string }>
declare const sink: (results: AsyncIterable<unknown>) => Promise<void>

/** Compiles where the types are the same. */
function is<Expected>(_value: Expected): void {}

export async function aNodeIsOneAgentHost(): Promise<void> {
  await using node = await createNode({
    name: 'edge-7',
    dataDir: './data',
    listen: ['/ip4/0.0.0.0/tcp/4001'],
    bootstrap: ['/ip4/192.0.2.5/tcp/4001/p2p/12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7'],
    region: 'eu',
    zone: 'eu-a',
    start: true
  })
  await using other = await createNode({ bootstrap: node.multiaddrs })
  is<Node>(other)
  is<string>(node.peerId.toString())
  is<string | undefined>(node.multiaddrs[0]?.toString())
  await node.ready({ peers: 1, signal })
  await node.ready({ timeout: 1_000 })
  for (const { peerId, name, region, zone, rtt, agents, transport } of node.peers()) {
    is<string>(peerId + name)
    is<(string | undefined)[]>([region, zone, transport, ...agents])
    is<number | undefined>(rtt)
  }
  for (const { name, instance, peer } of node.agents('worker')) is<string>(name + instance + peer)
  for await (const change of node.monitor('worker')) is<AgentChange>(change)
  for await (const event of node.events({ signal })) {
    is<NodeEvent>(event)
    if (event.kind === 'slow-consumer') is<boolean>('agent' in event)
    if (event.kind === 'agent-moved') is<string | undefined>(event.from)
  }
  const message = createMessage({ job: 7 })
  for (const target of ['worker', { name: 'worker', peer: node.peerId }, { name: 'worker', instance: 'i' }]) {
    const { pattern, guarantee, format, compression, transport, route, runnersUp } = node.explain(message, target)
    for (const { chosen, reason } of [pattern, guarantee, format, compression, transport, route]) {
      is<string>(chosen + reason)
    }
    for (const { peer, reason } of runnersUp) is<string>(peer + reason)
  }
  is<string>(node.libp2p.status)
  await node.flush()
  await node.stop({ drain: true, timeout: 5_000 })

  // @ts-expect-error a key that does not exist
  await createNode({ nonsense: 1 })
  // @ts-expect-error a key that is not built yet
  await createNode({ overlay: 'auto' })
  // @ts-expect-error a format that is not built yet
  await createNode({ formats: ['protobuf'] })
  // @ts-expect-error a target needs a name
  node.explain(message, { peer: node.peerId })
  // @ts-expect-error a number is no timeout in words
  await node.ready({ timeout: '5 s' })
}

export async function agents(node: Node, data: { total: number }): Promise<void> {
  const make = async (message: Message, ctx: Context) => ({ made: message.id, by: ctx.sender.agent })
  const receive = (message: Message) => void message.type
  const planner = await node.agent('planner', { receive, handle: { 'plan.make': make } })
  is<Agent>(await node.agent('other'))
  await node.agent('third', { receive: { 'order.placed': receive } }, { signal, timeout: 1_000 })

  planner.receive(async (message, ctx) => {
    const { signal, attempt, sender, deadline } = ctx
    is<AbortSignal>(signal)
    is<number>(attempt)
    is<string>(sender.peer + sender.agent)
    is<number | undefined>(deadline)
    if (message.data.total > 3) ctx.nak(100)
    else if (attempt > 2) ctx.term('too often')
    else ctx.ack()
    ctx.working()
  })
  planner.receive('order.placed', async (message) => void message.data.total, { concurrency: 4 })
  planner.receive(
    async (_message, ctx) => {
      const n = (await ctx.state.get('count')) ?? 0
      await ctx.commit([
        { type: 'put', key: 'count', value: n + 1 },
        { type: 'delete', key: 'former' }
      ])
      // @ts-expect-error a put has a value
      await ctx.commit([{ type: 'put', key: 'count' }])
    },
    { delivery: 'exactly-once' }
  )
  is<AgentState>(planner.state)
  for await (const [key, value] of planner.state.entries()) is<string>(key + value.name)
  // @ts-expect-error a handler does not choose how often it is sent to
  planner.receive(receive, { delivery: 'at-least-once' })
  planner.handle('plan.make', async (message) => message.data.total + 1)
  planner.handle('plan.watch', async function* (message, ctx) {
    for (let i = 0; i < message.data.total && !ctx.signal.aborted; i++) yield { i }
  })
  planner.handle('plan.read', async ({ data }) => {
    let sum = 0
    for await (const part of data) sum += part.total
    return sum
  })

  const options = { delivery: 'at-least-once', id: 'a-1', type: 't', priority: 'high', key: 'k', ttl: 1_000 } as const
  const receipt = await planner.send('worker', data, { ...options, ordering: 'none', signal, timeout: 500 })
  const { id, status, attempts, transport, route, settled } = receipt
  is<Receipt>(await settled)
  is<string>(id + transport + route)
  is<number>(attempts)
  is<'sent' | 'stored' | 'delivered' | 'duplicate'>(status)
  const receipts = await planner.send({ name: 'worker', peer: node.peerId }, data, { to: 'all' })
  is<Receipt[]>(receipts)
  await planner.send({ name: 'worker', peer: node.peerId.toString(), instance: 'i' }, data)
  const guarantee = { timeout: 1_000, retryStrategy: 'linear', maxRetries: 9, duplicateDetection: true } as const
  await planner.send('worker', data, { durable: true, delivery: 'exactly-once', guarantee })
  await planner.send('worker', data, { acknowledgmentRequired: false })
  // @ts-expect-error delivery is an option of its own
  await planner.send('worker', data, { guarantee: { mode: 'exactly-once' } })

  const reply = await planner.request('worker', data, { type: 'plan.make', timeout: 500, idempotent: true })
  is<number>(reply.data.made)
  is<Message>(reply)
  for await (const part of planner.stream('worker', data, { type: 'plan.watch', signal })) is<number>(part.data.i)
  for await (const part of planner.stream('worker', source, { type: 'plan.read' })) is<number>(part.data)

  const evidence = await planner.publish('orders.eu.created', data, { waitFor: { subscribers: 2 }, timeout: 500 })
  is<Evidence>(evidence)
  is<number>(evidence.subscribers)
  await planner.publish('orders.eu.created', data, { type: 'order.created', subject: 's', priority: 'low', ttl: 5 })
  await using subscription = planner.subscribe('orders.*.created', {
    filter: (message) => message.data.total > 100,
    delivery: 'at-most-once',
    overflow: 'drop-oldest',
    highWatermark: 1_000,
    lowWatermark: 250,
    maxQueue: { messages: 2_000, bytes: 2 ** 24 }
  })
  is<Subscription>(subscription)
  is<Subscription>(planner.subscribe('orders.>', { delivery: 'at-least-once', overflow: 'reject' }))
  is<number>(subscription.stats().redelivered)
  await subscription.ready
  for await (const message of subscription) is<number>(message.data.total)
  await planner.close()

  // @ts-expect-error no such delivery
  await planner.send('worker', data, { delivery: 'twice' })
  // @ts-expect-error no such priority
  await planner.send('worker', data, { priority: 'urgent' })
  planner.subscribe('orders.>', { overflow: 'spill-to-disk' })
  // @ts-expect-error no such policy
  planner.subscribe('orders.>', { overflow: 'forget' })
  // @ts-expect-error no such delivery of a subscription yet
  planner.subscribe('orders.>', { delivery: 'exactly-once' })
  // @ts-expect-error only a function receives
  planner.receive('order.placed')
  // @ts-expect-error an evidence is not a receipt
  is<Receipt>(evidence)
  // @ts-expect-error one receipt where one member is asked
  is<Receipt[]>(receipt)
}

export async function consensus(node: Node, planner: Agent): Promise<void> {
  const voters = [node.peerId, 'peer']
  const config = await node.consensus('config', { voters, learners: [], machine: keyValue() })
  is<KeyValueGroup>(config)
  is<KeyValueGroup>(await node.consensus('config', { voters }))
  const { id, index, term } = await config.propose('limits.max', 40, { timeout: 500, signal })
  is<string>(id)
  is<number>(index + term)
  is<number>(await config.read('limits.max', { consistency: 'strong' }))
  is<boolean>(await config.compareAndSet('limits.max', 40, 41))
  await using lock = await config.lock('migrate', { ttl: 10_000, signal })
  is<number>(lock.token)
  is<AbortSignal>(lock.lost)
  const election = await config.elect('scheduler', planner)
  is<string>(election.leader.agent + election.leader.peer)
  is<boolean>(election.isLeader)
  for await (const { agent, token } of election.changes()) is<string>(agent + token)
  for await (const entry of config.watch({ from: 0 })) {
    if (entry.kind === 'snapshot') is<number>(entry.state.get('limits.max'))
    else is<string>(entry.key)
  }
  await config.changeVoters(voters, { learners: [node.peerId], timeout: 500 })
  const { role, leader, commit, applied, progress } = config.status()
  is<'leader' | 'follower' | 'candidate' | 'learner' | 'client'>(role)
  is<string | undefined>(leader)
  is<number>(commit + applied + (progress[0]?.match ?? 0))

  const machine = {
    apply: (command: unknown, { index }: { index: number }) => [command, index],
    query: (question: unknown) => question,
    snapshot: () => 1,
    restore: () => {}
  }
  const own = await node.consensus('own', { voters, machine })
  is<MachineGroup>(own)
  is<number>((await own.propose({ add: 1 })).result.total)
  for await (const { command, result } of own.watch()) is<number>(command.add + result.total)

  // @ts-expect-error no such consistency
  await config.read('limits.max', { consistency: 'weak' })
  // @ts-expect-error a group has voters
  await node.consensus('config', {})
  // @ts-expect-error a machine restores
  await node.consensus('own', { voters, machine: { ...machine, restore: undefined } })
  // @ts-expect-error a machine of one's own has no keys
  await own.compareAndSet('x', 1, 2)
}

export function messages(): void {
  const message = createMessage({ total: 1n, at: new Date() }, { source: '/a', type: 'order.created', subject: 'eu' })
  is<bigint>(message.data.total)
  const { specversion, id, time, trace, causality, guarantee, routing, security, qos } = message
  is<'1.0'>(specversion)
  is<string>(id + time)
  is<string | undefined>(trace?.traceparent)
  is<Record<string, number> | undefined>(causality?.clock)
  is<number | undefined>(guarantee?.maxRetries)
  is<string | undefined>(routing?.topic)
  is<number | undefined>(qos?.deadline)
  is<string | undefined>(security?.principal)
  is<Message>(decode(encode(message, 'messagepack'), 'messagepack'))
  is<Message>(decode(encode(message, 'json'), 'json'))
  is<Message>(fromCloudEvent(toCloudEvent(message)))
  is<Characteristics>(characteristicsOf('phoenix.cluster.node.join'))
  is<readonly string[]>([...messageTypes.controlPlane, ...messageTypes.dataPlane, ...messageTypes.observability])
  messageTypes.register('order.created', {
    priority: 'high',
    consistency: 'eventual',
    ordering: 'none',
    delivery: 'at-least-once'
  })
  const whole: Message<{ n: number }> = {
    specversion: '1.0',
    id: '1',
    source: '/a',
    type: 't',
    time: '2026-01-01T00:00:00Z',
    data: { n: 1 }
  }
  is<Uint8Array>(encode(whole, 'json'))

  // @ts-expect-error no such format
  encode(message, 'yaml')
  // @ts-expect-error an event says 1.0
  is<Message>({ ...whole, specversion: '1.0.2' })
  // @ts-expect-error a type needs all four
  messageTypes.register('order.created', { priority: 'high' })
  // @ts-expect-error the taxonomy is not to be changed
  messageTypes.controlPlane.push('order.created')
}

export async function deadLetters(node: Node): Promise<void> {
  for await (const letter of node.deadLetters.list({ agent: 'worker' })) {
    is<Letter>(letter)
    const { id, agent, type, code, reason, attempts, at } = letter
    is<string>(id + agent + type + code + reason)
    is<number>(attempts + at)
    is<Receipt | undefined>(await node.deadLetters.replay(id))
    await node.deadLetters.drop(id)
  }
}

export async function pipelines(node: Node): Promise<void> {
  const stages = [
    { name: 'parse', agent: 'parser' },
    { name: 'enrich', agent: 'enricher', concurrency: 8, onError: 'retry', retries: 3 },
    { name: 'store', agent: 'sink', onError: 'dead-letter' }
  ] as const
  const pipeline = await node.pipeline('ingest', { stages, overflow: 'reject', highWatermark: 1_000 })
  is<Pipeline>(pipeline)
  for await (const result of pipeline.process(source)) is<number>(result.total)
  await pipe(source, pipeline, sink)
  const result = await node.pipelines.get('ingest').send({ line: '' }, { signal, timeout: 500 })
  is<number>(result.total)
  await pipeline.reconfigure({ stages })
  for (const { name, in: entered, out, failed, retried, queued, latency } of pipeline.stats().stages) {
    is<string>(name)
    is<number>(entered + out + failed + retried + queued + latency.p50 + latency.p99)
  }

  // @ts-expect-error a stage has an agent
  await node.pipeline('ingest', { stages: [{ name: 'parse' }] })
  // @ts-expect-error no such policy
  await node.pipeline('ingest', { stages: [{ name: 'parse', agent: 'parser', onError: 'ignore' }] })
}

export async function limitsLettersRates(node: Node): Promise<void> {
  node.rateLimits.create('tool-calls', { capacity: 100, refillRate: 50, burst: 20, distributed: true })
  const { granted, remaining } = await node.rateLimits.acquire('tool-calls', 3, { wait: true, signal, timeout: 500 })
  is<[boolean, number]>([granted, remaining])
  await node.rateLimits.acquire('tool-calls', 1, { key: 'worker' })
  await node.rateLimits.get('tool-calls')?.ready
  is<boolean>(node.rateLimits.remove('tool-calls'))

  // @ts-expect-error a bucket refills
  node.rateLimits.create('tool-calls', { capacity: 100 })
}

export function errors(error: unknown): void {
  if (!(error instanceof MeshError)) return
  const { name, code, retryable, cause, message } = error
  is<string>(name + code + message)
  is<boolean>(retryable)
  is<unknown>(cause)
  // @ts-expect-error a code that no error has
  is<MeshError>(new MeshError('ERR_NONSENSE', 'text'))
}

export async function theTestKit(): Promise<void> {
  const mesh = await createMesh({ nodes: 5, seed: 42, latency: [1, 20], loss: 0.01 })
  mesh.partition([0, 1], [2, 3, 4])
  await mesh.advance(10_000)
  mesh.heal()
  is<Node | undefined>(mesh.nodes[0])
  // @ts-expect-error a simulated node has no listen addresses
  await createMesh({ nodes: [{ listen: [] }] })
}
