import { request as httpRequest } from 'node:http'

export interface RawAnswer {
  status: number
  headers: Record<string, unknown>
  body: Buffer
}

/** The bytes as sent: `fetch` would decompress them. */
export function rawGet(url: string, path: string, headers: Record<string, string>): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    httpRequest(`${url}${path}`, { headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }))
    })
      .on('error', reject)
      .end()
  })
}
