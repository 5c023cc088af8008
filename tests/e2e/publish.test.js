import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'

import { Author, RawClient, connect, now, query } from './support/client.js'
import { Relay } from './support/relay.js'

describe('publishing', { timeout: 60_000 }, () => {
  let relay
  let client
  const author = new Author()

  before(async () => {
    relay = await Relay.start()
    client = await connect(relay.url)
  })
  after(async () => {
    client?.close()
    await relay?.stop()
  })

  it('answers OK and serves the event as it was signed', async () => {
    const event = author.sign({
      content: 'escapes " \\ \n \t \b \f \r, a slash /, é, 😀, \u2028 and \u0001',
      tags: [['t', 'a"b\\c\n'], ['e', '0'.repeat(64), 'wss://example.com'], ['single']],
    })
    assert.equal(await client.publish(event), '')
    const [served] = await query(client, { ids: [event.id] })
    assert.deepEqual(JSON.parse(JSON.stringify(served)), JSON.parse(JSON.stringify(event)))
  })

  it('answers a second time with "duplicate:", and stores it once', async () => {
    const event = author.sign({ content: 'twice' })
    await client.publish(event)
    assert.match(await client.publish(event), /^duplicate: /)
    assert.equal((await query(client, { ids: [event.id] })).length, 1)
  })

  it('refuses a signature of another key', async () => {
    const event = author.sign({ content: 'mine' })
    const forged = { ...event, sig: new Author().sign({ content: 'mine' }).sig }
    await assert.rejects(client.publish(forged), /^Error: invalid: /)
    assert.deepEqual(await query(client, { ids: [event.id] }), [])
  })

  it('refuses changed content under the old id', async () => {
    const event = author.sign({ content: 'true' })
    await assert.rejects(client.publish({ ...event, content: 'fals' }), /^Error: invalid: /)
    assert.deepEqual(await query(client, { ids: [event.id] }), [])
  })

  it('refuses an event from the far future', async () => {
    const event = author.sign({ created_at: now() + 24 * 3600 })
    await assert.rejects(client.publish(event), /^Error: invalid: /)
  })

  it('takes an event of kinds without a class as a regular one', async () => {
    for (const kind of [45, 64, 78, 999, 40000, 65535]) {
      const events = [author.sign({ kind, content: 'a' }), author.sign({ kind, content: 'b' })]
      for (const event of events) await client.publish(event)
      assert.equal((await query(client, { kinds: [kind] })).length, 2, `kind ${kind}`)
    }
  })

  it('takes events of 50 clients at a time', async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(relay.url)))
    const crowd = new Author()
    const answers = await Promise.all(
      clients.map((one, i) => one.publish(crowd.sign({ content: `from client ${i}` }))))
    assert.ok(answers.every(([, , accepted]) => accepted === true))
    assert.equal((await query(client, { authors: [crowd.pubkey] })).length, 50)
    clients.forEach(one => one.close())
  })
})
