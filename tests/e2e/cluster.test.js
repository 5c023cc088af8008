import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Author, RawClient, connect, query, subscribe } from './support/client.js'
import { Relay, run } from './support/relay.js'

describe('a cluster of three relays', { timeout: 300_000 }, () => {
  let folder
  let relays = []
  let clients = []
  const author = new Author()

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'parrhesia-e2e-cluster-'))
    const key = path.join(folder, 'cluster.key')
    assert.equal((await run(['cluster', 'keygen', '--out', key])).code, 0)
    const settings = {
      'cluster.enabled': true,
      'cluster.psk_file': key,
      'cluster.listen': '127.0.0.1:0',
      'relay.public_url': 'ws://relay.example',
    }
    // Each knows the first one only; it hears of the others from there.
    for (let i = 0; i < 3; i += 1) {
      const discovery = relays.length > 0 ? { 'cluster.discovery': `static:${relays[0].mesh}` } : {}
      relays.push(await Relay.start({ ...settings, ...discovery }))
    }
    for (const relay of relays) await relay.logged('is up', 2)
    clients = await Promise.all(relays.map(relay => connect(relay.url)))
  })
  after(async () => {
    for (const client of clients) client.close()
    await Promise.all(relays.map(relay => relay.stop()))
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  it('brings what one accepts to the subscribers of all, once', async () => {
    const kinds = [1, 0, 30023, 20001, 445]
    const live = await Promise.all(
      clients.map(client => subscribe(client, { authors: [author.pubkey], kinds, limit: 0 })))
    const events = []
    for (let i = 0; i < 30; i += 1) {
      const kind = kinds[i % kinds.length]
      const tags = { 30023: [['d', `article ${i}`]], 445: [['h', 'a'.repeat(64)]] }[kind] ?? []
      // Each version of the profile is newer than the one before.
      events.push(author.sign({ kind, tags, content: `number ${i}`, created_at: 1_700_000_000 + i }))
      await clients[i % clients.length].publish(events[i])
    }
    for (const { events: got, until, close } of live) {
      await until(() => got.length >= events.length)
      close()
      assert.deepEqual(got.map(({ id }) => id).sort(), events.map(({ id }) => id).sort())
      const text = ({ id, pubkey, created_at, kind, tags, content, sig }) =>
        JSON.stringify([id, pubkey, created_at, kind, tags, content, sig])
      assert.deepEqual(got.map(text).sort(), events.map(text).sort(), 'as they were sent')
    }
  })

  it('delivers an ephemeral event that came to two relays once', async () => {
    const live = await Promise.all(
      clients.map(client => subscribe(client, { authors: [author.pubkey], kinds: [20002] })))
    for (let i = 0; i < 10; i += 1) {
      const event = author.sign({ kind: 20002, content: `both ${i}` })
      await Promise.all([clients[0].publish(event), clients[1].publish(event)])
    }
    // What goes from one relay to another in one class of traffic stays in order.
    const fences = [0, 1].map(i => author.sign({ kind: 20002, content: `fence ${i}` }))
    for (const [i, fence] of fences.entries()) await clients[i].publish(fence)
    for (const { events, until, close } of live) {
      await until(() => fences.every(fence => events.some(({ id }) => id === fence.id)))
      close()
      assert.equal(events.length, 12)
      assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
    }
  })

  it('stores an event on every relay that has a store of its own', async () => {
    const event = author.sign({ kind: 1111, content: 'everywhere' })
    const live = await Promise.all(
      clients.map(client => subscribe(client, { authors: [author.pubkey], kinds: [1111] })))
    await clients[1].publish(event)
    for (const [i, { events, until, close }] of live.entries()) {
      await until(() => events.length > 0)
      close()
      assert.deepEqual((await query(clients[i], { ids: [event.id] })).map(({ id }) => id), [event.id])
    }
  })

  it('shows a gift wrap from another relay to whom it is for, and to nobody else', async () => {
    const bob = new Author()
    const asBob = await RawClient.open(relays[1].url)
    const asNobody = await RawClient.open(relays[2].url)
    const filter = { kinds: [1059, 1], '#p': [bob.pubkey], limit: 0 }
    asNobody.send(['REQ', 'n', { authors: [author.pubkey], limit: 0 }])
    asBob.send(['REQ', 'b', filter])
    const [verb, challenge] = await asBob.find(([word]) => word === 'AUTH' || word === 'CLOSED')
    if (verb === 'AUTH') {
      const proof = bob.sign({
        kind: 22242,
        tags: [['relay', 'ws://relay.example'], ['challenge', challenge]],
      })
      asBob.send(['AUTH', proof])
      await asBob.find(([word, id]) => word === 'OK' && id === proof.id)
      asBob.send(['REQ', 'b', filter])
    }
    await asBob.find(([word, id]) => word === 'EOSE' && id === 'b')
    await asNobody.find(([word]) => word === 'EOSE')
    const wrap = author.sign({ kind: 1059, tags: [['p', bob.pubkey]], content: 'sealed' })
    // Of the same class of traffic, so that it comes later.
    const fence = author.sign({ kind: 445, tags: [['h', 'b'.repeat(64)]], content: 'for all' })
    await clients[0].publish(wrap)
    await clients[0].publish(fence)
    await asBob.find(([word, , event]) => word === 'EVENT' && event.id === wrap.id)
    await asNobody.find(([word, , event]) => word === 'EVENT' && event.id === fence.id)
    const seen = asNobody.messages.filter(([word, , event]) => word === 'EVENT' && event.id === wrap.id)
    assert.deepEqual(seen, [])
    asBob.close()
    asNobody.close()
  })

  it('goes on without a relay that leaves, and takes it back', async () => {
    assert.equal(await relays[2].terminate(), 0)
    await relays[0].logged('has left')
    await relays[1].logged('has left')
    const live = await subscribe(clients[1], { authors: [author.pubkey], kinds: [7] })
    const first = author.sign({ kind: 7, content: '+' })
    await clients[0].publish(first)
    await live.until(events => events.some(({ id }) => id === first.id))

    await relays[2].startAgain()
    await relays[2].logged('is up', 4) // twice at its first start
    clients[2].close()
    clients[2] = await connect(relays[2].url)
    const second = author.sign({ kind: 7, content: '-' })
    await clients[2].publish(second)
    await live.until(events => events.some(({ id }) => id === second.id))
    assert.equal(live.events.length, 2)
    live.close()
  })
})
