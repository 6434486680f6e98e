/** A new stream for each request, as libp2p's own protocols are mostly written. */
import type { Contender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { type Envelope, envelopes, packr, readEnvelope } from './envelope.ts'
import { eachFrame, readFrames } from './frames.ts'
import { libp2pWire } from './libp2p-wire.ts'

export const streamPerRequest: Contender = {
  receive(_job, tally) {
    const reply = envelopes('/bench/receiver', 'bench.reply')
    return libp2pWire.listen((pipe) => {
      const writer = eachFrame(pipe)
      readFrames(pipe, (frame) => {
        const { id, data } = readEnvelope(frame, tally)
        writer.write(packr.pack(reply(data, id)))
        pipe.close()
      })
    })
  },

  async connect(job, address, tally) {
    const connection = await libp2pWire.dial(address)
    const make = envelopes('/bench/sender', 'bench.message')
    const payload = payloads(job.bytes)

    async function ask(): Promise<void> {
      const pipe = await connection.open()
      const envelope = make(payload())
      tally.sent(envelope.id, envelope.data)
      const reply = Promise.withResolvers<Envelope>()
      readFrames(pipe, (frame) => reply.resolve(packr.unpack(frame) as Envelope))
      eachFrame(pipe).write(packr.pack(envelope))
      if ((await reply.promise).correlation !== envelope.id) throw new Error('the reply answers another request')
      pipe.close()
    }

    return {
      async run(messages, latency) {
        let left = messages
        const worker = async () => {
          while (left-- > 0) {
            const at = performance.now()
            await ask()
            latency((performance.now() - at) * 1000)
          }
        }
        await Promise.all(Array.from({ length: job.inFlight }, worker))
      },
      close: connection.close
    }
  }
}
