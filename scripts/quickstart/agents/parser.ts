/** First stage: a line becomes a record. */
import type { Message, Node } from '../../../src/index.ts'
import { fields } from '../dataset.ts'
import type { Dataset, ParsedRecord, RawRecord } from '../records.ts'

const tenths = (text: string | undefined) => Math.round(Number(text) * 10)

const parsers: Record<Dataset, (sequence: number, text: string) => ParsedRecord> = {
  quake(sequence, text) {
    const { properties } = JSON.parse(text)
    const { mag, place, time, tsunami } = properties
    return { dataset: 'quake', sequence, magnitude: mag, place, time, tsunami: tsunami === 1 }
  },

  flight(sequence, text) {
    const { origin, destination, delay, distance } = JSON.parse(text)
    return { dataset: 'flight', sequence, origin, destination, delay, distance }
  },

  weather(sequence, text) {
    const [date = '', precipitation, high, low, wind, sky = ''] = fields(text)
    return {
      dataset: 'weather',
      sequence,
      date,
      precipitation: tenths(precipitation),
      high: tenths(high),
      low: tenths(low),
      wind: tenths(wind),
      sky
    }
  }
}

export async function parser(node: Node): Promise<void> {
  await node.agent('parser', {
    handle: { parse: ({ data }: Message<RawRecord>) => parsers[data.dataset](data.sequence, data.text) }
  })
}
