import assert from 'node:assert/strict'
import { CloudEvent } from 'cloudevents'
import fc from 'fast-check'
import { isMediaType, isTimestamp, isUri, isUriReference } from '../../../protocols/envelope/syntax.ts'

const sdkTakes = (attributes: object): boolean => {
  try {
    new CloudEvent({ id: '1', type: 't', source: '/a', ...attributes } as never, true)
    return true
  } catch {
    return false
  }
}

describe('envelope: the texts of CloudEvents', () => {
  it('knows a URI reference (RFC 3986)', () => {
    for (const good of [
      '/a',
      'a/b',
      'urn:a:b',
      'https://u:p@example.com:80/a?b#c',
      '//host',
      '?q',
      '#f',
      'mailto:a@b.c'
    ]) {
      assert.ok(isUriReference(good), good)
    }
    for (const good of ['http://[::1]:80/', 'http://[2001:db8::7]', 'a/b:c', './1:2', '/%7Euser', 'http://']) {
      assert.ok(isUriReference(good), good)
    }
    for (const bad of [
      '',
      ' ',
      'a b',
      '%',
      '%g0',
      'a\\b',
      '1:2',
      ':a',
      'http://[::x]',
      'http://[1.2.3.4]',
      'é',
      'a#b#c',
      '[a]'
    ]) {
      assert.ok(!isUriReference(bad), bad)
    }
    assert.ok(isUri('urn:a') && isUri('http://a') && !isUri('/a') && !isUri('a') && !isUri('urn:') && !isUri('urn:#a'))
  })

  it('lets nothing through that the SDK refuses', () => {
    const piece = fc.constantFrom(
      '/',
      '//',
      ':',
      '?',
      '#',
      '@',
      '[',
      ']',
      '::1',
      '%41',
      '%',
      'a',
      '1',
      'é',
      ' ',
      '.',
      'http',
      '"',
      '+'
    )
    const texts = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.webUrl(),
      fc.string()
    )
    let accepted = 0
    fc.assert(
      fc.property(texts, (text) => {
        if (isUriReference(text)) {
          accepted++
          assert.ok(sdkTakes({ source: text }), text)
        }
        if (isUri(text)) assert.ok(sdkTakes({ dataschema: text }), text)
      }),
      { numRuns: 3_000 }
    )
    assert.ok(accepted > 300, `${accepted} accepted`)
  })

  it('takes no long time over a long text', () => {
    assert.ok(!isUriReference(`${'a'.repeat(100_000)} `))
    assert.ok(!isUriReference(`//${'a@:'.repeat(20_000)} `))
    assert.ok(!isMediaType(`a/b${';c="'.repeat(20_000)}é`))
  }).timeout(2_000)

  it('knows a time (RFC 3339)', () => {
    for (const good of [
      '2024-02-29T00:00:00Z',
      '1985-04-12t23:20:50.52z',
      '1996-12-19T16:39:57-08:00',
      '0000-01-01T00:00:00Z'
    ]) {
      assert.ok(isTimestamp(good), good)
      assert.ok(sdkTakes({ time: good }), good)
    }
    const bad = [
      '',
      '2023-02-29T00:00:00Z',
      '2024-13-01T00:00:00Z',
      '2024-01-01T24:00:00Z',
      '2024-01-01T00:60:00Z',
      '1900-02-29T00:00:00Z'
    ]
    bad.push(
      '2024-01-01 00:00:00Z',
      '2024-01-01T00:00:00',
      '2024-01-01T00:00:00+24:00',
      '1990-12-31T23:59:60Z',
      '2024-01-01T00:00:00.Z'
    )
    for (const text of bad) assert.ok(!isTimestamp(text), text)
  })

  it('knows a media type (RFC 2046), in either case', () => {
    for (const good of [
      'application/json',
      'application/cloudevents+json',
      'TEXT/Plain; charset=UTF-8',
      'a/b;c="d\\"; e"',
      'a/b ; c=d'
    ]) {
      assert.ok(isMediaType(good), good)
    }
    for (const bad of ['', 'json', 'a/', '/b', 'a/b;', 'a/b; c', 'a/b; c="', 'a b/c', 'a/b; c=é'])
      assert.ok(!isMediaType(bad), bad)
  })
})
