import { expect, test } from 'vitest'
import { linksNote } from './links-note.ts'

test('the note about links says what is not set and what follows, and nothing if the public URL is set', () => {
  const note = linksNote({ publicUrl: undefined, host: '0.0.0.0', port: 9000 })
  expect(note).toBe('HAWKER_PUBLIC_URL is not set: links in emails and in events of jobs begin with http://localhost:9000, which only this machine can open')
  expect(linksNote({ publicUrl: 'https://pay.example.com', host: '0.0.0.0', port: 9000 })).toBeUndefined()
})
