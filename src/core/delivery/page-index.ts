const LEAST = 1_024
/** A fingerprint is less than 2^48; 0 stands for a free slot. */
const FREE = 0

/**
 * On which page something is, by 48 bits of its name: 12 bytes for each of a million names, where a `Map` takes ten times
 * as much. Pages rise, and whole pages are forgotten, the lowest first; a name may be said to be on a page where it is
 * not (2^-48 for each other name), so whoever asks looks there.
 *
 * Open addressing with linear probing, at most half full; what was forgotten goes when the table is made anew.
 */
export class PageIndex {
  #fingerprints = new Float64Array(LEAST)
  #pages = new Uint32Array(LEAST)
  #used = 0
  #first = 0

  /** Slots in memory. */
  get slots(): number {
    return this.#pages.length
  }

  /** `fingerprint`: a whole number from 0 to 2^48 - 1, of which the low bits are evenly spread. */
  add(fingerprint: number, page: number): void {
    if (2 * ++this.#used > this.#pages.length) this.#renew()
    this.#put(fingerprint + 1, page)
  }

  /** The pages that it may be on, none of which was forgotten. */
  pagesOf(fingerprint: number): number[] {
    const found: number[] = []
    const mask = this.#pages.length - 1
    for (let at = home(fingerprint + 1, mask); this.#fingerprints[at] !== FREE; at = (at + 1) & mask) {
      const page = this.#pages[at]!
      if (this.#fingerprints[at] === fingerprint + 1 && page >= this.#first && !found.includes(page)) found.push(page)
    }
    return found
  }

  /** Everything on lower pages is forgotten. */
  forgetBefore(page: number): void {
    this.#first = Math.max(this.#first, page)
  }

  #put(key: number, page: number): void {
    const mask = this.#pages.length - 1
    let at = home(key, mask)
    while (this.#fingerprints[at] !== FREE) at = (at + 1) & mask
    this.#fingerprints[at] = key
    this.#pages[at] = page
  }

  /** A table with room for as much again as is remembered. */
  #renew(): void {
    const fingerprints = this.#fingerprints
    const pages = this.#pages
    let live = 1
    for (let at = 0; at < pages.length; at++) if (fingerprints[at] !== FREE && pages[at]! >= this.#first) live++
    let length = LEAST
    while (length < 4 * live) length *= 2
    this.#fingerprints = new Float64Array(length)
    this.#pages = new Uint32Array(length)
    this.#used = live
    for (let at = 0; at < pages.length; at++) {
      if (fingerprints[at] !== FREE && pages[at]! >= this.#first) this.#put(fingerprints[at]!, pages[at]!)
    }
  }
}

function home(key: number, mask: number): number {
  return (key % 0x100000000) & mask
}
