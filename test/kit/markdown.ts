import { readFileSync } from 'node:fs'

/** A fenced block, and the heading of level 2 that it stands under. */
export interface Fence {
  section: string
  language: string
  text: string
  line: number
}

/** The fenced blocks of a Markdown text. */
export function fences(markdown: string): Fence[] {
  const found: Fence[] = []
  let section = ''
  let open: { language: string; line: number; lines: string[] } | undefined
  for (const [i, line] of markdown.split('\n').entries()) {
    const fence = line.match(/^```(\w*)/)
    if (fence === null) {
      if (open !== undefined) open.lines.push(line)
      else section = line.match(/^## (.+)/)?.[1] ?? section
    } else if (open === undefined) {
      open = { language: fence[1]!, line: i + 1, lines: [] }
    } else {
      const { language, line, lines } = open
      found.push({ section, language, line, text: `${lines.join('\n')}\n` })
      open = undefined
    }
  }
  return found
}

/** The cells of every table row whose first cell matches. */
export function rows(markdown: string, first: RegExp): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
    .filter((cells) => first.test(cells[0] ?? ''))
}

export function readRepositoryFile(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}
