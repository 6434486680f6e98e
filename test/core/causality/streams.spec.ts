import assert from 'node:assert/strict'
import { BlockDecoder } from '../../../protocols/causality/block-decoder.ts'
import { BlockEncoder } from '../../../protocols/causality/block-encoder.ts'
import { DestinationKind } from '../../../protocols/causality/constants.ts'
import type { Dependency, OutgoingStamp } from '../../../protocols/causality/messages.ts'
import { Cursor } from '../../../protocols/envelope/varint.ts'
import type { Mark } from '../../../src/core/causality/destination.ts'
import { Sending } from '../../../src/core/causality/sending.ts'
import { eachSeed } from '../membership/seeds.ts'

const nameOf = ({ kind, destination, producer }: Dependency): string => `${kind} ${destination} ${producer}`

/** A stream to one host: what its reading end was told. */
class Stream {
  readonly #encoder = new BlockEncoder()
  readonly #decoder = new BlockDecoder()
  readonly told = new Map<string, number>()

  /** Returns how many bytes the stamp takes. */
  carry(stamp: OutgoingStamp): number {
    const out = Buffer.alloc(this.#encoder.measure(stamp))
    const end = this.#encoder.write(out, 0, stamp)
    this.#decoder.read(new Cursor().open(out.subarray(0, end)))
    for (const heard of this.#decoder.changes.slice(0, this.#decoder.count)) {
      this.told.set(nameOf(heard), Math.max(heard.number, this.told.get(nameOf(heard)) ?? 0))
    }
    return end
  }
}

/** One host and its streams to others. */
class Source {
  readonly sending = new Sending('self', 1)
  readonly names: string[]
  readonly #streams: Stream[]

  constructor(hosts: number) {
    this.names = Array.from({ length: hosts }, (_, i) => `h${i}`)
    this.#streams = this.names.map(() => new Stream())
  }

  send(to: number, mark?: Mark): number {
    const target = this.sending.destination(DestinationKind.host, this.names[to]!)
    const bytes = this.#streams[to]!.carry(mark ? this.sending.stampAgain(mark) : this.sending.stamp(target))
    if (mark === undefined) {
      this.#check(to)
      this.sending.sent(target, 0)
    }
    return bytes
  }

  sendUntilSettled(to: number): Mark {
    const target = this.sending.destination(DestinationKind.host, this.names[to]!)
    this.#streams[to]!.carry(this.sending.stamp(target))
    return this.sending.sentUntilSettled(target, 0)
  }

  /** All that is held has been told on the stream, but what it says of the receiver itself; and no number that nothing has. */
  #check(to: number): void {
    const { told } = this.#streams[to]!
    for (const entry of this.sending.past.entries) {
      if (entry.target.name === this.names[to] && entry.producer === 'self') continue
      assert.ok((told.get(nameOf(entry)) ?? 0) >= entry.number, `${nameOf(entry)} was not told`)
      assert.equal(told.get(nameOf(entry)), entry.number)
    }
  }
}

describe('core/causality: what a stream is told', () => {
  it('three bytes a message to hosts in turn, and one within a burst', () => {
    const source = new Source(10)
    for (let i = 0; i < 40; i++) source.send(i % 10)
    for (let i = 0; i < 100; i++) assert.equal(source.send(i % 10), 3)
    for (let i = 0; i < 500; i++) {
      const bytes = source.send(Math.floor(i / 50) % 10)
      if (i % 50 > 1) assert.equal(bytes, 1)
    }
  })

  eachSeed('everything that is held, whatever changes in whatever order', (_seed, random) => {
    const source = new Source(12)
    const { sending, names } = source
    const { past } = sending
    const any = (below: number): number => Math.floor(random() * below)
    const marks: { to: number; mark: Mark }[] = []
    let [turn, number] = [0, 0]
    for (let i = 0; i < 300; i++) {
      const dice = random()
      const hosts = 1 + any(names.length)
      if (dice < 0.5) for (let j = any(6 * hosts); j >= 0; j--) source.send(turn++ % hosts)
      else if (dice < 0.6) source.send(any(names.length))
      else if (dice < 0.65) {
        const to = any(names.length)
        marks.push({ to, mark: source.sendUntilSettled(to) })
      } else if (dice < 0.7) {
        const [again] = marks.splice(any(marks.length), 1)
        if (again !== undefined) source.send(again.to, again.mark)
      } else if (dice < 0.8) {
        const target = sending.destination(DestinationKind.host, names[any(names.length)]!)
        sending.confirm(target, random() < 0.7 ? target.last : any(target.last + 1))
      } else if (dice < 0.9) {
        const target = sending.destination(DestinationKind.host, `else${any(4)}`)
        const heard = {
          kind: target.kind,
          destination: target.name,
          producer: `p${any(3)}`,
          epoch: 1,
          number: ++number
        }
        past.inherit(past.find(heard, target), number, 0)
      } else if (dice < 0.95) {
        const others = past.entries.filter(({ producer }) => producer !== 'self')
        const entry = others[any(others.length)]
        if (entry !== undefined) past.drop(entry, false)
      } else {
        sending.stampMany()
        sending.published(sending.destination(DestinationKind.topic, `t${any(2)}`), [], [], 0)
      }
    }
  })
})
