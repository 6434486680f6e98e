import { BatchWriter, encodeAsked } from '../../../protocols/publish-subscribe/codec.ts'
import { FRAME, MAX_BATCH_BYTES, MAX_BATCH_MESSAGES } from '../../../protocols/publish-subscribe/constants.ts'
import type { Targets } from '../../core/pubsub/route.ts'
import type { Outbound } from './outbound.ts'
import type { PubSubStats } from './types.ts'

interface DirectBatch {
  targets: Targets
  writer: BatchWriter
}

/** The way over links. Only messages that follow each other to the same nodes share a batch: order stays as published. */
export class DirectPublisher {
  readonly #outbound: Outbound
  readonly #stats: PubSubStats
  #batch: DirectBatch | undefined

  constructor(outbound: Outbound, stats: PubSubStats) {
    this.#outbound = outbound
    this.#stats = stats
  }

  /** `token`: an acknowledgement is asked, of this message's own batch. */
  add(
    targets: Targets,
    topic: string,
    bytes: Uint8Array,
    stamp: Uint8Array | undefined,
    token: number | undefined
  ): void {
    const batch = this.#batch
    const apart =
      token !== undefined || batch?.targets !== targets || batch.writer.length + bytes.length > MAX_BATCH_BYTES
    if (apart) this.flush()
    this.#batch ??= { targets, writer: new BatchWriter() }
    const { writer } = this.#batch
    writer.add(topic, bytes, stamp)
    if (token !== undefined || writer.count >= MAX_BATCH_MESSAGES || writer.length >= MAX_BATCH_BYTES) this.flush(token)
  }

  flush(token?: number): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    const body = batch.writer.finish()
    const sent =
      token === undefined
        ? this.#outbound.send(batch.targets.peers, FRAME.messages, body)
        : this.#outbound.send(batch.targets.peers, FRAME.asked, encodeAsked(token, body))
    this.#stats.batches.direct += sent
    this.#stats.bytes.direct += sent * body.length
  }
}
