/** What Linux tells of a process that is not Node's and cannot be asked (proc(5)). */
import { readFileSync } from 'node:fs'

/** Ticks of processor time in a second, as `/proc` counts them: USER_HZ, the same on every machine that Node runs on. */
const TICKS = 100

const CPU_FIELDS = /^\d+ \(.*\) (?:\S+ ){11}(\d+) (\d+) /s
const PEAK_LINE = /^VmHWM:\s+(\d+) kB$/m

/** User and system time since it started, in seconds, to 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const [user, system] = figures(pid, 'stat', CPU_FIELDS)
  return (user! + system!) / TICKS
}

/** Largest resident set since it started. */
export function peakMiBOf(pid: number): number {
  return figures(pid, 'status', PEAK_LINE)[0]! / 1024
}

function figures(pid: number, file: string, pattern: RegExp): number[] {
  const found = pattern.exec(readFileSync(`/proc/${pid}/${file}`, 'latin1'))
  if (found === null) throw new Error(`/proc/${pid}/${file} is not as expected`)
  return found.slice(1).map(Number)
}
