import type { KeyValueGroup, MachineGroup } from '../../../../src/index.ts'
import type { Council, Name } from './council.ts'

/** ms: what is asked on behalf of nobody. */
const TIMEOUT = 4_000

const DEEDS: readonly [share: number, deed: (council: Council) => void][] = [
  [0.2, changeVoters],
  [0.1, transfer],
  [0.2, snapshot],
  [0.12, isolateLeader],
  [0.05, (council) => council.powerCut()],
  [0.05, (council) => void darken(council)]
]

/** What befalls groups besides what befalls hosts. */
export function meddle(council: Council): void {
  const { chance } = council.play
  for (const [share, deed] of DEEDS) if (chance.happens(share)) deed(council)
}

/** It may fail, as everything may in such weather. */
function ask<T>({ play, mesh }: Council, what: string, asked: Promise<T>): Promise<T | undefined> {
  play.watch(mesh, what, asked)
  return asked.catch(() => undefined)
}

function anyGroup(council: Council): KeyValueGroup | MachineGroup | undefined {
  const { chance } = council.play
  const seat = council.present(chance.pick(council.hosts))
  return seat && chance.pick([seat.registers, seat.ledger])
}

function changeVoters(council: Council): void {
  const { play, members } = council
  const { chance } = play
  const order = council.peersOf(chance.shuffled(members))
  const size = Math.min(order.length, chance.pick([2, 3, 3, 4, 5]))
  const learners = order.slice(size, size + chance.below(2))
  const group = anyGroup(council)
  if (group === undefined) return
  play.faults++
  const changed = group.changeVoters(order.slice(0, size), { learners, timeout: TIMEOUT })
  ask(council, `change the voters of ${group.name}`, changed)
}

function transfer(council: Council): void {
  const group = anyGroup(council)
  if (group === undefined) return
  ask(council, `transfer ${group.name}`, group.transferLeadership(undefined, { timeout: TIMEOUT }))
}

function snapshot(council: Council): void {
  const group = anyGroup(council)
  if (group !== undefined) ask(council, `snapshot of ${group.name}`, group.snapshot({ timeout: TIMEOUT }))
}

function isolateLeader(council: Council): void {
  const { chance } = council.play
  const leader = council.leaderOf(chance.pick<Name>(['registers', 'ledger']))
  // From clients too, or not.
  const others = chance.happens(0.5) ? council.members : council.hosts
  if (leader === undefined) return
  const rest = others.filter((i) => i !== leader)
  council.cut([leader], rest)
}

/** Everybody takes a snapshot, and then the power is gone: what they go on with is what is in it. */
async function darken(council: Council): Promise<void> {
  const seats = council.members.flatMap((i) => council.present(i) ?? [])
  const taken = seats.flatMap(({ registers, ledger }) =>
    [registers, ledger].map((group) => ask(council, `snapshot of ${group.name}`, group.snapshot({ timeout: 500 })))
  )
  await Promise.race([Promise.all(taken), council.mesh.sleep(500)])
  if (council.isTroubled) council.powerCut()
}
