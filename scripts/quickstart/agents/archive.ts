/** Streams what is too much for one reply: the weather of a year, a day a part. */
import type { Message, Node } from '../../../src/index.ts'
import { csv } from '../dataset.ts'

export async function archive(node: Node): Promise<void> {
  const days = csv('seattle-weather.csv')

  await node.agent('archive', {
    handle: {
      async *days({ data: year }: Message<string>) {
        for (const day of days)
          if (day.date!.startsWith(year)) yield { date: day.date, rain: Number(day.precipitation) }
      }
    }
  })
}
