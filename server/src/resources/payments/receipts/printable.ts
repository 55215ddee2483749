/**
 * Text of others as it may be printed and used in a heading: composed, on one line, without control characters and without
 * characters that change the text direction, which could make a line read as something else.
 */
export function printable(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad\ufeff]/gu, '')
    .replace(/\p{Cs}/gu, '\ufffd')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[^\S\u00a0]+/gu, ' ')
    .trim()
}
