import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'

import { Author, RawClient, connect, query, subscribe } from './support/client.js'
import { Relay } from './support/relay.js'

describe('live subscriptions', { timeout: 60_000 }, () => {
  let relay
  let publisher
  let reader
  const author = new Author()

  before(async () => {
    relay = await Relay.start()
    publisher = await connect(relay.url)
    reader = await connect(relay.url)
  })
  after(async () => {
    publisher?.close()
    reader?.close()
    await relay?.stop()
  })

  it('bring a matching event to another connection', async () => {
    const live = await subscribe(reader, { kinds: [1], authors: [author.pubkey] })
    const event = author.sign({ content: 'hello' })
    await publisher.publish(event)
    await live.until(events => events.length > 0)
    assert.deepEqual(live.events.map(({ id }) => id), [event.id])
    live.close()
  })

  it('bring nothing else', async () => {
    const live = await subscribe(reader, { kinds: [7], authors: [author.pubkey] })
    await publisher.publish(author.sign({ content: 'another kind' }))
    await publisher.publish(new Author().sign({ kind: 7, content: 'another author' }))
    const last = author.sign({ kind: 7, content: '+' })
    await publisher.publish(last)
    await live.until(events => events.length > 0)
    assert.deepEqual(live.events.map(({ id }) => id), [last.id])
    live.close()
  })

  it('go on after a limit is reached', async () => {
    const stored = author.sign({ kind: 1111, content: 'stored' })
    await publisher.publish(stored)
    const live = await subscribe(reader, { kinds: [1111], limit: 1 })
    assert.equal(live.stored, 1)
    const next = author.sign({ kind: 1111, content: 'live' })
    await publisher.publish(next)
    await live.until(events => events.length > 1)
    assert.deepEqual(live.events.map(({ id }) => id), [stored.id, next.id])
    live.close()
  })

  it('begin at once with a limit of 0', async () => {
    const live = await subscribe(reader, { authors: [author.pubkey], limit: 0 })
    assert.equal(live.stored, 0)
    const event = author.sign({ content: 'the first that is seen' })
    await publisher.publish(event)
    await live.until(events => events.length > 0)
    assert.equal(live.events[0].id, event.id)
    live.close()
  })

  it('end with CLOSE, and only those that were named', async () => {
    const raw = await RawClient.open(relay.url)
    for (const id of ['a', 'b']) {
      raw.send(['REQ', id, { kinds: [1], limit: 0 }])
      await raw.find(([verb, subscription]) => verb === 'EOSE' && subscription === id)
    }
    raw.send(['CLOSE', 'a'])
    raw.send(['CLOSE', 'never opened'])
    await raw.isAlive() // so the CLOSEs have been read
    await publisher.publish(author.sign({ content: 'after CLOSE' }))
    await raw.find(([verb, subscription]) => verb === 'EVENT' && subscription === 'b')
    await raw.isAlive()
    assert.ok(!raw.messages.some(([verb, subscription]) => verb === 'EVENT' && subscription === 'a'))
    assert.ok(!raw.messages.some(([verb]) => verb === 'CLOSED' || verb === 'NOTICE'))
    raw.close()
  })

  it('are replaced by a REQ of the same name, on that connection alone', async () => {
    const [one, other] = await Promise.all([RawClient.open(relay.url), RawClient.open(relay.url)])
    for (const [client, kind] of [[one, 1], [other, 1], [one, 7]]) {
      const from = client.messages.length
      client.send(['REQ', 'same', { kinds: [kind], limit: 0 }])
      await client.find(([verb]) => verb === 'EOSE', from)
    }
    const note = author.sign({ content: 'a note' })
    const reaction = author.sign({ kind: 7, content: 'a reaction' })
    await publisher.publish(note)
    await publisher.publish(reaction)
    await one.find(([verb]) => verb === 'EVENT')
    await other.find(([verb]) => verb === 'EVENT')
    await Promise.all([one.isAlive(), other.isAlive()])
    const eventsOf = client =>
      client.messages.filter(([verb]) => verb === 'EVENT').map(message => message[2].id)
    assert.deepEqual(eventsOf(one), [reaction.id])
    assert.deepEqual(eventsOf(other), [note.id])
    one.close()
    other.close()
  })

  it('bring ephemeral events, which are not stored', async () => {
    const live = await subscribe(reader, { kinds: [20001] })
    const event = author.sign({ kind: 20001, content: 'now or never' })
    await publisher.publish(event)
    await live.until(events => events.length > 0)
    assert.equal(live.events[0].id, event.id)
    assert.deepEqual(await query(reader, { kinds: [20001] }), [])
    assert.deepEqual(await query(reader, { ids: [event.id] }), [])
    live.close()
  })

  it('bring no event that was refused or seen before', async () => {
    const known = author.sign({ kind: 1112, content: 'known' })
    await publisher.publish(known)
    const live = await subscribe(reader, { kinds: [1112], limit: 0 })
    await publisher.publish(known)
    const forged = { ...author.sign({ kind: 1112 }), content: 'forged' }
    await assert.rejects(publisher.publish(forged))
    const last = author.sign({ kind: 1112, content: 'last' })
    await publisher.publish(last)
    await live.until(events => events.length > 0)
    assert.deepEqual(live.events.map(({ id }) => id), [last.id])
    live.close()
  })
})
