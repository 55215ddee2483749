import { crc32, deflateSync } from 'node:zlib'

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const out = Buffer.alloc(named.length + 8)
  out.writeUInt32BE(data.length, 0)
  named.copy(out, 4)
  out.writeUInt32BE(crc32(named), named.length + 4)
  return out
}

/** A grey picture as PNG; `stated` puts another size into its head. */
export function aPng(size: { width?: number; height?: number; stated?: { width: number; height: number } } = {}): Buffer {
  const { width = 2, height = 2 } = size
  const stated = size.stated ?? { width, height }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(stated.width, 0)
  head.writeUInt32BE(stated.height, 4)
  head[8] = 8 // bits for each pixel, and color type 0: grey
  const rows = deflateSync(Buffer.alloc((width + 1) * height, 0))
  const mark = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([mark, chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))])
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

/** Pictures of 24 × 16 pixels as libjpeg and libwebp write them, by what they are. */
export const pictures: Record<keyof typeof plain, Buffer> = Object.fromEntries(
  Object.entries(plain).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]),
) as Record<keyof typeof plain, Buffer>
