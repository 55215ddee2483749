import { describe, expect, test } from 'vitest'
import { aBusiness, type Client, send } from '#testing/api.ts'

const list = async (client: Client, query: string) => (await client.get(`/v1/payment-requests?${query}`)).json
const idsIn = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id)

describe('the default link of a business', () => {
  test('a default link is listed first, with the URL of its page, whatever else was created', async () => {
    const client = await aBusiness({ currency: 'myr', country: 'MY' })
    await client.post('/v1/payment-requests', { amount: 10, currency: 'myr', channel: 'api_cal' })
    const { data, meta } = await list(client, 'is_default=1&request_id=abc')
    expect(meta).toMatchObject({ total: 1, last_page: 1 })
    expect(data).toEqual([
      expect.objectContaining({
        url: `${client.server.url}/payment-request/@${client.business.slug}`,
        amount: null,
        currency: 'myr',
        status: 'pending',
        channel: 'link',
      }),
    ])
    const page = await send(client.server, 'GET', new URL(data[0].url).pathname)
    expect(page.status).toBe(200)
    expect((await client.get(`/v1/payment-requests/${data[0].id}`)).json).toMatchObject({ ...data[0], location: null })
    const own = await send(client.server, 'GET', `/payment-request/@${client.business.slug}/${data[0].id}/checkout?lang=ms`)
    expect([own.status, own.headers.get('location')]).toEqual([303, `/payment-request/@${client.business.slug}?lang=ms`])
  })

  test('a default link is the same every time, another one for each business, and in no other list', async () => {
    const [client, stranger] = [await aBusiness(), await aBusiness()]
    const [id = ''] = idsIn(await list(client, 'is_default=true'))
    expect(id).toMatch(/^[a-f0-9]{8}-[a-f0-9]{4}-8[a-f0-9]{3}-8[a-f0-9]{3}-[a-f0-9]{12}$/)
    expect(idsIn(await list(client, 'is_default=1'))).toEqual([id])
    expect(idsIn(await list(stranger, 'is_default=1'))).not.toContain(id)
    expect((await stranger.get(`/v1/payment-requests/${id}`)).status).toBe(404)
    for (const query of ['', 'is_default=0', 'is_default=1&status=completed', 'is_default=1&search=link', 'is_default=1&metadata[a]=b'])
      expect(idsIn(await list(client, query))).toEqual([])
    for (const method of ['PUT', 'DELETE']) expect((await client.request(method, `/v1/payment-requests/${id}`, { body: {} })).status).toBe(404)
  })

  test('pages of default links name each request exactly once, by number and by cursor', async () => {
    const client = await aBusiness()
    for (let i = 0; i < 5; i++) await client.post('/v1/payment-requests', { amount: 10, currency: 'sgd', channel: 'link' })
    const all = idsIn(await list(client, 'is_default=1&per_page=100'))
    expect(all).toHaveLength(6)
    for (const size of [1, 2, 3, 6]) {
      const numbered: string[] = []
      for (let page = 1; page <= Math.ceil(6 / size); page++) {
        const answer = await list(client, `is_default=1&per_page=${size}&current_page=${page}`)
        expect(answer.meta).toMatchObject({ total: 6, last_page: Math.ceil(6 / size), from: (page - 1) * size + 1 })
        numbered.push(...idsIn(answer))
      }
      expect([size, numbered]).toEqual([size, all])
      const followed: string[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const answer = await list(client, `is_default=1&per_page=${size}${cursor ? `&cursor=${cursor}` : ''}`)
        followed.push(...idsIn(answer))
        cursor = answer.meta.next_cursor
      }
      expect([size, followed]).toEqual([size, all])
    }
  })
})
