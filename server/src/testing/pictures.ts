import { deflateSync } from 'node:zlib'
import { chunkOf, pngMark } from '#foundation/shared/png.ts'

/** A picture as PNG, gray or of another color type; `stated` puts another size into its head, and `packed` replaces its packed data. */
export function aPng(
  size: { width?: number; height?: number; stated?: { width: number; height: number }; type?: 0 | 3 | 6; packed?: Buffer; before?: Buffer[] } = {},
): Buffer {
  const { width = 2, height = 2, type = 0, before = [] } = size
  const stated = size.stated ?? { width, height }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(stated.width, 0)
  head.writeUInt32BE(stated.height, 4)
  head.set([8, type], 8) // bits per sample
  const packed = size.packed ?? deflateSync(Buffer.alloc((width * (type === 6 ? 4 : 1) + 1) * height, 0))
  return Buffer.concat([pngMark, chunkOf('IHDR', head), ...before, chunkOf('IDAT', packed), chunkOf('IEND', Buffer.alloc(0))])
}

const plain = {
  'a JPEG':
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAQABgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFgEBAQEAAAAAAAAAAAAAAAAAAAMF/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AkAWZoAD/2Q==',
  'a progressive JPEG with restarts':
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wgARCAAQABgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAVAQEBAAAAAAAAAAAAAAAAAAACBP/dAAQAAf/aAAwDAQACEAMQAAABiHN//9CIc3//xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAEFAn//0H//0X//0n//03//1H//xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAEDAQE/AX//0H//xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAECAQE/AX//0H//xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAY/An//0H//0X//0n//03//1H//xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAE/IX//0H//0X//0n//03//1H//2gAMAwEAAgADAAAAEPP/0PP/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAEDAQE/EH//0H//xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAECAQE/EH//0H//xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAE/EH//0H//0X//0n//03//1H//2Q==',
  'a lossy WebP': 'UklGRjwAAABXRUJQVlA4IDAAAACwAgCdASoYABAAPxFysFAsJqSisAgBgCIJQAAPZAAA/uHDfbZaJQP/0K9ZffT9wAA=',
  'a lossless WebP': 'UklGRhwAAABXRUJQVlA4TBAAAAAvF8ADAAdQwChg/wMR0f8A',
  'a WebP with transparency':
    'UklGRmAAAABXRUJQVlA4WAoAAAAQAAAAFwAADwAAQUxQSAoAAAABB1CtiAhERP8DVlA4IDAAAACwAgCdASoYABAAPxFysFAsJqSisAgBgCIJQAAPZAAA/uHDfbZaJQP/0K9ZffT9wAA=',
}

/** Pictures of 24 × 16 pixels as libjpeg and libwebp write them, by their kind. */
export const pictures: Record<keyof typeof plain, Buffer> = Object.fromEntries(
  Object.entries(plain).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]),
) as Record<keyof typeof plain, Buffer>
