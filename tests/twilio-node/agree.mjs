// Holds our signatures against Twilio's own client. Reads {"cases": [...]} from standard input, answers one line of JSON
// per case on standard output: {"theirs": signature, "ours": verdict, "crossed": verdict}.
//
// A case has a token, the URL as received, the spelling of it that Twilio signed, and a body that is a form or JSON.
//   theirs   the signature that the client computes for the signed spelling
//   ours     whether the client accepts our signature for the received URL
//   crossed  whether the client accepts `theirs` for `other`, the same request with something changed (or with nothing)
import { createRequire } from "node:module";
import querystring from "node:querystring";

const { getExpectedTwilioSignature, validateRequest, validateRequestWithBody } =
  createRequire(import.meta.url)("twilio");

function parameters(request) {
  return request.json ? {} : querystring.parse(request.body);
}

function accepts(token, signature, request) {
  try {
    return request.json
      ? validateRequestWithBody(token, signature, request.url, request.body)
      : validateRequest(token, signature, request.url, parameters(request));
  } catch {
    // A URL that does not parse: the client throws, and nothing is accepted.
    return false;
  }
}

function spelled(url, spelling) {
  const parsed = new URL(url).toString();
  const query = parsed.indexOf("?");
  switch (spelling) {
    case "received":
      return url;
    case "normal":
      return parsed;
    case "legacy":
      return query < 0 || query === parsed.length - 1
        ? parsed
        : parsed.slice(0, query + 1) + querystring.stringify(querystring.parse(parsed.slice(query + 1)));
    default:
      throw new Error(`unknown spelling ${spelling}`);
  }
}

let input = "";
for await (const chunk of process.stdin) input += chunk;
for (const { token, signed, spelling, received, other, signature } of JSON.parse(input).cases) {
  const theirs = getExpectedTwilioSignature(token, spelled(signed, spelling), parameters(received));
  const line = {
    theirs,
    ours: accepts(token, signature, received),
    genuine: accepts(token, theirs, received),
    crossed: accepts(token, theirs, other),
  };
  process.stdout.write(JSON.stringify(line) + "\n");
}
