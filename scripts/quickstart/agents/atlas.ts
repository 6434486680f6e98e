/** Answers questions about airports. It runs in both regions: whoever asks gets the nearest one. */
import type { Message, Node } from '../../../src/index.ts'
import { csv } from '../dataset.ts'

export async function atlas(node: Node, host: string): Promise<void> {
  const airports = new Map(csv('airports.csv').map((airport) => [airport.iata, airport]))

  await node.agent('atlas', {
    handle: {
      airport({ data: code }: Message<string>) {
        const airport = airports.get(code)
        if (airport === undefined) throw new RangeError(`no airport has the code ${code}`)
        return { name: airport.name, city: airport.city, state: airport.state, answeredBy: host }
      }
    }
  })
}
