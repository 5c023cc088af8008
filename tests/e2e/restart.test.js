import { afterEach, beforeEach, describe, it } from 'node:test'
import assert from 'node:assert/strict'

import { Author, RawClient, connect, query } from './support/client.js'
import { Relay } from './support/relay.js'

describe('a restart', { timeout: 120_000 }, () => {
  let relay
  const author = new Author()

  beforeEach(async () => {
    relay = await Relay.start()
  })
  afterEach(() => relay?.stop())

  const publish = async (count, label) => {
    const client = await connect(relay.url)
    const events = Array.from({ length: count }, (_, i) => author.sign({ content: `${label} ${i}` }))
    await Promise.all(events.map(event => client.publish(event)))
    client.close()
    return events
  }
  const storedIds = async () => {
    const client = await connect(relay.url)
    const events = await query(client, { authors: [author.pubkey], limit: 5000 })
    client.close()
    return events.map(({ id }) => id).sort()
  }

  it('after SIGTERM ends with exit code 0 and keeps every event', async () => {
    const events = await publish(50, 'kept')
    assert.equal(await relay.terminate(), 0)
    await relay.startAgain()
    assert.deepEqual(await storedIds(), events.map(({ id }) => id).sort())
  })

  it('tells connected clients that the relay leaves', async () => {
    const raw = await RawClient.open(relay.url)
    await raw.isAlive()
    const [code] = await Promise.all([relay.terminate(), raw.untilClosed()])
    assert.equal(code, 0)
    assert.ok([1001, 1012].includes(raw.closed.code), `close code ${raw.closed.code}`)
  })

  it('after SIGKILL keeps every event that was acknowledged', async () => {
    const raw = await RawClient.open(relay.url)
    const acknowledged = []
    const pending = Array.from({ length: 300 }, (_, i) => author.sign({ content: `race ${i}` }))
      .map(event => raw.publish(event).then(() => acknowledged.push(event.id), () => {}))
    // Counted here: all answers may come in one piece, before anybody else has heard of them.
    let answers = 0
    await raw.find(([verb]) => verb === 'OK' && ++answers >= 20)
    await relay.kill()
    await Promise.all(pending)
    assert.ok(acknowledged.length > 0)

    await relay.startAgain()
    const stored = new Set(await storedIds())
    assert.deepEqual(acknowledged.filter(id => !stored.has(id)), [])
  })
})
