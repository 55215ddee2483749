import { expect, test } from 'vitest'
import { pathOf } from './qr-path.ts'

test('a code is drawn a run of dark modules at a time, inside its light border', () => {
  expect(pathOf(['110', '000', '101'])).toBe('M4 4h2v1h-2zM4 6h1v1h-1zM6 6h1v1h-1z')
})
