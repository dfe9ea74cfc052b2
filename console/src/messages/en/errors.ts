// English texts of the error codes of the API: when they come and what to do, as
// docs/reference/errors.md has them. The server's answers carry code and message only.

export interface ErrorHelp {
  status: number;
  cause: string;
  cure: string;
}

export const errorHelp: Record<string, ErrorHelp> = {
  "Product.Unsubscript": { status: 400, cause: "The account has subscribed = false.", cure: "Subscribe the account in the directory document." },
  "Ram.PermissionDeny": { status: 400, cause: "No policy allows the action, one denies it, or the IsvCode is not the caller's.", cure: "Attach a policy; check the code." },
  "System.LimitControl": { status: 400, cause: "More calls a second than the account may make.", cure: "Wait x-acs-retry-after ms." },
  "Unknown.ResourceOwnerId": { status: 400, cause: "The space or the number is not the caller's.", cure: "Check CustSpaceId, IsvCode, PhoneNumber." },
  "Missing": { status: 400, cause: "A mandatory parameter is absent or empty.", cure: "Send it." },
  "InvalidParameter.Start": { status: 400, cause: "Not an integer, or negative.", cure: "Send ms since the epoch." },
  "InvalidParameter.End": { status: 400, cause: "Not an integer, or negative.", cure: "Send ms since the epoch." },
  "InvalidParameter.TimeRange": { status: 400, cause: "Start is not before End, or the range has too many buckets.", cure: "Send a shorter range; the message names the limit." },
  "InvalidParameter.Granularity": { status: 400, cause: "Neither DAILY nor HALF_HOUR.", cure: "Mind the case." },
  "InvalidParameter.PhoneNumber": { status: 400, cause: "No digit in it.", cure: "Send the digits." },
  "InvalidParameter.TooManyRows": { status: 400, cause: "More rows than the limit.", cure: "Ask for one number or a shorter range." },
  "SignatureDoesNotMatch": { status: 400, cause: "The secret is another one, or something was changed on the way.", cure: "Compare the string to sign in the message with the client's own." },
  "IncompleteSignature": { status: 400, cause: "The Authorization header cannot be read, or leaves something unsigned that must be signed.", cure: "Sign with a current SDK." },
  "InvalidTimeStamp.Expired": { status: 400, cause: "More than 15 minutes off.", cure: "Set the clock." },
  "InvalidTimeStamp.Format": { status: 400, cause: "Not YYYY-MM-DDThh:mm:ssZ.", cure: "Use that form." },
  "SignatureNonceUsed": { status: 400, cause: "The nonce was used before.", cure: "Draw a new one for every call." },
  "InvalidAccessKeyId.NotFound": { status: 404, cause: "No such key.", cure: "Check the id." },
  "InvalidAccessKeyId.Inactive": { status: 400, cause: "The key is disabled.", cure: "Activate it or use another." },
  "InvalidAction.NotFound": { status: 404, cause: "No such action.", cure: "Check the name." },
  "InvalidVersion": { status: 400, cause: "Another version than 2020-06-06.", cure: "Send that one." },
  "InvalidSecurityToken.Expired": { status: 400, cause: "The session is over, or its role was deleted.", cure: "Assume the role again." },
  "InvalidSecurityToken.Malformed": { status: 400, cause: "The token is not one of this installation, or was changed.", cure: "Leave it out with a long-term key; assume the role again with a temporary one." },
  "InvalidSecurityToken.MismatchWithAccessKey": { status: 400, cause: "The token belongs to another key.", cure: "Use key, secret and token of one answer together." },
  "MissingSecurityToken": { status: 400, cause: "A temporary key without its token.", cure: "Send the token." },
  "InvalidParameter.SignatureType": { status: 400, cause: "A bearer token instead of a signature.", cure: "Use a client with an AccessKey." },
  "MalformedRequest": { status: 400, cause: "Not well-formed HTTP/1.1.", cure: "Look at what is between the client and the server." },
  "UnsupportedHTTPMethod": { status: 405, cause: "Neither GET nor POST.", cure: "Use one of them." },
  "RequestTooLarge": { status: 413, cause: "The body is above 4 MiB.", cure: "Send less; parameters are short." },
  "RequestUriTooLong": { status: 414, cause: "The request line is too long.", cure: "Send parameters in a form." },
  "RequestHeadersTooLarge": { status: 431, cause: "Too many or too long headers.", cure: "Send fewer." },
  "Throttling": { status: 429, cause: "Requests of this address kept failing before they were verified.", cure: "Correct them; wait x-acs-retry-after ms." },
  "InternalError": { status: 500, cause: "A fault of the server.", cure: "The log has the cause under the request id." },
  "ServiceUnavailable": { status: 503, cause: "The server cannot take the call now, or the account made so many calls within half an hour that its nonces fill its share of the memory for them.", cure: "Try again." },
  NoPermission: { status: 403, cause: "No policy allows the action, or one denies it.", cure: "Attach a policy that allows it." },
};

/** What is known about a code; `Missing…` is one for every parameter. */
export const helpFor = (code: string): ErrorHelp | undefined => errorHelp[code] ?? (/^Missing[A-Z]/.test(code) ? errorHelp["Missing"] : undefined);

/** Codes that any call can get before the operation is looked at. */
export const GATEWAY_CODES = ["SignatureDoesNotMatch", "IncompleteSignature", "InvalidTimeStamp.Expired", "InvalidTimeStamp.Format", "SignatureNonceUsed", "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive", "InvalidSecurityToken.Expired", "MissingSecurityToken", "InvalidVersion", "Throttling", "InternalError", "ServiceUnavailable"];
