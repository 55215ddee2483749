import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Connection } from '#foundation/database/database.ts'
import { poolOptions } from '#foundation/database/database.ts'
import { newId } from '#foundation/shared/ids.ts'
import { gramsOf } from '#foundation/shared/search-text.ts'
import { idOf, type Population } from './customers.ts'
import { type Load, loadOf } from './load.ts'
import { personOf, searchOf } from './people.ts'
import { insertOne, selectOne } from './statements.ts'
import { finish, sleep, type Workspace } from './workspace.ts'

export type Operation = 'create' | 'get' | 'list'

/** What the comparator process is asked to do. */
export interface DirectTask {
  operation: Operation
  connection: Connection
  clients: number
  seconds: number
  warmUpSeconds: number
  people: Population
  list: { text: string; values: readonly unknown[]; afterId: string }
}

type Send = (client: pg.Client, number: number) => Promise<unknown>

function senders({ people, list }: DirectTask): Record<Operation, Send> {
  const anyNumber = () => 30 + Math.floor(Math.random() * (people.rows - 30))
  return {
    create: (client, number) => {
      const at = new Date()
      const person = personOf(number)
      const id = newId<'customer'>(at)
      const shown = {
        id,
        name: person.name,
        birth_date: null,
        gender: null,
        email: person.email,
        phone_number: person.phone,
        address: null,
        remark: null,
        phone_number_country_code: '65',
        external_id: null,
        phone_number_e164: `+65${person.phone}`,
        metadata: {},
        created_at: at,
        updated_at: at,
      }
      const values = [people.businessId, id, person.name, person.email, person.phone, searchOf(person), at.toISOString()]
      return client.query({
        name: 'insert_one',
        text: insertOne,
        values: [...values, newId<'event'>(at), JSON.stringify(shown), `req_${number}`, gramsOf(searchOf(person), people.businessId)],
      })
    },
    get: (client) => client.query({ name: 'select_one', text: selectOne, values: [people.businessId, idOf(people, anyNumber())] }),
    list: (client) => {
      const after = idOf(people, anyNumber())
      return client.query({ name: 'list', text: list.text, values: list.values.map((value) => (value === list.afterId ? after : value)) })
    },
  }
}

async function perform(task: DirectTask): Promise<Load> {
  const send = senders(task)[task.operation]
  const { query_timeout: _limit, ...options } = poolOptions(task.connection, task.clients, 15_000)
  const clients = await Promise.all(
    Array.from({ length: task.clients }, async () => {
      const client = new pg.Client(options)
      await client.connect()
      return client
    }),
  )
  let number = Date.now() % 1e9
  let measuring = false
  let running = true
  let took: number[] = []
  const loops = clients.map(async (client) => {
    while (running) {
      const began = performance.now()
      number += 1
      await send(client, number)
      if (measuring) took.push(performance.now() - began)
    }
  })
  const work = Promise.all(loops)
  const timed = async () => {
    await sleep(task.warmUpSeconds * 1000)
    measuring = true
    took = []
    const began = performance.now()
    await sleep(task.seconds * 1000)
    const seconds = (performance.now() - began) / 1000
    measuring = false
    running = false
    return loadOf(took, seconds)
  }
  const [load] = await Promise.all([timed(), work])
  await Promise.all(clients.map((client) => client.end()))
  return load
}

/** Works as the comparator process: reads its task, prints its figures. */
export async function directProcess(task: string): Promise<void> {
  process.stdout.write(JSON.stringify(await perform(JSON.parse(task) as DirectTask)))
}

/** The same work straight on the database, from a Node.js process of its own. */
export async function runDirect(workspace: Workspace, task: DirectTask): Promise<Load> {
  const child = workspace.start(process.execPath, [fileURLToPath(import.meta.url), 'direct', JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const { output } = await finish(child, task.seconds + task.warmUpSeconds + 30)
  return JSON.parse(output) as Load
}
