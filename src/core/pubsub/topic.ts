import { MeshError } from '../../../protocols/errors.ts'
import { CHANNELS, MAX_TOPIC_LENGTH, MAX_TOPIC_TOKENS } from '../../../protocols/publish-subscribe/constants.ts'

function tokens(text: string, what: 'topic' | 'pattern'): string[] {
  const refuse = (why: string) =>
    new MeshError('ERR_INVALID_TOPIC', `${what} ${JSON.stringify(String(text).slice(0, 64))} ${why}`, {
      details: { [what]: text }
    })
  if (typeof text !== 'string') throw refuse('is no text')
  if (text.length === 0) throw refuse('is empty')
  if (text.length > MAX_TOPIC_LENGTH) throw refuse(`is longer than ${MAX_TOPIC_LENGTH} characters`)
  const list = text.split('.')
  if (list.length > MAX_TOPIC_TOKENS) throw refuse(`has more than ${MAX_TOPIC_TOKENS} tokens`)
  for (const [index, token] of list.entries()) {
    if (token === '') throw refuse('has an empty token')
    if (token.length > 1 ? /[\s*>]/.test(token) : /\s/.test(token))
      throw refuse(`has a bad token ${JSON.stringify(token)}`)
    if (what === 'topic' && (token === '*' || token === '>')) throw refuse('has a wildcard: only subscriptions may')
    if (token === '>' && index < list.length - 1) throw refuse('has a ">" before its end')
  }
  if (!text.isWellFormed()) throw refuse('is not well-formed Unicode')
  return list
}

/** Throws `ERR_INVALID_TOPIC` unless `topic` is 1 to 16 dot-separated tokens, 256 characters at most, without wildcards or spaces. */
export function validateTopic(topic: string): void {
  tokens(topic, 'topic')
}

/** Throws `ERR_INVALID_TOPIC`. `*` stands for one token, a `>` at the end for one or more. */
export function validatePattern(pattern: string): void {
  tokens(pattern, 'pattern')
}

/** FNV-1a over the first token: the same for a topic and for every pattern that can match it, leading wildcards aside. */
export function channelOf(topic: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < topic.length; i++) {
    const unit = topic.charCodeAt(i)
    if (unit === 0x2e) break
    hash = Math.imul(hash ^ unit, 0x01000193)
  }
  return (hash >>> 0) % CHANNELS
}

/** The one channel that carries all a pattern can match; undefined for a leading wildcard, which no channel serves. */
export function channelOfPattern(pattern: string): number | undefined {
  return /^[*>](\.|$)/.test(pattern) ? undefined : channelOf(pattern)
}
