import { after, before, describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { createServer } from 'node:net'

import { RawClient } from './support/client.js'
import { Relay } from './support/relay.js'

// The relay refuses 0 for the admin port (it means off), so a port that was free a moment ago is taken.
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

const information = url => fetch(url, { headers: { Accept: 'application/nostr+json' } })

describe('HTTP', { timeout: 60_000 }, () => {
  let relay

  before(async () => {
    relay = await Relay.start({ 'admin.port': await freePort() })
  })
  after(() => relay?.stop())

  it('serves the relay information document (NIP-11)', async () => {
    const response = await information(relay.httpUrl)
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type'), /^application\/nostr\+json/)
    for (const name of ['origin', 'headers', 'methods']) {
      assert.ok(response.headers.get(`access-control-allow-${name}`), name)
    }
    const document = await response.json()
    assert.ok(document.supported_nips.includes(1))
    assert.ok(document.supported_nips.includes(11))
    assert.match(document.version, /^\d+\.\d+\.\d+/)
  })

  it('finds the media type in a list', async () => {
    const response = await fetch(relay.httpUrl, {
      headers: { Accept: 'text/html, application/nostr+json;q=0.9' },
    })
    assert.match(response.headers.get('content-type'), /^application\/nostr\+json/)
  })

  it('enforces the limits that it announces', async () => {
    const { limitation } = await (await information(relay.httpUrl)).json()
    const raw = await RawClient.open(relay.url)
    for (let i = 0; i <= limitation.max_subscriptions; i += 1) {
      raw.send(['REQ', `s${i}`, { ids: ['0'.repeat(64)] }])
    }
    const last = `s${limitation.max_subscriptions}`
    const [verb, , reason] = await raw.find(([, id]) => id === last)
    assert.equal(verb, 'CLOSED')
    assert.match(reason, /^[a-z-]+: /)
    assert.ok(!raw.messages.some(([verb]) => verb === 'NOTICE'))
    raw.close()

    const other = await RawClient.open(relay.url)
    const longest = 'x'.repeat(limitation.max_subid_length)
    assert.deepEqual(await other.ask(['REQ', longest, { limit: 0 }]), ['EOSE', longest])
    const [answer] = await other.ask(['REQ', `${longest}x`, { limit: 0 }])
    assert.ok(['CLOSED', 'NOTICE'].includes(answer))
    other.close()
  })

  it('answers a preflight request', async () => {
    const response = await fetch(relay.httpUrl, {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://client.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization, content-type',
      },
    })
    assert.ok(response.ok)
    assert.ok(response.headers.get('access-control-allow-origin'))
  })

  it('shows a page to browsers', async () => {
    const response = await fetch(relay.httpUrl, { headers: { Accept: 'text/html' } })
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type'), /^text\/html/)
  })

  it('has one endpoint', async () => {
    assert.equal((await information(`${relay.httpUrl}/other`)).status, 404)
    await assert.rejects(RawClient.open(`${relay.url}/other`), /404/)
  })

  it('tells an operator how it is', async () => {
    assert.equal((await fetch(`${relay.adminUrl}/health`)).status, 200)
    assert.equal((await fetch(`${relay.adminUrl}/ready`)).status, 200)
    const metrics = await (await fetch(`${relay.adminUrl}/metrics`)).text()
    assert.match(metrics, /^parrhesia_\w+(\{[^}]*\})? [0-9.e+]+$/m)
  })

  it('keeps the admin endpoints off the public port', async () => {
    for (const path of ['/health', '/ready', '/metrics']) {
      assert.equal((await fetch(relay.httpUrl + path)).status, 404, path)
    }
  })
})
