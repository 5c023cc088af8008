import { after, before, describe } from 'node:test'
import assert from 'node:assert/strict'

import { Author, now } from '../support/client.js'
import { Relay } from '../support/relay.js'
import { SETTINGS, Conversation, it, uniqueName, untilSecond } from './conversation.js'

const NOSTR_JSON = 'application/nostr+json'
const CORS = [
  'access-control-allow-origin',
  'access-control-allow-headers',
  'access-control-allow-methods',
]

describe('NIP-11', { timeout: 60_000 }, () => {
  let relay

  before(async () => {
    relay = await Relay.start({
      ...SETTINGS,
      'info.pubkey': 'ab'.repeat(32),
      'limits.subscriptions': 3,
      'limits.max_limit': 5,
      'limits.default_limit': 4,
      'limits.event_tags': 10,
      'limits.content_characters': 100,
      'limits.subscription_id_characters': 20,
      'limits.created_at_past_seconds': 1000,
      'limits.created_at_future_seconds': 100,
      'limits.message_bytes': 65536,
      'limits.event_bytes': 32768,
    })
  })
  after(() => relay?.stop())

  async function information(accept = NOSTR_JSON) {
    const answer = await fetch(relay.httpUrl, { headers: { accept } })
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type'), /^application\/nostr\+json/)
    for (const name of CORS) assert.ok(answer.headers.get(name), name)
    return answer.json()
  }

  it('T11.01 serves the document to whoever accepts it, with CORS', async () => {
    for (const accept of [NOSTR_JSON, `text/html, ${NOSTR_JSON};q=0.9`, `${NOSTR_JSON}, */*`]) {
      const document = await information(accept)
      assert.equal(document.name, 'Parrhesia')
      for (const nip of [1, 9, 11, 40, 42, 45, 59, 62, 67, 70]) {
        assert.ok(document.supported_nips.includes(nip), `NIP ${nip}`)
      }
    }
  })

  it('T11.02 answers a preflight request', async () => {
    const answer = await fetch(relay.httpUrl, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://client.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, content-type',
      },
    })
    assert.ok(answer.ok)
    const allowed = answer.headers.get('access-control-allow-headers').toLowerCase()
    assert.ok(allowed === '*' || (allowed.includes('authorization') && allowed.includes('content-type')))
    assert.match(answer.headers.get('access-control-allow-methods'), /POST/)
  })

  it('T11.03 announces the numbers that are enforced', async () => {
    const document = await information()
    assert.match(document.self, /^[0-9a-f]{64}$/)
    assert.equal(document.pubkey, 'ab'.repeat(32))
    const limits = document.limitation
    const author = new Author()
    const client = await Conversation.open(relay)
    const chars = count => author.sign({ content: 'x'.repeat(count) })
    const tags = count => author.sign({ tags: Array.from({ length: count }, () => ['x']) })
    const at = created_at => author.sign({ created_at, content: uniqueName() })

    await client.accept(chars(limits.max_content_length), tags(limits.max_event_tags))
    await client.refuse(chars(limits.max_content_length + 1), /^invalid: /)
    await client.refuse(tags(limits.max_event_tags + 1), /^invalid: /)
    await client.accept(at(now() + limits.created_at_upper_limit - 10))
    await client.refuse(at(now() + limits.created_at_upper_limit + 10), /^invalid: /)
    await client.accept(at(now() - limits.created_at_lower_limit + 10))
    await client.refuse(at(now() - limits.created_at_lower_limit - 10), /^invalid: /)

    while ((await client.request({ authors: [author.pubkey] })).ids.length < limits.default_limit) {
      await client.accept(at(now()))
    }
    client.close()

    const reader = await Conversation.open(relay)
    for (let i = 0; i < limits.max_limit; i += 1) await reader.accept(at(now()))
    const filter = { authors: [author.pubkey] }
    const opened = await reader.request(filter)
    assert.equal(opened.ids.length, limits.default_limit)
    const clamped = await reader.request({ ...filter, limit: limits.max_limit + 1 })
    assert.equal(clamped.ids.length, limits.max_limit, 'clamped, not refused')
    for (let open = 2; open < limits.max_subscriptions; open += 1) {
      assert.equal((await reader.request({ limit: 0 })).end[0], 'EOSE')
    }
    assert.equal((await reader.request({ limit: 0 })).end[0], 'CLOSED')
    for (const { name } of [opened, clamped]) reader.raw.send(['CLOSE', name])
    const longest = 'i'.repeat(limits.max_subid_length)
    assert.equal((await reader.requestAs(longest, { limit: 0 })).end[0], 'EOSE')
    assert.equal((await reader.requestAs(`${longest}i`, { limit: 0 })).end[0], 'CLOSED')

    const frame = length => JSON.stringify(['CLOSE', 's', '']).replace(/""\]$/, '"') + 'x'.repeat(length)
    reader.raw.send(frame(limits.max_message_length).slice(0, limits.max_message_length - 2) + '"]')
    assert.ok(await reader.raw.isAlive())
    reader.raw.send(frame(limits.max_message_length))
    assert.equal((await reader.raw.untilClosed()).code, 1009)
  })

  it('T11.04 answers an ordinary GET with a page, never a handshake', async () => {
    const answer = await fetch(relay.httpUrl, { headers: { accept: 'text/html' } })
    assert.ok(answer.status === 200 || answer.status === 404)
    assert.doesNotMatch(answer.headers.get('content-type') ?? '', /nostr/)
  })
})

describe('NIP-13', { timeout: 120_000 }, () => {
  // An event whose id has at least, or exactly, so many leading zero bits.
  function mine(author, bits, { target, exactly = false, kind = 1, tags = [] } = {}) {
    for (let nonce = 0; ; nonce += 1) {
      const event = author.sign({
        kind,
        tags: [['nonce', String(nonce), ...(target === undefined ? [] : [String(target)])], ...tags],
      })
      const zeros = event.id.length * 4 - BigInt(`0x${event.id}`).toString(2).length
      if (exactly ? zeros === bits : zeros >= bits) return event
    }
  }

  // The example of NIP-13: 21 bits, committed to 20.
  const EXAMPLE = {
    id: '000006d8c378af1779d2feebc7603a125d99eca0ccf1085959b307f64e5dd358',
    pubkey: 'a48380f4cfcc1ad5378294fcac36439770f9c878dd880ffa94bb74ea54a6f243',
    created_at: 1651794653,
    kind: 1,
    tags: [['nonce', '776797', '20']],
    content: "It's just me mining my own business",
    sig: '284622fc0a3f4f1303455d5175f7ba962a3300d136085b9566801bc2e0699de0' +
      'c7e31e44c81fb40ad9049173742e904713c3594a1da0fc5d2382a25c11aba977',
  }

  it('T13.01 holds the example of the NIP to the bits and to its commitment', async () => {
    for (const [bits, answer] of [
      [20, /^$/],
      [21, /^pow: .*20/], // it has 21, and says that it meant 20
      [22, /^pow: difficulty 21 is less than 22/],
    ]) {
      const relay = await Relay.start({ ...SETTINGS, 'limits.min_pow_difficulty': bits })
      try {
        const client = await Conversation.open(relay)
        const [accepted, text] = await client.publish(EXAMPLE)
        assert.deepEqual([accepted, answer.test(text)], [bits === 20, true], `${bits}: ${text}`)
        client.close()
      } finally {
        await relay.stop()
      }
    }
  })

  it('T13.01 wants the bits, and no lower commitment', async () => {
    const relay = await Relay.start({ ...SETTINGS, 'limits.min_pow_difficulty': 6 })
    try {
      const document = await (await fetch(relay.httpUrl, { headers: { accept: NOSTR_JSON } })).json()
      assert.equal(document.limitation.min_pow_difficulty, 6)
      const client = await Conversation.open(relay)
      const author = new Author()
      await client.refuse(mine(author, 5, { exactly: true }), /^pow: difficulty 5 is less than 6/)
      await client.accept(mine(author, 7, { target: 6 }), mine(author, 6))
      await client.refuse(mine(author, 7, { target: 3 }), /^pow: /)
      const tags = [['relay', 'ALL_RELAYS']]
      await client.accept(mine(author, 0, { exactly: true, kind: 62, tags }))
      client.close()
    } finally {
      await relay.stop()
    }
  })
})

describe('NIP-40', { timeout: 60_000 }, () => {
  let relay
  let client

  before(async () => {
    relay = await Relay.start(SETTINGS)
    client = await Conversation.open(relay)
  })
  after(async () => {
    client?.close()
    await relay?.stop()
  })

  const expiring = (author, at, more = {}) =>
    author.sign({ ...more, tags: [['expiration', String(at)], ...(more.tags ?? [])] })

  it('T40.01 refuses what has expired, and serves the rest until it does', async () => {
    const author = new Author()
    await client.refuse(expiring(author, now() - 1), /^invalid: /)
    const end = now() + 8 // far enough for a slow disk to take it before
    const event = expiring(author, end)
    await client.accept(event)
    assert.deepEqual((await client.request({ ids: [event.id] })).ids, [event.id])
    assert.equal((await client.count({ authors: [author.pubkey] }))[2].count, 1)
    await untilSecond(end)
    assert.deepEqual((await client.request({ ids: [event.id] })).ids, [])
    assert.deepEqual((await client.request({ authors: [author.pubkey] })).ids, [])
    assert.equal((await client.count({ authors: [author.pubkey] }))[2].count, 0)
    await client.refuse(event, /^invalid: /)
  })

  it('T40.02 gives expiration no meaning for ephemeral events', async () => {
    const author = new Author()
    const { name } = await client.request({ kinds: [20001], authors: [author.pubkey] })
    const event = expiring(author, now() - 10, { kind: 20001 })
    await client.accept(event)
    await client.raw.find(([verb, id]) => verb === 'EVENT' && id === name)
  })

  it('T40.03 does not bring back an older version when a newer one expires', async () => {
    const author = new Author()
    const version = created_at => ({ kind: 30023, created_at, tags: [['d', 'x']] })
    const older = author.sign(version(now() - 100))
    const end = now() + 8
    await client.accept(older, expiring(author, end, version(now() - 50)))
    await untilSecond(end)
    const stored = async () =>
      (await client.request({ kinds: [30023], authors: [author.pubkey] })).ids
    assert.deepEqual(await stored(), [])
    await client.refuse(older, /^duplicate: /)
    assert.equal(await relay.terminate(), 0)
    await relay.startAgain()
    client.close()
    client = await Conversation.open(relay)
    await client.refuse(older, /^duplicate: /)
    assert.deepEqual(await stored(), [])
    await client.accept(author.sign(version(now())))
    assert.equal((await stored()).length, 1)
  })
})
