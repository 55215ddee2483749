import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { addressesOf, isPermittedAddress } from './public-address.ts'
import { createSafeSender, explainNetworkError, type NotSent, type SafeSender, type SenderOptions, type Sent } from './send-safely.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close()
})

async function listen<Listener extends Server | TcpServer>(server: Listener): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  open.push({
    close: () => {
      if ('closeAllConnections' in server) server.closeAllConnections()
      server.close()
    },
  })
  return (server.address() as AddressInfo).port
}

const serve = (answer: (request: IncomingMessage, response: ServerResponse) => unknown) =>
  listen(
    createServer((request, response) => {
      answer(request, response)
    }),
  )

function aSender(options: SenderOptions = {}): SafeSender {
  const sender = createSafeSender({ allowLoopback: true, timeoutMs: 5000, ...options })
  open.push(sender)
  return sender
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

const ok = (_: IncomingMessage, response: ServerResponse) => response.end('ok')
const post = (sender: SafeSender, url: string, body = '{}', headers: Record<string, string> = {}) => sender.post({ url, headers, body })
const faultOf = (result: Sent | NotSent) => ('error' in result ? result.error : `answered ${result.status}`)

describe('deliveries', () => {
  test('the sender sends the exact bytes and headers, and keeps the answer', async () => {
    let seen: { url: string | undefined; body: string; headers: IncomingMessage['headers']; method: string | undefined } | undefined
    const port = await serve(async (request, response) => {
      seen = { url: request.url, method: request.method, headers: request.headers, body: await textOf(request) }
      response.writeHead(202, { 'content-type': 'text/plain', 'retry-after': '7', 'set-cookie': 'a=b', 'x-secret': 'kept by no one' })
      response.end('schön')
    })
    const url = `http://127.0.0.1:${port}/hook?wc-api=wc_hitpay&b=%2F`
    const result = await post(aSender(), url, '{"name":"Café"}', { 'content-type': 'application/json', 'hitpay-signature': 'abc' })
    expect(seen).toMatchObject({ url: '/hook?wc-api=wc_hitpay&b=%2F', method: 'POST', body: '{"name":"Café"}' })
    expect(seen?.headers).toMatchObject({ 'hitpay-signature': 'abc', host: `127.0.0.1:${port}`, 'content-length': '16' })
    expect(result).toMatchObject({ status: 202, body: 'schön', bodyTruncated: false, durationMs: expect.any(Number) })
    expect('headers' in result && Object.keys(result.headers).sort()).toEqual(['content-type', 'date', 'retry-after'])
  })

  test('a redirect is an answer like any other', async () => {
    let calls = 0
    const port = await serve((_, response) => {
      calls++
      response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data/' }).end()
    })
    const result = await post(aSender(), `http://127.0.0.1:${port}/`)
    expect(result).toMatchObject({ status: 307, headers: { location: 'http://169.254.169.254/latest/meta-data/' } })
    expect(calls).toBe(1)
  })

  test('connections are reused', async () => {
    const ports = new Set<number | undefined>()
    const port = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end()
    })
    const sender = aSender()
    for (let at = 0; at < 20; at++) await post(sender, `http://127.0.0.1:${port}/`)
    // An answer is returned a moment before its connection is free, so the second post may open one more.
    expect(ports.size).toBeLessThanOrEqual(2)
  })

  test('a slow host does not delay another', async () => {
    const slow = await serve(() => undefined)
    const fast = await serve(ok)
    const sender = aSender({ timeoutMs: 1000 })
    const order: string[] = []
    const waiting = Array.from({ length: 50 }, () => post(sender, `http://127.0.0.1:${slow}/`).finally(() => order.push('slow')))
    await post(sender, `http://127.0.0.1:${fast}/`)
    order.push('fast')
    expect(new Set((await Promise.all(waiting)).map(faultOf))).toEqual(new Set(['timeout']))
    expect(order[0]).toBe('fast')
  })

  test('an answer without a body is kept, and so is one whose connection closes instead of a length', async () => {
    const empty = await serve((_, response) => response.writeHead(204).end())
    const raw = await listen(createTcpServer((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nold')))
    expect(await post(aSender(), `http://127.0.0.1:${empty}/`)).toMatchObject({ status: 204, body: '' })
    expect(await post(aSender(), `http://127.0.0.1:${raw}/`)).toMatchObject({ status: 200, body: 'old', bodyTruncated: false })
  })
})

describe('receivers that misbehave', () => {
  test('headers that do not arrive are a timeout', async () => {
    const port = await serve(() => undefined)
    const result = await post(aSender({ timeoutMs: 200 }), `http://127.0.0.1:${port}/`)
    expect(result).toMatchObject({ error: 'timeout', message: 'There was no response within 200 ms.' })
  })

  test('headers that arrive a byte at a time do not extend the time limit', async () => {
    const port = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => undefined)
        socket.write('HTTP/1.1 200 OK\r\n')
        const timer = setInterval(() => socket.write('x'), 20)
        socket.on('close', () => clearInterval(timer))
      }),
    )
    expect(faultOf(await post(aSender({ timeoutMs: 300 }), `http://127.0.0.1:${port}/`))).toBe('timeout')
  })

  test('a body that does not end is cut at the time limit, and its status counts', async () => {
    const port = await serve((_, response) => {
      response.write('beginning')
    })
    const result = await post(aSender({ timeoutMs: 300 }), `http://127.0.0.1:${port}/`)
    expect(result).toMatchObject({ status: 200, body: 'beginning', bodyTruncated: true })
  })

  test('a huge body is truncated, and the rest is not read', async () => {
    let written = 0
    const port = await serve(async (_, response) => {
      response.on('error', () => undefined)
      while (!response.destroyed && written < 200_000_000) {
        written += 65_536
        if (!response.write(Buffer.alloc(65_536, 'a'))) await Promise.race([new Promise((done) => response.once('drain', done)), wait(500)])
      }
    })
    const result = await post(aSender(), `http://127.0.0.1:${port}/`)
    expect(result).toMatchObject({ status: 200, bodyTruncated: true, body: 'a'.repeat(65_536) })
    expect(written).toBeLessThan(50_000_000)
  })

  test('a body is truncated between characters, and contains nothing that a database rejects', async () => {
    const port = await serve((_, response) => response.end(Buffer.from('ab\0é\xff', 'latin1').toString('utf8')))
    expect(await post(aSender({ keptBodyBytes: 4 }), `http://127.0.0.1:${port}/`)).toMatchObject({ body: 'ab\ufffd', bodyTruncated: true })
  })

  test.each([
    ['a connection that is reset', (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy(), 'reset'],
    ['a connection that is closed', (socket: { end(): void }) => socket.end(), 'reset'],
    ['an answer that is not HTTP', (socket: { end(text: string): void }) => socket.end('SSH-2.0-OpenSSH\r\n'), 'protocol'],
    ['headers without end', (socket: { end(text: string): void }) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`), 'protocol'],
  ])('a receiver that misbehaves gives an error: %s', async (_, behave, fault) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => behave(socket))
    })
    expect(faultOf(await post(aSender(), `http://127.0.0.1:${await listen(server)}/`))).toBe(fault)
  })

  test('a port where no one listens is refused, and plain HTTP behind https is a TLS error', async () => {
    const sender = aSender()
    expect(faultOf(await post(sender, 'http://127.0.0.1:1/'))).toBe('refused')
    expect(faultOf(await post(sender, `https://127.0.0.1:${await serve(ok)}/`))).toBe('tls')
  })

  test('a host name that does not resolve, or resolves to nothing, is an error', async () => {
    const missing = aSender({ resolve: () => Promise.reject(Object.assign(new Error('not found'), { code: 'ENOTFOUND' })) })
    expect(await post(missing, 'http://nowhere.example.com/')).toMatchObject({ error: 'dns', message: 'The host name could not be resolved (ENOTFOUND).' })
    expect(faultOf(await post(aSender({ resolve: () => Promise.resolve([]) }), 'http://nowhere.example.com/'))).toBe('dns')
  })

  test('a resolver that never answers is a timeout', async () => {
    const sender = aSender({ timeoutMs: 200, connectTimeoutMs: 600, resolve: () => new Promise(() => undefined) })
    expect(faultOf(await post(sender, 'http://slow.example.com/'))).toBe('timeout')
  })

  test.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['ENETUNREACH', 'unreachable'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['SOMETHING', 'failed'],
  ])('%s is reported as %s', (code, fault) => {
    expect(explainNetworkError(Object.assign(new Error('x'), { code })).error).toBe(fault)
    expect(explainNetworkError(new AggregateError([Object.assign(new Error('x'), { code })])).error).toBe(fault)
  })

  test('a header that cannot be sent is an error value, not an exception', async () => {
    expect(faultOf(await post(aSender(), `http://127.0.0.1:${await serve(ok)}/`, '{}', { 'x-a': 'b\r\nx-c: d' }))).toBe('invalid_request')
  })
})

describe('our own network', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://0x7f.1:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://2130706433:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::1]:PORT/',
    'http://[::7f00:1]:PORT/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://0:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::]:PORT/',
    'http://localhost:PORT/',
    'http://LOCALHOST.:PORT/',
    'http://１２７.０.０.１:PORT/',
  ])('a live webhook does not reach our own network through %s', async (url) => {
    let calls = 0
    const port = await serve((_, response) => {
      calls++
      response.end()
    })
    const result = await post(aSender({ allowLoopback: false }), url.replace('PORT', String(port)))
    expect(['blocked', 'dns']).toContain(faultOf(result))
    expect(calls).toBe(0)
  })

  test.each([
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'http://[fd00:ec2::254]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://0.0.0.0:1/',
    'http://168.63.129.16/',
  ])('a sandbox webhook does not reach our own network through %s either', async (url) => {
    expect(faultOf(await post(aSender(), url))).toBe('blocked')
  })

  test('a host name that resolves to a private address is rejected, even if only one of several does', async () => {
    const names: Record<string, string[]> = { 'inside.example.com': ['10.0.0.1'], 'both.example.com': ['93.184.215.14', '127.0.0.1'] }
    const resolve = (name: string) => Promise.resolve((names[name] ?? []).map((address) => ({ address, family: 4 })))
    const sender = aSender({ allowLoopback: false, resolve })
    for (const name of Object.keys(names)) {
      const result = await post(sender, `http://${name}/`)
      expect(result).toMatchObject({ error: 'blocked', message: 'The host name resolves to an address that is not allowed.' })
    }
  })

  test('a host name that changes its address after the check gains nothing', async () => {
    let asked = 0
    const resolve = () => Promise.resolve([{ address: asked++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }])
    const port = await serve((_, response) => response.setHeader('connection', 'close').end())
    const sender = aSender({ resolve })
    expect(faultOf(await post(sender, `http://rebind.example.com:${port}/`))).toBe('answered 200')
    expect(asked).toBe(1)
    expect(faultOf(await post(sender, `http://rebind.example.com:${port}/`))).toBe('blocked')
    expect(asked).toBe(2)
  })

  test('the request names the host, not the address', async () => {
    let host: string | undefined
    const port = await serve((request, response) => {
      host = request.headers.host
      response.end()
    })
    await post(aSender({ resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) }), `http://shop.example.com:${port}/`)
    expect(host).toBe(`shop.example.com:${port}`)
  })

  test('an operator can allow a network', async () => {
    const port = await serve(ok)
    const sender = aSender({ allowLoopback: false, allowedNetworks: ['127.0.0.0/30'] })
    expect(faultOf(await post(sender, `http://127.0.0.1:${port}/`))).toBe('answered 200')
    expect(faultOf(await post(sender, `http://127.0.0.9:${port}/`))).toBe('blocked')
  })

  test.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'http://user:secret@example.com/',
    'http://user@example.com/',
    'example.com',
    '',
    'http://',
    'http://a b/',
  ])('%j is rejected as a URL', async (url) => {
    expect(faultOf(await post(aSender(), url))).toBe('invalid_url')
  })

  test.each([
    ['8.8.8.8', true],
    ['2606:4700:4700::1111', true],
    ['10.1.2.3', false],
    ['172.16.0.1', false],
    ['192.168.1.1', false],
    ['100.64.0.1', false],
    ['169.254.1.1', false],
    ['198.18.0.1', false],
    ['192.0.2.1', false],
    ['224.0.0.1', false],
    ['240.0.0.1', false],
    ['255.255.255.255', false],
    ['fe80::1', false],
    ['fc00::1', false],
    ['fec0::1', false],
    ['ff02::1', false],
    ['2001:db8::1', false],
    ['2002:7f00:1::', false],
    ['2001::1', false],
    ['::ffff:8.8.8.8', false],
    ['64:ff9b::808:808', false],
    ['64:ff9b:1::1', false],
    ['fe80::1%eth0', false],
    ['example.com', false],
  ])('%s may be connected to: %s', (address, expected) => {
    expect(isPermittedAddress(address)).toBe(expected)
  })

  test('an allowed loopback opens nothing else', () => {
    const addresses = ['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::', '10.0.0.1', '::ffff:127.0.0.1']
    expect(addresses.filter((address) => isPermittedAddress(address, { allowLoopback: true }))).toEqual(['127.0.0.1', '127.9.9.9', '::1'])
  })

  test('metadata services are blocked even inside an allowed network', () => {
    const open = { allowLoopback: true, allowedNetworks: ['0.0.0.0/0', '::/0'] }
    const metadata = [
      ...[
        '169.254.169.254',
        '169.254.170.2',
        '169.254.170.23',
        '168.63.129.16',
        '100.100.100.200',
        '192.0.0.192',
        '169.254.0.23',
        '100.96.0.96',
        '169.254.42.42',
      ],
      ...['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fd00:c1::a9fe:a9fe', 'fe80::a9fe:a9fe', 'fd00:42::42', 'fd00:a9fe:a9fe::1'],
      ...['FD00:0EC2:0::0023', 'fd00:c1:0:0:0:0:a9fe:a9fe'],
    ]
    for (const address of metadata) {
      const reached = [addressesOf.sandbox, addressesOf.live, open].map((exceptions) => isPermittedAddress(address, exceptions))
      expect([address, ...reached]).toEqual([address, false, false, false])
    }
    expect(isPermittedAddress('169.254.169.254', { allowedNetworks: ['169.254.0.0/16'] })).toBe(false)
    expect(isPermittedAddress('169.254.1.1', { allowedNetworks: ['169.254.0.0/16'] })).toBe(true)
  })
})
