/**
 * JSON whose members have escapes in their names. V8 (seen in Node 24.21) takes such a name for one of an object that was
 * parsed before: it compares the text as it stands, `\n`, with a former name, `\`, over the length of the name without its
 * escapes. So these names are not shown to it: each has a stand-in while the rest is parsed. A name by itself is parsed
 * rightly, since that is no object.
 */

/** Where a name stands in the text, with its quotation marks. */
interface Name {
  readonly from: number
  readonly to: number
}

/** Of a text that is JSON and has these names: the value, with its own. */
export function parseEscapedNames(text: string, names: readonly Name[]): unknown {
  // Nothing of it has to be escaped, and nothing else in the text begins like it.
  let mark = '@'
  while (text.includes(mark)) mark += '@'
  const originals: string[] = []
  let shown = ''
  let at = 0
  for (const { from, to } of names) {
    shown += `${text.slice(at, from)}"${mark}${originals.length}"`
    originals.push(JSON.parse(text.slice(from, to)))
    at = to
  }
  return renamed(JSON.parse(shown + text.slice(at)), mark, originals)
}

/** Those of a text that is JSON, in order, in linear time. */
export function escapedNames(text: string): Name[] {
  const found: Name[] = []
  if (!text.includes('\\')) return found
  for (let from = text.indexOf('"'); from !== -1; ) {
    const { to, escaped } = textFrom(text, from)
    if (escaped && isName(text, to)) found.push({ from, to })
    from = text.indexOf('"', to)
  }
  return found
}

function textFrom(text: string, from: number): { to: number; escaped: boolean } {
  let escaped = false
  let at = from + 1
  for (; text.charCodeAt(at) !== 0x22; at++) {
    if (text.charCodeAt(at) !== 0x5c) continue
    escaped = true
    at++
  }
  return { to: at + 1, escaped }
}

/** A colon follows, after whatever space. */
function isName(text: string, at: number): boolean {
  let code = text.charCodeAt(at)
  while (code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) code = text.charCodeAt(++at)
  return code === 0x3a
}

/** By a list of what is still to be looked at, since JSON may be deeper than any stack. */
function renamed(value: unknown, mark: string, originals: readonly string[]): unknown {
  const root = { value }
  const open: object[] = [root]
  for (let owner = open.pop(); owner !== undefined; owner = open.pop()) {
    for (const [name, part] of Object.entries(owner)) {
      if (typeof part !== 'object' || part === null) continue
      const whole = Array.isArray(part) ? part : withNames(part, mark, originals)
      if (whole !== part) Object.defineProperty(owner, name, { value: whole })
      open.push(whole)
    }
  }
  return root.value
}

/** The same object where it has no stand-in. Of two members of one name the later counts, in the earlier one's place. */
function withNames(part: object, mark: string, originals: readonly string[]): object {
  const entries = Object.entries(part)
  if (!entries.some(([name]) => name.startsWith(mark))) return part
  return Object.fromEntries(
    entries.map(([name, value]) => [name.startsWith(mark) ? originals[Number(name.slice(mark.length))]! : name, value])
  )
}
