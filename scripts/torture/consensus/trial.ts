import { readFile } from 'node:fs/promises'
import { until } from '../../../test/kit/until.ts'
import { check, type Verdict } from '../../simulate/linearizability/check.ts'
import { parseHistory } from '../../simulate/linearizability/history.ts'
import { Voters } from './voters.ts'

const VOTERS = 5
const PROCESSES = 2
/** On all keys of a moment together: with more the search for an order may not end. */
const CLIENTS = 5
/** Operations that are answered before, while and after something befalls the voters. */
const PROGRESS = 20
/** ms that only bound a failure: many elections and restarts. */
const PATIENCE = 90_000
/** Configurations of a search of one key's history. */
const LIMIT = 2_000_000

export interface TrialOptions {
  /** How often something befalls the voters. */
  rounds: number
  told?: (text: string) => void
}

export interface Report {
  /** What befell them, in order. */
  ordeals: string[]
  operations: number
  unknown: number
  verdicts: Verdict[]
  /** Writes that were acknowledged, each of a key of its own. */
  acknowledged: number
  /** Of those, on any voter. */
  lost: string[]
  /** The history's file, for as long as the trial is not disposed of. */
  file: string
}

type Ordeal = (trial: Trial) => Promise<void>

/** What befalls five voters while clients of theirs, in other processes, work on; and whether anything was lost by it. */
export class Trial implements AsyncDisposable {
  readonly voters: Voters
  readonly #options: TrialOptions
  readonly #ordeals: string[] = []
  #round = 0

  private constructor(options: TrialOptions, voters: Voters) {
    this.#options = options
    this.voters = voters
  }

  static async begin(options: TrialOptions): Promise<Trial> {
    return new Trial(options, await Voters.start(VOTERS, PROCESSES))
  }

  async run(): Promise<Report> {
    const { voters } = this
    const file = voters.path('history.jsonl')
    const clients = Array.from({ length: PROCESSES * CLIENTS }, (_, i) => `c${i}`)
    await Promise.all(
      voters.clients.map((host, i) =>
        host.call('work', clients.slice(i * CLIENTS, (i + 1) * CLIENTS), file, this.#keys)
      )
    )
    await this.progress()
    for (; this.#round < this.#options.rounds; await this.#moveOn()) await this.#befall()
    const entries = (await Promise.all(voters.clients.map((host) => host.call('rest')))).flat()
    const lost = await Promise.all(voters.indexes.map((i) => voters.hosts[i]!.call('missing', entries)))
    const history = parseHistory(await readFile(file, 'utf8'))
    return {
      ordeals: this.#ordeals,
      operations: history.length,
      unknown: history.filter(({ end }) => end === null).length,
      verdicts: check(history, LIMIT),
      acknowledged: entries.length,
      lost: [...new Set(lost.flat())],
      file
    }
  }

  /** Until so much more was answered. */
  async progress(): Promise<void> {
    const counts = async (): Promise<number> => {
      const each = await Promise.all(this.voters.clients.map((host) => host.call('answered')))
      return each.reduce((sum, count) => sum + count, 0)
    }
    const enough = (await counts()) + PROGRESS
    await until(`answers, after ${this.#ordeals.at(-1)}`, async () => (await counts()) >= enough, PATIENCE)
  }

  async leader(): Promise<number> {
    let leader: number | undefined
    await until('a leader', async () => (leader = await this.voters.leader()) !== undefined, PATIENCE)
    return leader!
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.voters[Symbol.asyncDispose]()
  }

  get #keys(): string[] {
    return [`a${this.#round}`, `b${this.#round}`]
  }

  async #befall(): Promise<void> {
    const possible = this.voters.network === undefined ? ALONE : { ...ALONE, ...CUTS }
    const [name, ordeal] = Object.entries(possible)[this.#round % Object.keys(possible).length]!
    this.#ordeals.push(name)
    this.#options.told?.(`${this.#round + 1}: ${name}`)
    await ordeal(this)
    await this.progress()
  }

  async #moveOn(): Promise<void> {
    this.#round++
    await Promise.all(this.voters.clients.map((host) => host.call('moveOn', this.#keys)))
  }
}

async function killed(trial: Trial, ...which: number[]): Promise<void> {
  await trial.voters.kill(...which)
  if (which.length < VOTERS / 2) await trial.progress()
  await trial.voters.restart(...which)
}

const ALONE: Record<string, Ordeal> = {
  'kill -9 of the leader': async (trial) => killed(trial, await trial.leader()),
  'kill -9 of two voters': async (trial) => killed(trial, ...shuffled(trial.voters.indexes).slice(0, 2)),
  'the leader stands still': async (trial) => {
    const host = trial.voters.hosts[await trial.leader()]!
    host.freeze()
    await trial.progress()
    host.thaw()
  },
  'kill -9 of all voters': async (trial) => killed(trial, ...trial.voters.indexes)
}

/** Cuts both ways between the groups. */
async function split(trial: Trial, some: readonly number[], others: readonly number[]): Promise<void> {
  const network = trial.voters.network!
  for (const a of some) for (const b of others) await Promise.all([network.cut(a, b), network.cut(b, a)])
  await trial.progress()
  await network.heal()
}

async function oneWay(trial: Trial, cut: (leader: number, other: number) => Promise<void>): Promise<void> {
  const leader = await trial.leader()
  for (const other of trial.voters.indexes) if (other !== leader) await cut(leader, other)
  await trial.progress()
  await trial.voters.network!.heal()
}

const CUTS: Record<string, Ordeal> = {
  'the leader is cut off from the other voters, not from clients': async (trial) => {
    const leader = await trial.leader()
    const others = trial.voters.indexes.filter((i) => i !== leader)
    await split(trial, [leader], others)
  },
  'a minority, one client with it, is cut off': async (trial) => {
    const order = shuffled(trial.voters.indexes)
    await split(trial, [...order.slice(0, 2), VOTERS], [...order.slice(2), VOTERS + 1])
  },
  'the other voters do not hear the leader': (trial) => oneWay(trial, (a, b) => trial.voters.network!.cut(a, b)),
  'the leader does not hear the other voters': (trial) => oneWay(trial, (a, b) => trial.voters.network!.cut(b, a))
}

function shuffled(items: readonly number[]): number[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
