interface Node<T> {
  children: Map<string, Node<T>> | undefined
  /** The child for `*`. */
  any: Node<T> | undefined
  /** A pattern that ends at this node. */
  here: T | undefined
  /** A pattern that ends in `>` behind this node. */
  tail: T | undefined
}

const leaf = <T>(): Node<T> => ({ children: undefined, any: undefined, here: undefined, tail: undefined })

const isEmpty = <T>(node: Node<T>) =>
  node.children === undefined && node.any === undefined && node.here === undefined && node.tail === undefined

/**
 * Patterns to values, one each. Matching walks at most two branches a token, so its cost follows the topic's length and
 * not the number of patterns. Patterns and topics are taken as valid.
 *
 * Invariant: no node but the root is empty.
 */
export class PatternTrie<T extends object> {
  readonly #root: Node<T> = leaf()
  readonly #values = new Map<string, T>()

  get size(): number {
    return this.#values.size
  }

  get(pattern: string): T | undefined {
    return this.#values.get(pattern)
  }

  values(): Iterable<T> {
    return this.#values.values()
  }

  set(pattern: string, value: T): void {
    this.#values.set(pattern, value)
    let node = this.#root
    const tokens = pattern.split('.')
    const ends = tokens.at(-1) === '>'
    for (let i = 0; i < tokens.length - (ends ? 1 : 0); i++) node = this.#child(node, tokens[i]!)
    if (ends) node.tail = value
    else node.here = value
  }

  #child(node: Node<T>, token: string): Node<T> {
    if (token === '*') return (node.any ??= leaf())
    node.children ??= new Map()
    let child = node.children.get(token)
    if (child === undefined) node.children.set(token, (child = leaf()))
    return child
  }

  delete(pattern: string): boolean {
    if (!this.#values.delete(pattern)) return false
    this.#prune(this.#root, pattern.split('.'), 0)
    return true
  }

  #prune(node: Node<T>, tokens: string[], index: number): void {
    const token = tokens[index]
    if (token === undefined) node.here = undefined
    else if (token === '>') node.tail = undefined
    else if (token === '*') {
      this.#prune(node.any!, tokens, index + 1)
      if (isEmpty(node.any!)) node.any = undefined
    } else {
      const child = node.children!.get(token)!
      this.#prune(child, tokens, index + 1)
      if (isEmpty(child)) node.children!.delete(token)
      if (node.children!.size === 0) node.children = undefined
    }
  }

  /** Appends the value of each pattern that matches `topic` to `into`. */
  match(topic: string, into: T[]): T[] {
    this.#walk(this.#root, topic, 0, into)
    return into
  }

  /** `from` is where the next token begins; past the end when none is left. */
  #walk(node: Node<T>, topic: string, from: number, into: T[]): void {
    if (from > topic.length) {
      if (node.here !== undefined) into.push(node.here)
      return
    }
    if (node.tail !== undefined) into.push(node.tail)
    if (node.children === undefined && node.any === undefined) return
    const dot = topic.indexOf('.', from)
    const end = dot < 0 ? topic.length : dot
    const child = node.children?.get(topic.slice(from, end))
    if (child !== undefined) this.#walk(child, topic, end + 1, into)
    if (node.any !== undefined) this.#walk(node.any, topic, end + 1, into)
  }

  /** Nodes held, the root included: for proving that nothing leaks. */
  nodes(): number {
    const count = (node: Node<T>): number => {
      let total = 1 + (node.any === undefined ? 0 : count(node.any))
      for (const child of node.children?.values() ?? []) total += count(child)
      return total
    }
    return count(this.#root)
  }
}
