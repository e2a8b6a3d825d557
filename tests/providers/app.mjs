// An app that leaves PKCE, the reading of callbacks and tokens, and the calls with a token to the npm package oauth4webapi,
// which was written for native apps too. Prints one JSON object with what came of each step.
import { webcrypto } from 'node:crypto'
import * as oauth from 'oauth4webapi'

globalThis.crypto ??= webcrypto

const [portal, callback] = process.argv.slice(2)
const plain = { [oauth.allowInsecureRequests]: true }
const server = { issuer: portal, token_endpoint: `${portal}/vneid/mobile/token` }
const client = { client_id: 'dichvucong' }
const told = {}

const post = (path, body) => fetch(portal + path, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

async function begin() {
  const verifier = oauth.generateRandomCodeVerifier()
  const code_challenge = await oauth.calculatePKCECodeChallenge(verifier)
  const answer = await post('/vneid/mobile/start', { app_id: client.client_id, callback, mode: 'web', code_challenge })
  return { verifier, ...await answer.json() }
}

async function comeBack(url, persona) {
  const there = await fetch(`${url}&persona=${persona}`, { redirect: 'manual' })
  const here = await fetch(there.headers.get('location'), { redirect: 'manual' })
  return oauth.validateAuthResponse(server, client, new URL(here.headers.get('location')), oauth.expectNoState)
}

const begun = await begin()
const parameters = await comeBack(begun.url, 'nguyet')
const redemption = { transaction: begun.transaction, code: parameters.get('code'), code_verifier: begun.verifier }
const granted = await oauth.processGenericTokenEndpointResponse(server, client, await post('/vneid/mobile/token', redemption))
told.token_type = granted.token_type
told.expires_in = granted.expires_in
told.name = granted.identity.full_name

const ask = (path, method = 'GET') => oauth.protectedResourceRequest(
  granted.access_token, method, new URL(portal + path), undefined, undefined, plain)
told.session = (await (await ask('/vneid/session')).json()).identity.full_name
told.revoke = (await ask('/vneid/mobile/revoke', 'POST')).status

const fault = async (what) => what().then(() => 'nothing', (error) => error)
const challenged = await fault(() => ask('/vneid/session'))
told.challenge = [challenged.constructor.name, challenged.cause?.[0]?.scheme, challenged.cause?.[0]?.parameters?.error]
const twice = await fault(async () => oauth.processGenericTokenEndpointResponse(
  server, client, await post('/vneid/mobile/token', redemption)))
told.twice = [twice.constructor.name, twice.error, twice.status]
const denied = await fault(async () => comeBack((await begin()).url, 'refuse'))
told.denied = [denied.constructor.name, denied.error]
console.log(JSON.stringify(told))
