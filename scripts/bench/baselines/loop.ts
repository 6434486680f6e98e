/** The hand-written loops: one stream, MessagePack envelopes, no semantics at all. */

import { alone } from '../alone.ts'
import type { Tally } from '../harness/tally.ts'
import type { Contender, Job, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { type Envelope, envelopes, packr, readEnvelope } from './envelope.ts'
import { type FrameWriter, readFrames } from './frames.ts'
import type { Pipe, Wire } from './pipe.ts'
import { Window } from './window.ts'

type Framing = (pipe: Pipe) => FrameWriter

/** Reads envelopes and answers as the pattern asks: not at all, with an acknowledgement, with an envelope. */
function serve(pipe: Pipe, framing: Framing, job: Job, tally: Tally): void {
  const writer = framing(pipe)
  const reply = envelopes('/bench/receiver', 'bench.reply')
  readFrames(pipe, (frame) => {
    const { id, data } = readEnvelope(frame, tally)
    if (acknowledges(job)) writer.write(packr.pack({ ack: id }))
    else if (job.pattern === 'requests') writer.write(packr.pack(reply(data, id)))
  })
}

const acknowledges = ({ pattern }: Job): boolean => pattern === 'acknowledged' || pattern === 'lone'

/** Sends as fast as the pipe and the window take it. */
function sender(pipe: Pipe, framing: Framing, job: Job, tally: Tally): Pick<Sender, 'run'> {
  const writer = framing(pipe)
  const make = envelopes('/bench/sender', 'bench.message')
  const payload = payloads(job.bytes)
  const window = new Window(job.inFlight)
  const answered = job.pattern !== 'one-way'
  let latency: (us: number) => void = () => {}

  const replies = job.pattern === 'requests'
  const timed = replies || job.pattern === 'lone'
  readFrames(pipe, (frame) => {
    const answer = packr.unpack(frame) as { ack: string } & Envelope
    const at = window.give(replies ? readReply(answer) : answer.ack)
    if (timed) latency((performance.now() - at) * 1000)
  })

  return {
    async run(messages, record) {
      latency = record
      for (let i = 0; i < messages; i++) {
        if (answered && window.full) await window.free()
        const envelope = make(payload())
        tally.sent(envelope.id, envelope.data)
        if (answered) window.take(envelope.id, timed ? performance.now() : 0)
        if (!writer.write(packr.pack(envelope))) await writer.drained()
        if (job.pattern === 'lone') await window.empty().then(alone)
      }
      if (answered) await window.empty()
    }
  }
}

/** The requester reads every attribute of a reply too. */
function readReply(reply: Envelope): string {
  if (reply.time.length + reply.traceparent.length + reply.source.length < 80) throw new Error('bad reply')
  return reply.correlation!
}

export function loop(wire: Wire, framing: Framing): Contender {
  return {
    receive: (job, tally) => wire.listen((pipe) => serve(pipe, framing, job, tally)),
    async connect(job, address, tally) {
      const connection = await wire.dial(address)
      return { ...sender(await connection.open(), framing, job, tally), close: connection.close }
    }
  }
}
