/** mosquitto between two clients, with quality of service 2 on both ways: exactly once, as MQTT has it. */
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Tally } from '../harness/tally.ts'
import type { Contender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { type Dialogue, flood, reach, startBroker } from './broker.ts'
import { connectPacket, Kind, number, packet, readPackets, text } from './mqtt-packets.ts'

/** Bounds nothing by numbers of messages; what it persists it writes when it likes, every half an hour by default. */
const SETTINGS = [
  'allow_anonymous true',
  'persistence true',
  'max_queued_messages 0',
  'max_inflight_messages 0',
  // Started by root it would become somebody who may not write to its folder.
  'user root'
]

const SERVER = {
  command: 'mosquitto',
  args: (port: number, path: string) => {
    const file = join(path, 'mosquitto.conf')
    const lines = [`listener ${port} 127.0.0.1`, `persistence_location ${path}/`, ...SETTINGS, '']
    writeFileSync(file, lines.join('\n'))
    return ['-c', file]
  }
}

const TOPIC = text('bench')
const FIRST = number(1)
const QOS = Buffer.from([2])

export const mqtt: Contender = {
  async receive(_job, tally) {
    const { port, pid, stop } = await startBroker(SERVER)
    const socket = await reach(port)
    await subscribe(socket, tally)
    const close = async (): Promise<void> => {
      socket.destroy()
      stop()
    }
    return { address: String(port), processes: [pid], close }
  },

  async connect(job, address, tally) {
    const socket = await reach(Number(address))
    const dialogue = publisher(socket)
    await dialogue.ready
    const make = payloads(job.bytes)
    const payload = (): Uint8Array => {
      const data = make()
      tally.sent('', data)
      return data
    }
    return {
      run: (messages) => flood(dialogue, messages, job.inFlight, payload),
      close: async () => void socket.destroy()
    }
  }
}

/** Counts a message once its handshake is over, and not before. */
async function subscribe(socket: Socket, tally: Tally): Promise<void> {
  const subscribed = Promise.withResolvers<void>()
  const begun = new Map<number, Buffer>()
  readPackets(socket, (kind, body) => {
    if (kind === Kind.connack) socket.write(packet(Kind.subscribe, FIRST, TOPIC, QOS))
    else if (kind === Kind.suback) subscribed.resolve()
    else if (kind === Kind.publish) {
      const id = body.readUInt16BE(TOPIC.length)
      begun.set(id, Buffer.from(body.subarray(TOPIC.length + 2)))
      socket.write(packet(Kind.pubrec, number(id)))
    } else if (kind === Kind.pubrel) {
      const id = body.readUInt16BE(0)
      socket.write(packet(Kind.pubcomp, number(id)))
      tally.sent('', begun.get(id)!)
      begun.delete(id)
    }
  })
  socket.write(connectPacket('subscriber'))
  await subscribed.promise
}

/** A message is done when the broker has completed its handshake. */
function publisher(socket: Socket): Dialogue {
  const waiting = new Map<number, () => void>()
  const free = Array.from({ length: 65_535 }, (_, i) => i + 1)
  const connected = Promise.withResolvers<void>()
  readPackets(socket, (kind, body) => {
    if (kind === Kind.connack) connected.resolve()
    else if (kind === Kind.pubrec) socket.write(packet(Kind.pubrel, body))
    else if (kind === Kind.pubcomp) {
      const id = body.readUInt16BE(0)
      free.push(id)
      waiting.get(id)?.()
    }
  })
  socket.write(connectPacket('publisher'))
  return {
    ready: connected.promise,
    send(payload, done) {
      const id = free.pop()!
      waiting.set(id, done)
      socket.write(packet(Kind.publish, TOPIC, number(id), payload))
    }
  }
}
