import type { AttributeSet } from '../../protocols/envelope/attributes.ts'
import { IdSource } from '../../protocols/envelope/id.ts'
import type { Delivery } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import { Composer, Draft } from '../../src/runtime/delivery/composer.ts'
import { PointToPoint } from '../../src/runtime/delivery/point-to-point.ts'
import { LinkTable } from '../../src/runtime/links/table.ts'
import type { Clock, Dice, Host } from '../../src/runtime/ports.ts'
import { LIMITS } from '../runtime/links/ground.ts'

export interface ProducerWorld {
  network: { host: Host }
  clock: Clock
  dice: Dice
}

export interface Numbered {
  number: number
  /** Default 1. */
  floor?: number
  epoch?: number
  attempt?: number
  id?: string
  key?: string
  /** Default: of this host. */
  source?: string
  type?: string
  /** Default `'exactly-once'`. */
  mode?: Delivery
  /** ms that the handler may take. Default 5,000. */
  timeout?: number
}

/** How a transmission was answered: `'done'`, `'again'`, or an error's code. */
export type Answer = string

/**
 * A host that sends numbered messages and decides itself which number comes when, and how often: what a sender does
 * only by accident. It is no member of the mesh.
 */
export class TestProducer implements AsyncDisposable {
  readonly #host: Host
  readonly #links: LinkTable
  readonly #pointToPoint: PointToPoint
  readonly #composer: Composer
  readonly #to: string

  constructor({ network: { host }, clock, dice }: ProducerWorld, to: string) {
    this.#host = host
    this.#to = to
    this.#links = new LinkTable({
      host,
      clock,
      dice,
      formats: ['messagepack'],
      limits: LIMITS,
      onEvent: () => {},
      onHeard: () => {}
    })
    const ignore = (): void => {}
    const { turn } = this.#links
    const order = { arrive: ignore, severed: ignore }
    const heard = { deliver: ignore, recognise: ignore, late: ignore, dropped: ignore, orphaned: ignore }
    const options = { clock, turn, order, ...heard }
    this.#pointToPoint = new PointToPoint(options)
    this.#links.register(this.#pointToPoint)
    this.#composer = new Composer(new IdSource(dice.bytes(8)), turn, ['messagepack'])
  }

  async start(addresses: readonly string[]): Promise<this> {
    await this.#host.start()
    this.#host.learn(this.#to, addresses)
    return this
  }

  get peer(): string {
    return this.#host.peer
  }

  /** Sends to `agent`, once; resolves with the answer, `'ERR_LINK_CLOSED'` where none came. */
  send(agent: string, data: unknown, numbered: Numbered): Promise<Answer> {
    const { number, floor = 1, epoch = 1, attempt = 1, id, key } = numbered
    const draft = new Draft(this.#attributes(agent, numbered))
    const extra = key === undefined ? undefined : { key, deadline: undefined }
    this.#composer.stamp(draft, draft.attributes, { id, parent: undefined, extra })
    this.#composer.encode(draft, data, 'messagepack')
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const link = this.#links.to(this.#to, PROTOCOL, 'normal')
    this.#pointToPoint.trackNumbered(
      link,
      draft,
      attempt,
      { epoch, number, floor },
      {
        timeout: 60_000,
        acknowledged: () => resolve('done'),
        recognised: () => resolve('again'),
        failed: (error) => resolve((error as MeshError).code)
      }
    )
    return promise
  }

  /** Breaks the stream: no answer comes over it any longer. */
  cut(): void {
    for (const link of this.#links.all()) link.abort(new MeshError('ERR_LINK_CLOSED', 'cut'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pointToPoint.stop()
    await this.#links.stop()
    await this.#host.stop()
  }

  #attributes(target: string, { mode = 'exactly-once', timeout = 5_000, type, source }: Numbered): AttributeSet {
    return {
      source: source ?? `phoenix://${this.peer}/producer`,
      type: type ?? 'phoenix.agent.message.send',
      guarantee: { mode, ordering: 'none', timeout, acknowledgmentRequired: true },
      routing: { pattern: 'point-to-point', target, priority: 'normal' },
      lineage: this.#composer.lineage
    }
  }
}
