import { gramsOf } from '#foundation/shared/search-text.ts'
import { idSql, type Population } from './customers.ts'
import { type Person, personOf, searchOf } from './people.ts'

/** Grams of a row that come from its digits: eight of the email's and twice seven of the phone's. */
const digitGrams = 22

const customerColumns = `business_id, id, name, email, phone_number, phone_number_country_code, phone_number_e164, metadata, search, search_grams, version, created_at, updated_at`

/** One customer by key, with all columns that the API returns. */
const selectOne = `
  select id, name, birth_date, gender, email, phone_number, address, remark, phone_number_country_code, external_id, phone_number_e164, metadata,
    version, created_at, updated_at
  from customers where business_id = $1 and id = $2`

const shownBefore = (name: string) =>
  `'{"id":"' || written.id || '","name":${JSON.stringify(name).replaceAll("'", "''")},"birth_date": null,"gender": null,"email":"'`
const shownAfter = `'","address": null,"remark": null,"phone_number_country_code":"65","external_id": null,"phone_number_e164":"+65'`

function insertScript(people: Population, person: Person): string {
  const local = person.email.slice(0, person.email.indexOf('@')).replace(/\d+$/, '')
  const domain = person.email.slice(person.email.indexOf('@'))
  const email = `'${local}' || :number::text || '${domain}'`
  const phone = ':phone::text'
  const [searchName = ''] = searchOf(person).split('\n')
  const searchText = `'${searchName}' || E'\\n ' || ${email} || E'\\n ' || ${phone} || E'\\n 65' || ${phone}`
  // The constant parts have the grams that the API gives them; those of the digits are drawn from as many as there are.
  const fixed = gramsOf([searchName, ` ${local}`, domain].join('\n'), people.businessId)
  const grams = `'{${fixed}}'::int4[] || array(select floor(random() * 2000)::int4 from generate_series(1, ${digitGrams}))`
  return `\\set number random(1, 1000000000)
\\set phone random(80000000, 99999999)
with written as (
  insert into customers (${customerColumns})
  values ('${people.businessId}', uuidv7(), '${person.name.replaceAll("'", "''")}', ${email}, ${phone}, '65', '+65' || ${phone}, '{}', ${searchText}, ${grams}, 1, now(), now())
  returning id, created_at
)
insert into events (business_id, id, type, object_id, data, request_id, created_at)
select '${people.businessId}', uuidv7(), 'customer.created', written.id,
  (${shownBefore(person.name)} || ${email} || '","phone_number":"' || ${phone} || ${shownAfter} || ${phone}
    || '","metadata":{},"created_at":' || to_json(written.created_at)::text || ',"updated_at":' || to_json(written.created_at)::text || '}')::json,
  'req_' || :number::text, written.created_at
from written;
`
}

/** pgbench scripts that insert: each has other names, and every transaction its own number and phone. */
export function insertScripts(people: Population): string[] {
  return Array.from({ length: 40 }, (_, i) => insertScript(people, personOf(i)))
}

/** A pgbench script that selects a random customer by key. */
export function selectScript(people: Population): string {
  const statement = selectOne.replace('$1', `'${people.businessId}'`).replace('$2', idSql(people, ':number::int8'))
  return `\\set number random(1, ${people.rows})\n${statement};\n`
}

/** A page of customers after a given one, each as the API's JSON. */
const selectPage = `
  select c.id, row_to_json((select shown from (select c.id, c.name, c.birth_date, c.gender, c.email, c.phone_number, c.address, c.remark,
    c.phone_number_country_code, c.external_id, c.phone_number_e164, c.metadata) shown))::text as json, c.version,
    (extract(epoch from c.created_at) * 1000)::float8 as created_ms, (extract(epoch from c.updated_at) * 1000)::float8 as updated_ms
  from customers c where c.business_id = $1 and c.id < $2 order by c.id desc limit $3`

/** A pgbench script that selects a page after a random customer, plus one row to see whether there are more. */
export function listScript(people: Population, perPage: number): string {
  const statement = selectPage
    .replace('$1', `'${people.businessId}'`)
    .replace('$2', idSql(people, ':number::int8'))
    .replace('$3', String(perPage + 1))
  return `\\set number random(${perPage + 1}, ${people.rows})\n${statement};\n`
}
