// A receiver of WhatsApp webhooks as people write it today: Express, the signature
// over the raw body, one transaction a body in PostgreSQL, a counter a half hour.
// It counts the first report of each status of a message; it knows nothing of lost,
// implied or corrected reports. A rival of the bench, no part of the product.
import { createHmac, timingSafeEqual } from 'node:crypto'
import express from 'express'
import pg from 'pg'

const listen = process.argv[process.argv.indexOf('--listen') + 1]
const port = Number(listen.split(':')[1])
const secret = process.env.APP_SECRET
const pool = new pg.Pool({ host: process.env.PGHOST, user: 'bench', database: 'postgres', max: 16 })

await pool.query(`
  CREATE TABLE report (message_id text, status text, PRIMARY KEY (message_id, status));
  CREATE TABLE tally (number text, half_hour bigint, sent int NOT NULL, delivered int NOT NULL,
                      PRIMARY KEY (number, half_hour))`)

const REPORT = {
  name: 'report',
  text: 'INSERT INTO report VALUES ($1, $2) ON CONFLICT DO NOTHING',
}
const TALLY = {
  name: 'tally',
  text: `INSERT INTO tally AS t VALUES ($1, $2, $3, $4) ON CONFLICT (number, half_hour)
         DO UPDATE SET sent = t.sent + excluded.sent, delivered = t.delivered + excluded.delivered`,
}

function isSigned(request) {
  const right = createHmac('sha256', secret).update(request.body).digest()
  const given = Buffer.from((request.get('x-hub-signature-256') ?? '').replace('sha256=', ''), 'hex')
  return given.length === right.length && timingSafeEqual(given, right)
}

async function count(body) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const more = new Map()
    for (const entry of body.entry) {
      for (const { value } of entry.changes) {
        for (const { id, status, timestamp } of value.statuses ?? []) {
          const { rowCount } = await client.query({ ...REPORT, values: [id, status] })
          if (rowCount === 0 || (status !== 'sent' && status !== 'delivered')) continue
          const halfHour = Math.floor(Number(timestamp) / 1800)
          const key = `${value.metadata.display_phone_number} ${halfHour}`
          const counts = more.get(key) ?? [0, 0]
          counts[status === 'sent' ? 0 : 1] += 1
          more.set(key, counts)
        }
      }
    }
    // In one order, so that bodies do not wait for each other in a circle.
    for (const key of [...more.keys()].sort()) {
      await client.query({ ...TALLY, values: [...key.split(' '), ...more.get(key)] })
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

async function countAgain(body, tries) {
  try {
    await count(body)
  } catch (error) {
    // A deadlock.
    if (error.code !== '40P01' || tries === 0) throw error
    await countAgain(body, tries - 1)
  }
}

const app = express()
app.get('/readyz', (_, response) => response.send('ok'))
app.post('/webhooks/whatsapp/bench', express.raw({ type: '*/*', limit: '4mb' }), async (request, response) => {
  if (!isSigned(request)) return response.status(401).end()
  await countAgain(JSON.parse(request.body), 10)
  response.json({ code: 'OK' })
})
app.listen(port, '127.0.0.1')
