/** A part of a transcript: what a reader is told, what is done, what came of it. */
export interface Act {
  readonly comment: readonly string[]
  readonly commands: readonly string[]
  readonly outcome: readonly string[]
}

/** What is done stands above this line, what came of it below, up to an empty one (as in CockroachDB's datadriven tests). */
const LINE = '----'

export function parse(text: string): Act[] {
  return text
    .split(/\n{2,}/)
    .map((part) => part.split('\n').filter((line) => line !== ''))
    .filter((lines) => lines.length > 0)
    .map((lines) => {
      const at = lines.indexOf(LINE)
      const head = at < 0 ? lines : lines.slice(0, at)
      return {
        comment: head.filter((line) => line.startsWith('#')),
        commands: head.filter((line) => !line.startsWith('#')),
        outcome: at < 0 ? [] : lines.slice(at + 1)
      }
    })
}

export function format(acts: readonly Act[]): string {
  return acts
    .map(({ comment, commands, outcome }) => [
      ...comment,
      ...commands,
      ...(commands.length > 0 ? [LINE] : []),
      ...outcome
    ])
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}
