/** What the hosts of these tests can be asked to do, each in its own process. */
import { createHash } from 'node:crypto'
import type { Node } from '../../src/index.ts'

const handled: number[] = []

/** Receives numbers, each after `delay` ms. */
export async function receiver(node: Node, name: string, delay = 0): Promise<void> {
  await node.agent(name, {
    receive: async ({ data }) => {
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
      handled.push(data)
    }
  })
}

export function received(): number[] {
  return handled
}

/** Answers 'who' with its node's name, 'add' with a sum, and 'count' with a stream. */
export async function responder(node: Node, name: string): Promise<void> {
  await node.agent(name, {
    handle: {
      who: () => node.name,
      add: ({ data }) => data.reduce((sum: number, each: number) => sum + each, 0),
      double: ({ data }) => data * 2,
      async *count({ data }) {
        for (let i = 0; i < data; i++) yield i
      }
    }
  })
}

/** Accepts requests of any type and never answers. */
export async function abyss(node: Node, name: string): Promise<void> {
  await node.agent(name, { handle: { '*': () => new Promise(() => {}) }, receive: () => new Promise(() => {}) })
}

export async function pipeline(node: Node, id: string, stage: string, agent: string): Promise<void> {
  await node.pipeline(id, { stages: [{ name: stage, agent, timeout: 60_000 }] })
}

export function peers(node: Node): string[] {
  return node.peers().map(({ peerId }) => peerId)
}

export function agents(node: Node, name: string): string[] {
  return node.agents(name).map(({ peer }) => peer)
}

export async function ask(node: Node, name: string, type: string, data: unknown): Promise<unknown> {
  await using asker = await node.agent('asker')
  return (await asker.request(name, data, { type })).data
}

/** Keeps the event loop busy: nothing is read, no timer fires. */
export function block(_: Node, ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

let burning: NodeJS.Timeout | undefined

/** A load of about nine tenths: work for 45 ms of every 50, answers in between. */
export function burn(node: Node, on: boolean): void {
  clearInterval(burning)
  if (on) burning = setInterval(() => block(node, 45), 50)
}

const left: string[] = []

/** Begins to note who leaves the mesh, as this node sees it. */
export function watch(node: Node): void {
  void (async () => {
    for await (const event of node.events()) if (event.kind === 'peer-left') left.push(event.peer)
  })()
}

export function whoLeft(): string[] {
  return left
}

/** ms that `stop` took. */
export async function stop(node: Node, drain: boolean, timeout: number): Promise<number> {
  const before = performance.now()
  await node.stop({ drain, timeout })
  return performance.now() - before
}

/** Takes a stream of bytes for 'digest' and says what came; answers 'ping' meanwhile. */
export async function store(node: Node, name: string): Promise<void> {
  await node.agent(name, {
    handle: {
      ping: ({ data }) => data,
      digest: async ({ data }) => {
        const hash = createHash('sha256')
        let bytes = 0
        for await (const part of data) {
          hash.update(part)
          bytes += part.length
        }
        return { bytes, sha256: hash.digest('hex') }
      }
    }
  })
}
