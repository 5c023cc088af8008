// Every way of asking, crossed with every protected kind and every identity. What is expected comes
// from one rule; a verb of the protocol that no way covers fails the last test.
import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { Author } from '../support/client.js'
import { Relay } from '../support/relay.js'
import { Conversation, SETTINGS, addressed } from './conversation.js'

const EPHEMERAL = 21059
const KINDS = [4, 1059, EPHEMERAL]

const author = new Author()
const recipient = new Author()
const IDENTITIES = {
  nobody: [],
  author: [author],
  recipient: [recipient],
  stranger: [new Author()],
  'recipient as a second key': [new Author(), recipient],
}

// The rule of NIP-04, 17 and 59.
function maySee(kind, keys) {
  if (keys.includes(recipient)) return true
  return kind === 4 && keys.includes(author)
}

// Each way: the verb it goes by, and what `conversation` learns of the event: how many times it
// came or was counted. `publish` sends the event; stored ways call it first.
// The tag that only this event has.
const serialOf = event => [event.tags.at(-1)[1]]
const counted = ([verb, , answer]) => (verb === 'COUNT' ? answer.count : 0)
const seen = ({ ids }, event) => ids.filter(id => id === event.id).length

function live(filters) {
  return async (conversation, event, publish) => {
    const { name, end } = await conversation.request(...filters(event))
    await publish(event)
    await publish(new Author().sign({ kind: 20098, tags: [['p', recipient.pubkey]] }))
    if (end[0] !== 'CLOSED') {
      await conversation.raw.find(
        ([verb, id, heard]) => verb === 'EVENT' && id === name && heard.kind === 20098)
    }
    return conversation.eventsOf(name).filter(heard => heard.id === event.id).length
  }
}

function stored(ask) {
  return async (conversation, event, publish) => {
    await publish(event)
    return ask(conversation, event)
  }
}

const marker = { kinds: [20098] }
const WAYS = {
  'REQ by kinds': { verb: 'REQ', ask: stored(async (c, e) => seen(await c.request({ kinds: [e.kind] }), e)) },
  'REQ by mixed kinds': { verb: 'REQ', ask: stored(async (c, e) => seen(await c.request({ kinds: [1, e.kind] }), e)) },
  'REQ by id': { verb: 'REQ', ask: stored(async (c, e) => seen(await c.request({ ids: [e.id] }), e)) },
  'REQ by recipient': { verb: 'REQ', ask: stored(async (c, e) => seen(await c.request({ '#p': [recipient.pubkey] }), e)) },
  'REQ by author': { verb: 'REQ', ask: stored(async (c, e) => seen(await c.request({ authors: [e.pubkey] }), e)) },
  'REQ for everything': { verb: 'REQ', ask: stored(async (c, e) => seen(await c.request({}), e)) },
  'REQ in a second filter': { verb: 'REQ', ask: stored(async (c, e) => seen(await c.request({ kinds: [1] }, { ids: [e.id] }), e)) },
  'live by kinds': { verb: 'EVENT', ask: live(event => [{ kinds: [event.kind] }, marker]) },
  'live by recipient': { verb: 'EVENT', ask: live(() => [{ '#p': [recipient.pubkey] }]) },
  'live by id': { verb: 'EVENT', ask: live(event => [{ ids: [event.id] }, marker]) },
  'live for everything': { verb: 'EVENT', ask: live(() => [{}]) },
  'COUNT by kinds': { verb: 'COUNT', ask: stored(async (c, e) => counted(await c.count({ kinds: [e.kind], '#x': serialOf(e) }))) },
  'COUNT by id': { verb: 'COUNT', ask: stored(async (c, e) => counted(await c.count({ ids: [e.id] }))) },
  'COUNT by author': { verb: 'COUNT', ask: stored(async (c, e) => counted(await c.count({ authors: [e.pubkey], '#x': serialOf(e) }))) },
  'HyperLogLog of a COUNT': {
    verb: 'COUNT',
    ask: stored(async (c, e) => {
      const [verb, , answer] = await c.count({ '#x': serialOf(e) })
      return verb === 'COUNT' && /[^0]/.test(answer.hll) ? 1 : 0
    }),
  },
  'live after AUTH': {
    verb: 'AUTH',
    late: true, // the identity is shown after the subscription was opened
    ask: live(() => [{ '#p': [recipient.pubkey] }]),
  },
}
// Verbs by which nothing is read.
const WRITE_ONLY = ['CLOSE']

describe('read protection', { timeout: 180_000 }, () => {
  let relay
  let publisher
  let serial = 0

  before(async () => {
    relay = await Relay.start(SETTINGS)
    publisher = await Conversation.open(relay)
  })
  after(async () => {
    publisher?.close()
    await relay?.stop()
  })

  for (const [way, { ask, late }] of Object.entries(WAYS)) {
    for (const kind of KINDS) {
      for (const [identity, keys] of Object.entries(IDENTITIES)) {
        it(`${way}, kind ${kind}, ${identity}`, async () => {
          const conversation = await Conversation.open(relay)
          const authenticate = async () => {
            for (const key of keys) await conversation.authenticate(key)
          }
          if (!late) await authenticate()
          serial += 1
          const event = addressed(author, kind, [recipient], {
            tags: [['p', recipient.pubkey], ['x', `serial ${serial}`]],
          })
          const isLive = way.startsWith('live')
          let sent = 0
          const publish = async next => {
            sent += 1
            if (late && sent === 1) await authenticate()
            await publisher.accept(next)
          }
          const times = await ask(conversation, event, publish)
          const exists = kind !== EPHEMERAL || isLive
          const expected = exists && maySee(kind, keys)
          assert.equal(times, expected ? 1 : 0)
          conversation.close()
        })
      }
    }
  }

  it('has a way for every verb that the relay knows', async () => {
    const source = await readFile(
      new URL('../../../src/protocol/client_message.cpp', import.meta.url), 'utf8')
    const verbs = [...source.matchAll(/verb == "([A-Z-]+)"/g)].map(match => match[1])
    assert.ok(verbs.length >= 5, 'the parser is not where this test looks for it')
    const covered = new Set([...WRITE_ONLY, ...Object.values(WAYS).map(({ verb }) => verb)])
    for (const verb of verbs) assert.ok(covered.has(verb), `no way covers ${verb}`)
  })
})
