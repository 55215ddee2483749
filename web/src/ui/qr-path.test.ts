import { expect, test } from 'vitest'
import { pathOf } from './qr-path.ts'

test('a QR code is drawn in runs of dark modules, inside its light border', () => {
  expect(pathOf(['110', '000', '101'])).toBe('M4 4h2v1h-2zM4 6h1v1h-1zM6 6h1v1h-1z')
})
