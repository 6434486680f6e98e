import { isIPv6 } from 'node:net'

/** The texts that CloudEvents 1.0 demands of its attributes. Whatever passes here passes the CloudEvents SDK too. */

const SCHEME = '[a-z][a-z0-9+.-]*'
const CHAR = "(?:[a-z0-9._~!$&'()*+,;=:@-]|%[0-9a-f]{2})"
const NAME = "(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*"
const AUTHORITY = `(?:(?:${NAME.slice(0, -1)}|:)*@)?(?:\\[(?<ip>[0-9a-f:.]+)\\]|${NAME})(?::\\d*)?`
const PATH = `(?://${AUTHORITY}(?:/${CHAR}*)*|/(?:${CHAR}+(?:/${CHAR}*)*)?|${CHAR}+(?:/${CHAR}*)*)?`
const TAIL = `(?:\\?(?:${CHAR}|[/?])*)?(?:#(?:${CHAR}|[/?])*)?`
/** RFC 3986 §4.1; internationalised host addresses of the future (`[v1.…]`) are left out. */
const REFERENCE = new RegExp(`^(?:${SCHEME}:)?${PATH}${TAIL}$`, 'i')
const ABSOLUTE = new RegExp(`^${SCHEME}:`, 'i')
/** RFC 3986 §4.2: a colon in the first segment of a relative path would read as a scheme. */
const FIRST_COLON = /^[^/?#:]*:/

export function isUriReference(text: string): boolean {
  const match = text.length > 0 ? REFERENCE.exec(text) : null
  if (match === null) return false
  if (FIRST_COLON.test(text) && !ABSOLUTE.test(text)) return false
  const ip = match.groups?.['ip']
  return ip === undefined || isIPv6(ip)
}

/** RFC 3986 §3: with a scheme, and something after it. */
export function isUri(text: string): boolean {
  return isUriReference(text) && ABSOLUTE.test(text) && !/^[^:]*:(?:[?#]|$)/.test(text)
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))$/

/** RFC 3339 §5.6. Leap seconds are refused: no Date holds one. */
export function isTimestamp(text: string): boolean {
  const match = TIME.exec(text)
  if (match === null) return false
  const [year, month, day, hour, minute, second, offsetHour, offsetMinute] = match.slice(1).map(Number)
  if (month! < 1 || month! > 12 || day! < 1 || day! > daysIn(year!, month!)) return false
  if (hour! > 23 || minute! > 59 || second! > 59) return false
  return match[7] === undefined || (offsetHour! <= 23 && offsetMinute! <= 59)
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const MEDIA_TYPE = new RegExp(
  `^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\\\r\\n]|\\\\.)*"))*$`
)

/** RFC 2046, with the parameters of RFC 2045 §5.1 in either case: `charset=UTF-8` is what most clients write. */
export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text)
}

/** CloudEvents 1.0 §3.1 "Naming conventions". */
export function isExtensionName(text: string): boolean {
  return /^[a-z0-9]+$/.test(text)
}
