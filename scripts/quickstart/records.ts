/** What travels between the agents. */

export type Dataset = 'quake' | 'flight' | 'weather'

/** A line as it lies in the data set; `sequence` is its place in the whole. */
export interface RawRecord {
  sequence: number
  dataset: Dataset
  text: string
}

export interface Quake {
  dataset: 'quake'
  sequence: number
  magnitude: number
  place: string
  /** ms since the epoch. */
  time: number
  tsunami: boolean
}

export interface Flight {
  dataset: 'flight'
  sequence: number
  origin: string
  destination: string
  /** Minutes; negative: early. */
  delay: number
  /** Miles. */
  distance: number
}

export interface WeatherDay {
  dataset: 'weather'
  sequence: number
  date: string
  /** Tenths, so that sums are exact: mm, °C, °C, m/s. */
  precipitation: number
  high: number
  low: number
  wind: number
  sky: string
}

export type ParsedRecord = Quake | Flight | WeatherDay

export type EnrichedRecord = { enrichedBy: string } & (
  | (Quake & { band: string; area: string })
  | (Flight & { state: string; late: boolean })
  | (WeatherDay & { season: string })
)

/** What leaves the pipeline: which record, and which host enriched it. */
export interface Counted {
  sequence: number
  enrichedBy: string
}

/** A record worth telling at once. */
export interface Alert {
  dataset: Dataset
  sequence: number
  text: string
  /** Magnitude, minutes of delay, or mm of rain. */
  severity: number
  /** ms since the epoch, fractions included. */
  at: number
}
