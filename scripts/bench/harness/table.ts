import type { Row } from './compare.ts'

const HEAD = ['case', 'unit', 'baseline', 'ours', 'ratio', 'aim', '', 'CPU s/100k', 'peak MiB', 'runs', 'also']

function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function cells(row: Row): string[] {
  return [
    row.case,
    row.unit,
    figure(row.baseline),
    figure(row.value),
    figure(row.ratio),
    row.aim ?? '',
    row.met === undefined ? '' : row.met ? '✓' : '✗',
    `${figure(row.cpu.value)} : ${figure(row.cpu.baseline)}`,
    `${figure(row.peakMiB.value)} : ${figure(row.peakMiB.baseline)}`,
    String(row.runs),
    Object.entries(row.extra ?? {})
      .map(([name, value]) => `${name} ${figure(value)}`)
      .join(', ')
  ]
}

/** The results as people read them: texts to the left, figures to the right. */
export function table(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)]
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const left = new Set([0, 1, 5, 6, 10])
  const text = lines.map((line) =>
    line
      .map((cell, i) => (left.has(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  )
  text.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '))
  return text.join('\n')
}
