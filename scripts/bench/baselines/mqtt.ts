import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Solo } from '../harness/types.ts'
import { type Dialogue, measureBroker } from './broker.ts'

const SERVER = {
  command: 'mosquitto',
  args: (port: number, path: string) => {
    const settings = ['allow_anonymous true', 'persistence true', `persistence_location ${path}/`]
    // Started by root it would become somebody who may not write there.
    const lines = [
      `listener ${port} 127.0.0.1`,
      ...settings,
      'max_queued_messages 0',
      'max_inflight_messages 0',
      'user root',
      ''
    ]
    const file = join(path, 'mosquitto.conf')
    writeFileSync(file, lines.join('\n'))
    return ['-c', file]
  }
}

/** Quality of service 2: four packets a message, timed until the last. */
export const mqtt: Solo = (job) => measureBroker(SERVER, job, converse)

const Packet = { connack: 2, pubrec: 5, pubcomp: 7 } as const
const TOPIC = Buffer.from('\0\x05bench', 'latin1')

/** As much of MQTT 3.1.1 as a publisher needs. Every packet that comes here is four bytes long. */
function converse(socket: Socket): Dialogue {
  const waiting = new Map<number, () => void>()
  const free = Array.from({ length: 65_535 }, (_, i) => i + 1)
  const connected = Promise.withResolvers<void>()
  let bytes = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    let at = 0
    for (; at + 4 <= bytes.length; at += 4) {
      const id = bytes.readUInt16BE(at + 2)
      const kind = bytes[at]! >> 4
      if (kind === Packet.connack) connected.resolve()
      else if (kind === Packet.pubrec) socket.write(Buffer.from([0x62, 2, id >> 8, id & 255]))
      else if (kind === Packet.pubcomp) {
        free.push(id)
        waiting.get(id)?.()
      }
    }
    bytes = bytes.subarray(at)
  })
  socket.write(Buffer.from('\x10\x11\0\x04MQTT\x04\x02\0\0\0\x05bench', 'latin1'))
  return {
    ready: connected.promise,
    send(payload, done) {
      const id = free.pop()!
      waiting.set(id, done)
      const length = TOPIC.length + 2 + payload.length
      const head = Buffer.from([0x34, (length & 127) | 128, length >> 7])
      socket.write(Buffer.concat([head, TOPIC, Buffer.from([id >> 8, id & 255]), payload]))
    }
  }
}
