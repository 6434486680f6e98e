/** What one agent tells another within a node: about 128 bytes in MessagePack. */
export interface Reading {
  sensor: string
  sequence: number
  value: number
  unit: string
  position: { latitude: number; longitude: number }
  tags: string[]
}

export function reading(sequence: number): Reading {
  return {
    sensor: 'station-17',
    sequence,
    value: (sequence % 1000) / 10,
    unit: 'celsius',
    position: { latitude: 47.61, longitude: -122.33 },
    tags: ['outdoor', 'calibrated']
  }
}
