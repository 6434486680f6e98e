/**
 * Five processes on this machine become one mesh and do real work on real data; one of them is killed half-way.
 *
 *   npm start              the mesh stays up for you to talk to; Ctrl-C ends it
 *   npm start -- --once    ends by itself; exit code 1 if any figure differs from what the data says
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compare } from './comparison.ts'
import { expectations } from './expectations.ts'
import { hosts, VICTIM } from './hosts.ts'
import type { Outcome } from './outcome.ts'
import { invitation, progressLine, summary } from './report.ts'
import { SupervisedHost } from './supervisor.ts'

const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false } } })

const folder = await mkdtemp(join(tmpdir(), 'phoenix-quickstart-'))
const mesh = hosts.map((plan) => new SupervisedHost(plan, folder))
const gateway = mesh[0]!
const victim = mesh.find(({ plan }) => plan.name === VICTIM)!
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve)
})

async function startAll(): Promise<string[]> {
  const { addresses } = await gateway.start([])
  await Promise.all(mesh.slice(1).map((host) => host.start(addresses)))
  for (const { plan, lives } of mesh) console.log(`${plan.name} is up in ${plan.zone}, process ${lives[0]!.pid}`)
  return addresses
}

/** Lets the desk work; kills the victim when half of the results are there, and starts it again. */
async function work(bootstrap: string[]): Promise<Outcome> {
  let restarted: Promise<unknown> | undefined
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    for (const host of mesh) {
      host.on('exit', (code) => {
        if (host !== victim) reject(new Error(`${host.plan.name} ended with ${code}`))
      })
    }
    gateway.on('message', (message) => {
      if (message.kind === 'outcome') resolve(message.outcome)
      if (message.kind === 'failed') reject(new Error(message.error))
      if (message.kind !== 'progress') return
      console.log(progressLine(message.done, message.total))
      if (restarted === undefined && message.done >= message.total / 2) {
        restarted = restart(bootstrap)
        restarted.catch(reject)
      }
    })
    gateway.tell({ kind: 'work' })
  })
  await restarted
  return outcome
}

async function restart(bootstrap: string[]): Promise<void> {
  const at = performance.now()
  await victim.kill()
  console.log(`${VICTIM} was killed`)
  await victim.start(bootstrap)
  console.log(
    `${VICTIM} is back after ${((performance.now() - at) / 1000).toFixed(1)} s, process ${victim.lives[1]!.pid}`
  )
}

/** As shells have it for what Ctrl-C ends early. */
const INTERRUPTED = 130

/** Resolves with the exit code. */
async function run(): Promise<number> {
  const outcome = await Promise.race([startAll().then(work), interrupted])
  if (outcome === undefined) return INTERRUPTED
  const differences = compare(outcome, expectations(), mesh)
  console.log(summary(outcome, mesh, differences))
  if (differences.length > 0) return 1
  if (!options.once) {
    console.log(invitation(mesh))
    await interrupted
    console.log('\nStopping…')
  }
  return 0
}

try {
  process.exitCode = await run()
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await Promise.all(mesh.map((host) => host.stop()))
  await rm(folder, { recursive: true, force: true })
}
