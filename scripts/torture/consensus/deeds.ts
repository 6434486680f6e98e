/** What the hosts of the trial are asked to do, each in its own process. */
import { appendFileSync } from 'node:fs'
import type { Agent, ConsensusStatus, KeyValueGroup, MeshError, Node } from '../../../src/index.ts'
import type { Operation } from '../../simulate/linearizability/history.ts'

let group: KeyValueGroup

export async function open(node: Node, voters: string[]): Promise<void> {
  group = await node.consensus('registers', { voters })
}

export function status(): ConsensusStatus {
  return group.status()
}

// ---- clients ---------------------------------------------------------------------------------------------------------

/** ms that a client waits for an answer. */
const TIMEOUT = 3_000

type Asked = Pick<Operation, 'op' | 'key' | 'value'>

/** Keys that the clients work on: they move on to other ones, so that no history of a key grows without end. */
let keys: string[] = []
let resting = false
let working: Promise<void>[] = []
let done = 0
const entries: string[] = []
let values = 0

/** Clients that ask one thing after the other; what they saw goes into the file, a line for each operation. */
export function work(_: Node, clients: string[], file: string, first: string[]): void {
  keys = first
  resting = false
  working = clients.map((client) => busy(client, file))
}

export function moveOn(_: Node, others: string[]): void {
  keys = others
}

/** Operations that were answered. */
export function answered(): number {
  return done
}

/** Ends the work. Keys that were written once each, and whose writing was acknowledged. */
export async function rest(): Promise<string[]> {
  resting = true
  await Promise.all(working)
  return entries.splice(0)
}

async function busy(client: string, file: string): Promise<void> {
  let known: unknown = null
  for (let i = 0; !resting; i++) {
    const operation = { client, ...any(client, known), start: now() }
    try {
      const result = await perform(operation)
      done++
      if (operation.op === 'read') known = result
      appendFileSync(file, `${JSON.stringify({ ...operation, end: now(), result })}\n`)
    } catch (error) {
      if ((error as MeshError).code === undefined) throw error
      // It may have taken effect, or do so yet; a read has none.
      if (operation.op !== 'read')
        appendFileSync(file, `${JSON.stringify({ ...operation, end: null, result: null })}\n`)
    }
    await enter(`entry/${client}/${i}`)
  }
}

/** A key that nobody else writes: it must be there at the end, where that was acknowledged. */
async function enter(key: string): Promise<void> {
  try {
    await group.propose(key, key, { timeout: TIMEOUT })
    entries.push(key)
    done++
  } catch (error) {
    if ((error as MeshError).code === undefined) throw error
  }
}

function any(client: string, known: unknown): Asked {
  const key = keys[Math.floor(Math.random() * keys.length)]!
  const dice = Math.random()
  if (dice < 0.4) return { op: 'read', key, value: null }
  const value = `${client}.${++values}`
  return dice < 0.7 ? { op: 'write', key, value } : { op: 'cas', key, value: [known, value] }
}

async function perform({ op, key, value }: Asked): Promise<unknown> {
  const wait = { timeout: TIMEOUT }
  if (op === 'read') return (await group.read(key, wait)) ?? null
  if (op === 'cas') {
    const [expected, next] = value as unknown[]
    return group.compareAndSet(key, expected ?? undefined, next, wait)
  }
  await group.propose(key, value, wait)
  return true
}

/** Monotonic ns, of one clock for all processes of the machine. */
function now(): number {
  return Number(process.hrtime.bigint())
}

// ---- judging ---------------------------------------------------------------------------------------------------------

/** Which of these keys this host's own replica, once it is as far as the leader, does not hold. */
export async function missing(_: Node, wanted: string[]): Promise<string[]> {
  await group.read('', { timeout: 60_000 })
  const absent: string[] = []
  for (const key of wanted) if ((await group.read(key, { consistency: 'eventual' })) !== key) absent.push(key)
  return absent
}

// ---- one thing at a time ---------------------------------------------------------------------------------------------

/** What was read, written or held, or the code that it was refused with. */
export async function attempt(
  node: Node,
  what: 'write' | 'strong' | 'eventual' | 'lock' | 'deliver',
  key: string,
  timeout: number
): Promise<unknown> {
  try {
    if (what === 'write') await group.propose(key, key, { timeout })
    else if (what === 'deliver') await deliver(node, key, timeout)
    else if (what === 'lock') await (await group.lock(key, { timeout })).release()
    else return await group.read(key, { consistency: what, timeout })
    return 'done'
  } catch (error) {
    return (error as MeshError).code
  }
}

// ---- coordinated delivery ---------------------------------------------------------------------------------------------

/** An agent of this host that shares its state and its deliveries with those of the same name elsewhere. */
export async function share(node: Node): Promise<void> {
  const tally = await node.agent('tally', { coordinated: { group } })
  tally.receive(async ({ data }, ctx) => {
    const before = ((await tally.state.get('sum')) as number | undefined) ?? 0
    await ctx.commit([{ type: 'put', key: 'sum', value: before + (data as number) }])
  })
}

/** One attempt at one of them. */
async function deliver(node: Node, key: string, timeout: number): Promise<void> {
  sender ??= await node.agent('sender')
  await sender.send('tally', 1, { delivery: 'exactly-once', id: key, maxRetries: 0, timeout })
}

let sender: Agent | undefined
