/** The entry of a forked process: one node with a data folder, that votes. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createNode, type KeyValueGroup, type Node } from '../../../../src/index.ts'
import { answer } from '../../harness/answer.ts'

export interface VoterStart {
  name: string
  dataDir: string
  bootstrap: string[]
}

export interface VoterState {
  role: string
  leader: string | undefined
  term: number
  applied: number
}

/** MiB. What is live is what a full collection leaves, on V8's heap and beside it. */
export interface VoterMemory {
  live: number
  resident: number
}

export interface VoterCalls {
  /** Its modules are there. */
  load(): Promise<void>
  start(options: VoterStart): Promise<{ peer: string; address: string }>
  open(groups: string[], voters: string[]): Promise<void>
  state(group: string): Promise<VoterState>
  read(group: string, key: string): Promise<unknown>
  /** Whether the log begins with a snapshot. */
  isCompacted(group: string): Promise<boolean>
  memory(): Promise<VoterMemory>
}

let node: Node
const groups = new Map<string, KeyValueGroup>()

answer<VoterCalls>({
  async load() {},

  async start(options) {
    node = await createNode({ ...options, listen: ['/ip4/127.0.0.1/tcp/0'] })
    return { peer: String(node.peerId), address: String(node.multiaddrs[0]) }
  },

  async open(names, voters) {
    for (const name of names) groups.set(name, await node.consensus(name, { voters }))
  },

  async state(group) {
    const { role, leader, term, applied } = groups.get(group)!.status()
    return { role, leader, term, applied }
  },

  async read(group, key) {
    return await groups.get(group)!.read(key, { consistency: 'eventual' })
  },

  async isCompacted(group) {
    for await (const { kind } of groups.get(group)!.watch({ from: 1 })) return kind === 'snapshot'
    return false
  },

  async memory() {
    const resident = process.memoryUsage.rss() / 2 ** 20
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return { live: (heapUsed + external) / 2 ** 20, resident }
  }
})

function collect(): void {
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  // What hangs on what the first one found dead goes with the second.
  gc()
  gc()
}
