import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'

import { SimplePool, useWebSocketImplementation } from 'nostr-tools/pool'
import WebSocket from 'ws'

import { Author, RawClient, connect, now, query } from './support/client.js'
import { Relay } from './support/relay.js'

useWebSocketImplementation(WebSocket)

const idsOf = events => events.map(event => event.id)

// What NIP-01 asks for: newest first, ties by the lowest id.
const inOrder = events =>
  [...events].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1))

describe('querying', { timeout: 60_000 }, () => {
  let relay
  let client
  const alice = new Author()
  const bob = new Author()
  const start = now() - 1000
  const topic = 'a value of sixty and more characters, which no fixed-size key of an index can hold whole'

  // Two of the notes share a created_at where a limit of 3 cuts.
  const notes = [0, 1, 2, 2, 3].map((second, i) =>
    alice.sign({ created_at: start + second, content: `note ${i}`, tags: [['t', 'note']] }))
  const reaction = bob.sign({
    kind: 7,
    created_at: start + 10,
    tags: [['e', notes[0].id], ['p', alice.pubkey], ['E', notes[1].id]],
  })
  const tagged = bob.sign({
    created_at: start + 20,
    tags: [['t', 'first', 'second value'], ['t', topic], ['subject', 'not indexed']],
  })
  const all = [...notes, reaction, tagged]

  before(async () => {
    relay = await Relay.start()
    client = await connect(relay.url)
    for (const event of all) await client.publish(event)
  })
  after(async () => {
    client?.close()
    await relay?.stop()
  })

  const finds = (name, filter, expected) =>
    it(name, async () => {
      assert.deepEqual(idsOf(await query(client, filter)), idsOf(inOrder(expected)))
    })

  finds('finds by id', { ids: [notes[1].id, tagged.id] }, [notes[1], tagged])
  finds('finds by author', { authors: [bob.pubkey] }, [reaction, tagged])
  finds('finds by kind', { kinds: [7] }, [reaction])
  finds('finds by author and kind', { authors: [bob.pubkey], kinds: [1] }, [tagged])
  finds('finds by an event tag', { '#e': [notes[0].id] }, [reaction])
  finds('finds by a person tag', { '#p': [alice.pubkey] }, [reaction])
  finds('finds by the second tag of a name', { '#t': [topic] }, [tagged])
  finds('finds by two tags together', { '#e': [notes[0].id], '#p': [alice.pubkey] }, [reaction])
  finds('knows E from e', { '#E': [notes[0].id] }, [])
  finds('matches no further value of a tag', { '#t': ['second value'] }, [])
  finds('includes both ends of a time range', { since: start + 1, until: start + 2 },
    [notes[1], notes[2], notes[3]])
  finds('finds nothing in a range that ends before it begins', { since: 2, until: 1 }, [])
  finds('finds nothing for an empty list', { ids: [] }, [])
  finds('gives everything for an empty filter', {}, all)
  finds('wants all conditions of a filter', { kinds: [7], authors: [alice.pubkey] }, [])

  it('gives the newest under a limit, ties by the lowest id', async () => {
    const expected = inOrder(notes).slice(0, 3)
    const found = await query(client, { authors: [alice.pubkey], limit: 3 })
    assert.deepEqual(idsOf(found), idsOf(expected))
  })

  it('gives nothing under a limit of 0, and says so with EOSE', async () => {
    assert.deepEqual(await query(client, { limit: 0 }), [])
  })

  it('sends an event that two filters match once', async () => {
    const found = await query(client, { kinds: [7] }, { authors: [bob.pubkey] })
    assert.deepEqual(idsOf(found).sort(), idsOf([reaction, tagged]).sort())
  })

  it('gives each filter its own limit', async () => {
    const found = await query(
      client, { authors: [alice.pubkey], limit: 1 }, { authors: [bob.pubkey], limit: 1 })
    assert.deepEqual(idsOf(found).sort(), idsOf([notes[4], tagged]).sort())
  })

  it('answers any number of subscriptions of one connection', async () => {
    const raw = await RawClient.open(relay.url)
    for (let i = 0; i < 20; i += 1) raw.send(['REQ', `s${i}`, { ids: [all[i % all.length].id] }])
    for (let i = 0; i < 20; i += 1) {
      await raw.find(([verb, id]) => verb === 'EOSE' && id === `s${i}`)
      const got = raw.messages.filter(([verb, id]) => verb === 'EVENT' && id === `s${i}`)
      assert.deepEqual(got.map(message => message[2].id), [all[i % all.length].id])
    }
    raw.close()
  })

  it('serves the pool of nostr-tools', async () => {
    const pool = new SimplePool()
    const found = await pool.querySync([relay.url], { kinds: [1], authors: [alice.pubkey] })
    assert.deepEqual(new Set(idsOf(found)), new Set(idsOf(notes)))
    assert.equal((await pool.get([relay.url], { ids: [reaction.id] })).id, reaction.id)
    pool.close([relay.url])
  })
})
