import { afterAll, expect, test } from 'vitest'
import { understandBusiness } from '#commands/server/businesses.ts'
import { clearAll, hawker, key, newFolder, run } from './process.ts'

afterAll(clearAll)

const words = ['--name', 'Kopi stall', '--slug', 'kopi', '--country', 'sg', '--currency', 'SGD', '--timezone', 'Asia/Singapore']

test('a live business is created beside a running Hawker, and its key, shown once, works immediately', async () => {
  const environment = { HAWKER_DATA_DIR: newFolder(), HAWKER_API_KEY: key }
  const server = hawker(['start'], { environment })
  const url = await server.ready()
  const made = await run(['businesses', 'create', ...words, '--mode', 'live', '--json'], { environment })
  expect(made).toMatchObject({ code: 0, err: '' })
  const business = JSON.parse(made.out)
  expect(business).toMatchObject({
    name: 'Kopi stall',
    slug: 'kopi',
    country: 'SG',
    currency: 'sgd',
    mode: 'live',
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  const status = await fetch(`${url}/v1/account-status`, { headers: { 'x-business-api-key': business.key } })
  expect(status.status).toBe(200)
  const again = await run(['businesses', 'create', ...words], { environment })
  expect(again).toMatchObject({ code: 1, err: 'hawker: A business with the slug kopi already exists.\n' })
  const list = await run(['businesses', 'list'], { environment })
  expect(list.out).toContain(`${business.id}  live     SG       sgd       kopi`)
  expect(list.out).not.toContain(business.key)
  await server.stop()
})

test('an invalid option is named', async () => {
  const about = { name: 'Kopi stall', slug: 'kopi', country: 'SG', currency: 'sgd', timezone: 'Asia/Singapore' }
  expect(understandBusiness(about).mode).toBe('sandbox')
  for (const [name, value] of Object.entries({ name: '', slug: 'Kopi!', country: 'XX', currency: 'xxx', timezone: 'Asia/Nowhere', mode: 'test' }))
    expect(() => understandBusiness({ ...about, [name]: value })).toThrow(`--${name} expects`)
  expect(() => understandBusiness({ name: 'Kopi stall' })).toThrow(/--slug expects .* --country expects .* --currency expects .* --timezone expects /)
})
