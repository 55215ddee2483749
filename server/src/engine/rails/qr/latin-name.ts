import { fitText } from './emv.ts'

/** Text whose letters are ASCII when their accents are removed, which `fitText` does. */
const latin = /^(?:[\x20-\x7e]|[\u0300-\u036f])*$/
/** Pictures are no part of a name; transliterated, they would be words in colons. */
const pictures = /\p{Extended_Pictographic}|\ufe0f|\u200d/gu

/**
 * A name of any script as a payment code can contain it: in ASCII, up to `longest` characters. `Søren` is `Soren`, `新加坡` is
 * `XinJiaPo`; `NA` only where nothing can be read. The schemes allow no other letters in a name (EMVCo MPM, object 59).
 */
export async function latinName(name: string, longest = 25): Promise<string> {
  if (latin.test(name.normalize('NFKD'))) return fitText(name, longest)
  // Its tables are half a megabyte, which most businesses never need.
  const { default: transliterate } = await import('any-ascii')
  return fitText(transliterate(name.normalize('NFC').replace(pictures, '')), longest)
}
