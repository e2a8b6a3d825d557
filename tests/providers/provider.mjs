// oidc-provider, certified by the OpenID Foundation, for the tests: signs everybody in without asking.
// It prints its issuer, and takes its clients, its account and new keys by POST /control as JSON.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider, { interactionPolicy } from 'oidc-provider';

const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], PS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }] };
const state = { clients: [], account: {}, deny: false, keys: [], issuer: '' };
let provider, handle;

const makeKeys = () => Object.entries(KINDS).map(([alg, [kind, options]]) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID(),
}));

function build() {
  provider = new Provider(state.issuer, {
    clients: state.clients,
    jwks: { keys: state.keys },
    cookies: { keys: ['only-for-tests'] },
    claims: { openid: ['sub'], profile: ['name', 'birthdate'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...state.account }) }),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}`, policy: interactionPolicy.base() },
    features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
    // its own way out refuses loopback addresses, where the portals of the tests are
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    renderError: (ctx, out) => { ctx.type = 'json'; ctx.body = out; },
    pkce: { required: () => true },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, IdToken: 600, AccessToken: 600 },
  });
  handle = provider.callback();
}

async function interact(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  let result;
  if (state.deny) {
    result = { error: 'access_denied', error_description: 'the person said no' };
  } else if (prompt.name === 'login') {
    result = { login: { accountId: state.sub } };
  } else {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result = { consent: { grantId: await grant.save() } };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

async function control(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const { rotate, ...more } = JSON.parse(Buffer.concat(parts).toString() || '{}');
  Object.assign(state, more);
  if (rotate) state.keys = makeKeys();
  build();
  response.end(JSON.stringify({ kids: state.keys.map((key) => key.kid) }));
}

const server = createServer((request, response) => {
  const failed = (error) => { response.statusCode = 500; response.end(String(error)); };
  if (request.url === '/control') control(request, response).catch(failed);
  else if (request.url.startsWith('/interaction/')) interact(request, response).catch(failed);
  else handle(request, response);
});
server.listen(0, '127.0.0.1', () => {
  state.issuer = `http://127.0.0.1:${server.address().port}`;
  state.keys = makeKeys();
  build();
  console.log(state.issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
