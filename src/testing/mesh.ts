import { MeshError } from '../../protocols/errors.ts'
import { assemble } from '../node/assemble.ts'
import { type NodeOptions, resolveConfig } from '../node/config.ts'
import type { Node } from '../node/node.ts'
import type { DiskConditions } from './disk.ts'
import type { Conditions } from './medium.ts'
import { checkDuration, checkMeshOptions } from './options.ts'
import type { Trace } from './trace.ts'
import { Waits } from './waits.ts'
import { watchNode } from './watched-node.ts'
import { World } from './world.ts'

/** What `createNode` takes, less what the simulation itself decides. */
export type SimulatedNodeOptions = Omit<
  NodeOptions,
  'dataDir' | 'listen' | 'bootstrap' | 'transports' | 'start' | 'controlPlane'
>

export interface MeshOptions extends Partial<Conditions> {
  /** How many, or what each is told: `[{ name: 'a', region: 'eu' }, …]`. Default names: `'node-0'`, `'node-1'`, … */
  nodes: number | readonly SimulatedNodeOptions[]
  /** Which of them are the voters of the control plane, by their index. Default: there is none. */
  controlPlane?: { voters: readonly number[] }
  /** Default 1. All chance follows from it. */
  seed?: number
  /** Whether `createMesh` waits until everybody knows everybody. Default true. */
  ready?: boolean
  /**
   * Gives each node a disk that outlives its crashes, less what was not synced; true: one without faults. Default: none,
   * so that a node forgets with its life, as without `dataDir`.
   */
  disks?: boolean | Partial<DiskConditions>
}

export interface RunOptions {
  /** Virtual ms after which `run` gives up with `ERR_TIMEOUT`. Default 60,000: a guess at more than any default time-out. */
  limit?: number
}

const LIMIT = 60_000

/**
 * Nodes of production over a network in memory, under a virtual clock. Time passes while `advance` says so, and by itself,
 * as fast as it can, while a call on a node or on what it handed out is pending; else it stands still. What the caller
 * goes on with runs at the virtual moment at which its call settled. Throws `ERR_CONFIG` naming the key.
 *
 * What a handler awaits lets no time pass by itself: it moves with the time of others. What it awaits of the real world
 * takes no virtual time, and virtual time does not wait for it: a handler that is to take its time awaits `sleep`.
 *
 * A reader that waits for a message or an event keeps time going for 60 virtual seconds in which nothing came, any call
 * for an hour of them in which none was made or ended: then it waits until something else moves. A script is repeatable
 * as long as it awaits nothing of the real world while something of the mesh is pending.
 *
 * @example
 * await using mesh = await createMesh({ nodes: 5, seed: 42, latency: [1, 20], loss: 0.01 })
 * const [a, b] = mesh.nodes
 * await b.agent('worker', { handle: { add: async ({ data }) => data.x + data.y } })
 * const caller = await a.agent('caller')
 * const reply = await caller.request('worker', { x: 1, y: 2 }, { type: 'add' })
 * mesh.partition([0, 1], [2, 3, 4]); await mesh.advance(10_000); mesh.heal()
 */
export async function createMesh(options: MeshOptions): Promise<Mesh> {
  checkMeshOptions(options)
  const { nodes, ready = true, disks = false, controlPlane, ...conditions } = options
  const settings = typeof nodes === 'number' ? Array.from({ length: nodes }, () => ({})) : nodes
  const world = new World({ ...conditions, disks: disks === true ? {} : disks || undefined })
  const voters = (controlPlane?.voters ?? []).map(async (i) => (await world.identity(label(i))).peer)
  const mesh = new Mesh(world, settings, await Promise.all(voters))
  for (const i of settings.keys()) await mesh.restart(i)
  if (ready) await mesh.run(Promise.all(mesh.nodes.map((node) => node.ready({ peers: settings.length - 1 }))))
  return mesh
}

/** Nodes are known by their index. */
export class Mesh implements AsyncDisposable {
  /** The node at each index, in its present life. */
  readonly nodes: Node[] = []
  readonly #world: World
  readonly #waits: Waits
  readonly #settings: readonly SimulatedNodeOptions[]
  /** PeerIds of the control plane's. */
  readonly #voters: readonly string[]
  readonly #addresses = new Map<number, string>()

  constructor(world: World, settings: readonly SimulatedNodeOptions[], voters: readonly string[]) {
    this.#world = world
    this.#waits = new Waits(world.time)
    this.#settings = settings
    this.#voters = voters
  }

  /** Virtual ms since the mesh was created. */
  get now(): number {
    return this.#world.time.now
  }

  /** Everything that crossed the network: the same seed and the same calls give the same lines. */
  get trace(): Trace {
    return this.#world.trace
  }

  /** Lets exactly `ms` of virtual time pass, whatever is pending. Rejects with `ERR_CONFIG`, also while another advances. */
  async advance(ms: number): Promise<void> {
    checkDuration(ms)
    return this.#world.time.advance(ms)
  }

  /** Resolves when `ms` of virtual time have passed, whatever moved it: what a handler that takes time awaits. */
  sleep(ms: number): Promise<void> {
    return this.#waits.follow(this, 'part', this.#world.sleep(ms))
  }

  /**
   * Lets time pass until the promise settles: for a promise that is no call of a node, or to bound it. Throws `ERR_TIMEOUT`
   * after `limit` virtual ms.
   */
  run<T>(promise: Promise<T>, options: RunOptions = {}): Promise<T> {
    return this.#world.time.run(promise, options.limit ?? LIMIT)
  }

  /**
   * Cuts every connection between the groups, now and until `heal`; nodes that no group names keep theirs. What was
   * open stalls and is reset after `timeout`; dials fail with `ERR_PEER_UNREACHABLE`. Throws `ERR_CONFIG` for a node that
   * there is not.
   */
  partition(...groups: readonly (readonly number[])[]): void {
    for (const i of groups.flat()) this.#known(i)
    for (const [i, group] of groups.entries()) {
      for (const other of groups.slice(i + 1)) {
        for (const a of group) for (const b of other) this.#world.cut(label(a), label(b))
      }
    }
  }

  /** Joins what partitions have cut. */
  heal(): void {
    for (const a of this.#settings.keys()) for (let b = 0; b < a; b++) this.#world.heal(label(a), label(b))
  }

  /** Kills a node without a word. `silent` takes its machine too: its connections stay half-open until the time-out. */
  crash(i: number, options: { silent?: boolean } = {}): void {
    this.#known(i)
    this.#world.crash(label(i), options)
    this.#addresses.delete(i)
    if (this.nodes[i] !== undefined) this.#waits.forget(this.nodes[i])
  }

  /** What a node's disk is like, to be changed at any time. Throws `ERR_CONFIG` where the mesh has no disks. */
  disk(i: number): DiskConditions {
    this.#known(i)
    const disk = this.#world.disks.get(label(i))
    if (disk === undefined)
      throw new MeshError('ERR_CONFIG', 'the mesh has no disks: give it the option', { details: { key: 'disks' } })
    return disk.conditions
  }

  /** The next life of a node, under its old identity; one that still lives is crashed first. It replaces `nodes[i]`. */
  async restart(i: number): Promise<Node> {
    const settings = this.#known(i)
    if (this.#addresses.has(i)) this.crash(i)
    const { address, ...place } = await this.#world.place(label(i))
    const bootstrap = [...this.#addresses.values()]
    const config = resolveConfig({ name: label(i), ...settings, bootstrap, controlPlane: { voters: this.#voters } })
    const node = watchNode(await this.run(assemble(config, place)), this.#waits)
    this.#addresses.set(i, address)
    this.nodes[i] = node
    return node
  }

  /** Stops all nodes that live. */
  async stop(): Promise<void> {
    const living = [...this.#addresses.keys()].flatMap((i) => this.nodes[i] ?? [])
    this.#addresses.clear()
    try {
      await this.run(Promise.all(living.map((node) => node.stop({ drain: false }))))
    } finally {
      for (const owner of [...living, this]) this.#waits.forget(owner)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #known(i: number): SimulatedNodeOptions {
    const settings = this.#settings[i]
    if (settings === undefined)
      throw new MeshError('ERR_CONFIG', `the mesh has no node ${i}`, { details: { key: 'nodes' } })
    return settings
  }
}

function label(i: number): string {
  return `node-${i}`
}
