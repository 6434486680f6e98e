import assert from 'node:assert/strict'
import { Dispatch, type Dispatched } from '../../../src/core/delivery/dispatch.ts'
import { seededDice } from '../../../src/testing/dice.ts'

class Item implements Dispatched {
  readonly name: number
  readonly agent: string
  readonly order: string | undefined
  readonly bytes: number
  destination: string
  admitted = false
  gone = false

  constructor(name: number, agent: string, key?: string, bytes = 1) {
    this.name = name
    this.agent = agent
    this.order = key === undefined ? undefined : `${agent}/${key}`
    this.bytes = bytes
    this.destination = agent
  }
}

const half = () => 0.5

/** All that may go now. */
function taken(dispatch: Dispatch<Item>): Item[] {
  const items: Item[] = []
  for (let item = dispatch.next(); item !== undefined; item = dispatch.next()) items.push(item)
  return items
}

function end(dispatch: Dispatch<Item>, item: Item): void {
  item.gone = true
  dispatch.ended(item)
}

describe('the dispatch', () => {
  it('lets one of each key go at a time, in order, and what has no key together', () => {
    const dispatch = new Dispatch<Item>({ messages: 100, bytes: 100 }, half)
    const [a1, a2, b1, free1, free2] = [
      new Item(1, 'x', 'a'),
      new Item(2, 'x', 'a'),
      new Item(3, 'x', 'b'),
      new Item(4, 'x'),
      new Item(5, 'x')
    ]
    for (const item of [a1, a2, b1, free1, free2]) dispatch.add(item)
    assert.deepEqual(taken(dispatch), [a1, b1, free1, free2])
    end(dispatch, a1)
    assert.deepEqual(taken(dispatch), [a2])
  })

  it('passes over what expired while it waited', () => {
    const dispatch = new Dispatch<Item>({ messages: 100, bytes: 100 }, half)
    const items = [1, 2, 3].map((name) => new Item(name, 'x', 'a'))
    for (const item of items) dispatch.add(item)
    assert.deepEqual(taken(dispatch), [items[0]])
    end(dispatch, items[1]!)
    end(dispatch, items[0]!)
    assert.deepEqual(taken(dispatch), [items[2]])
  })

  it('leaves half of the places to others, and takes turns', () => {
    const dispatch = new Dispatch<Item>({ messages: 8, bytes: 1_000 }, half)
    for (let i = 0; i < 20; i++) dispatch.add(new Item(i, 'slow'))
    assert.equal(taken(dispatch).length, 4)
    for (let i = 0; i < 20; i++) dispatch.add(new Item(i, 'other'))
    assert.deepEqual(
      taken(dispatch).map(({ agent }) => agent),
      ['other', 'other']
    )
    dispatch.add(new Item(0, 'third'))
    assert.equal(taken(dispatch).length, 1)
    assert.equal(dispatch.admitted, 7)
  })

  it('stops at its bytes, and lets one large message through', () => {
    const dispatch = new Dispatch<Item>({ messages: 100, bytes: 10 }, half)
    for (const bytes of [4, 400, 4]) dispatch.add(new Item(bytes, 'x', undefined, bytes))
    const first = taken(dispatch)
    assert.deepEqual(
      first.map(({ bytes }) => bytes),
      [4, 400]
    )
    for (const item of first) end(dispatch, item)
    assert.equal(taken(dispatch).length, 1)
  })

  it('has one look for somebody in the name of all, each time later, until somebody is there', () => {
    const dispatch = new Dispatch<Item>({ messages: 100, bytes: 100 }, half)
    for (let i = 0; i < 5; i++) dispatch.add(new Item(i, 'gone'))
    const first = taken(dispatch)
    for (let i = 5; i < 8; i++) dispatch.add(new Item(i, 'gone'))
    for (const item of first) dispatch.park(item, 'gone', 0)
    assert.equal(dispatch.wakeAt, 50)
    dispatch.tick(49)
    assert.deepEqual(taken(dispatch), [])
    dispatch.tick(50)
    const probe = taken(dispatch)
    assert.equal(probe.length, 1)
    dispatch.park(probe[0]!, 'gone', 50)
    assert.equal(dispatch.wakeAt, 150)
    dispatch.wake('gone')
    const [found] = taken(dispatch)
    dispatch.found(found!)
    const others = taken(dispatch).map(({ name }) => name)
    assert.deepEqual([found!.name, ...others], [0, 1, 2, 3, 4, 5, 6, 7], 'in their order')
    assert.equal(dispatch.wakeAt, Number.POSITIVE_INFINITY)
  })

  it('does not let one who waits for its host hold up others of the name, but its own key', () => {
    const dispatch = new Dispatch<Item>({ messages: 100, bytes: 100 }, half)
    const [pinned, behind, free] = [new Item(1, 'x', 'a'), new Item(2, 'x', 'a'), new Item(3, 'x', 'b')]
    for (const item of [pinned, behind, free]) dispatch.add(item)
    assert.deepEqual(taken(dispatch), [pinned, free])
    dispatch.park(pinned, 'x at home', 0)
    dispatch.add(new Item(4, 'x'))
    assert.deepEqual(
      taken(dispatch).map(({ name }) => name),
      [4]
    )
    dispatch.wake('x')
    assert.deepEqual(taken(dispatch), [pinned])
    end(dispatch, pinned)
    assert.deepEqual(taken(dispatch), [behind])
  })

  const only = process.env['SEED']
  it('keeps its bounds and every order, and loses nothing, over many seeds', () => {
    const seeds = only === undefined ? Array.from({ length: 300 }, (_, i) => `${i}`) : [only]
    for (const seed of seeds) {
      try {
        simulate(seed)
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error })
      }
    }
  })
})

/** Messages come, are sent, find nobody, expire or end by chance; agents come and go. */
function simulate(seed: string): void {
  const { random } = seededDice(`dispatch/${seed}`)
  const chance = (share: number): boolean => random() < share
  const below = (n: number): number => Math.floor(random() * n)
  const limits = { messages: 2 + below(16), bytes: 20 + below(200) }
  const dispatch = new Dispatch<Item>(limits, random)
  const waiting = new Set<Item>()
  const sent = new Set<Item>()
  const begun = new Map<string, number>()
  let away = new Set<string>()
  let now = 0
  let name = 0
  const total = 200
  let bytes = 0
  for (let steps = 0; name < total || waiting.size + sent.size > 0; steps++) {
    assert(steps < 100_000, 'it never comes to rest')
    now += random() * 20
    if (name < total && chance(0.5)) {
      const item = new Item(name++, `agent-${below(4)}`, chance(0.5) ? `${below(3)}` : undefined, below(30))
      waiting.add(item)
      dispatch.add(item)
    }
    if (chance(0.05)) {
      const before = away
      away = new Set(name < total ? ['agent-0', 'agent-1', 'agent-2', 'agent-3'].filter(() => chance(0.4)) : [])
      for (const agent of before) if (!away.has(agent)) dispatch.wake(agent)
    }
    if (dispatch.wakeAt <= now) dispatch.tick(now)
    for (let item = dispatch.next(); item !== undefined; item = dispatch.next()) {
      assert(waiting.delete(item), 'sent twice')
      assert(!item.gone, 'sent after its end')
      if (away.has(item.agent)) {
        waiting.add(item)
        dispatch.park(item, item.agent, now)
        continue
      }
      dispatch.found(item)
      if (item.order !== undefined) {
        assert(![...sent].some(({ order }) => order === item.order), 'two of one key')
        assert(item.name > (begun.get(item.order) ?? -1), 'out of order')
        begun.set(item.order, item.name)
      }
      sent.add(item)
      bytes += item.bytes
      assert(sent.size <= limits.messages, 'too many')
      assert(bytes - item.bytes < limits.bytes, 'too large')
    }
    assert.equal(dispatch.admitted, sent.size)
    const pool = chance(0.1) ? waiting : sent
    const ending = [...pool][below(pool.size)]
    if (ending !== undefined && (pool === sent || chance(0.3))) {
      if (pool.delete(ending) && pool === sent) bytes -= ending.bytes
      end(dispatch, ending)
    }
  }
  assert.equal(dispatch.admitted, 0)
  assert.equal(dispatch.wakeAt, Number.POSITIVE_INFINITY)
}
