// English texts of the error codes of the API: when they come and what to do, as
// docs/reference/errors.md has them. The server's answers carry code and message only. A test reads
// the codes out of the server's sources and finds each of them here.

export interface ErrorHelp {
  status: number;
  cause: string;
  cure: string;
}

const NOTHING_LEFT = "Nothing is left to do.";
const OTHER_NAME = "Take another name, or go on with what is there.";
const FEWER = "Delete one; the message names the limit.";
const VALID = "The message says what is valid.";

/** Codes of one kind, which differ in what they are about. */
const kind = (name: string, status: number, texts: Record<string, [string, string]>): Record<string, ErrorHelp> =>
  Object.fromEntries(Object.entries(texts).map(([what, [cause, cure]]) => [`${name}.${what}`, { status, cause, cure }]));

const errorHelp: Record<string, ErrorHelp> = {
  "Product.Unsubscript": { status: 400, cause: "The account has subscribed = false.", cure: "Subscribe the account in the directory document." },
  "Ram.PermissionDeny": { status: 400, cause: "No policy allows the action, one denies it, or the IsvCode is not the caller's.", cure: "Attach a policy; check the code." },
  "System.LimitControl": { status: 400, cause: "More calls a second than the account may make.", cure: "Wait x-acs-retry-after ms." },
  "Unknown.ResourceOwnerId": { status: 400, cause: "The space or the number is not the caller's.", cure: "Check CustSpaceId, IsvCode, PhoneNumber." },
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
  "InvalidVersion": { status: 400, cause: "Another version than the one of the product.", cure: "Send 2020-06-06 to cams, 2015-05-01 to Ram, 2015-04-01 to Sts." },
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
  "Throttling.User": { status: 400, cause: "More calls a second than an account may make of the operation.", cure: "Wait x-acs-retry-after ms." },
  "NoPermission": { status: 403, cause: "No policy allows the action on the resource, or one denies it. Of AssumeRole also: the role does not trust the caller, or the caller is the account's owner, who assumes no role.", cure: "Attach a policy that allows it; for AssumeRole change the trust policy, or use the key of a RAM user." },
  "MalformedPolicyDocument": { status: 400, cause: "The policy or trust policy is not valid.", cure: "The message names the place and the reason." },
  "InvalidParameter.RoleArn": { status: 400, cause: "Not the name of a role.", cure: "Send acs:ram::<account>:role/<name>." },
  "InvalidParameter.DurationSeconds": { status: 400, cause: "Not a number, or out of range.", cure: "The message names the range; the role's own maximum counts too." },
  "InvalidParameter.PolicySize": { status: 400, cause: "The session policy has more than 2,048 characters.", cure: "Send a shorter one." },
  "InvalidParameter.PolicyGrammar": { status: 400, cause: "The session policy is not a policy.", cure: "The message names the place." },
  "InvalidParameter.EncodedDiagnosticMessage": { status: 400, cause: "Not a diagnostic message of a denial in this account.", cure: "Send the member of that name of AccessDeniedDetail, as the account of the denied caller." },
  ...kind("EntityNotExist", 404, {
    "User": ["The account has no such user.", "Check the name; ListUsers has them all."],
    "Group": ["The account has no such group.", "Check the name; ListGroups has them all."],
    "Role": ["The account has no such role.", "Check the name or RoleArn; ListRoles has them all."],
    "Policy": ["The account has no such policy.", "Check PolicyName; policies of the type System do not exist here."],
    "Policy.Version": ["The policy has no such version.", "Check VersionId; ListPolicyVersions has them all."],
    "User.AccessKey": ["The user has no such key.", "Check the id and the user; ListAccessKeys has them all."],
    "User.Group": ["The user is not in the group.", NOTHING_LEFT],
    "User.Policy": ["The policy is not attached to the user.", NOTHING_LEFT],
    "Group.Policy": ["The policy is not attached to the group.", NOTHING_LEFT],
    "Role.Policy": ["The policy is not attached to the role.", NOTHING_LEFT],
  }),
  ...kind("EntityAlreadyExists", 409, {
    "User": ["There is a user of that name.", OTHER_NAME],
    "Group": ["There is a group of that name.", OTHER_NAME],
    "Role": ["There is a role of that name.", OTHER_NAME],
    "Policy": ["There is a policy of that name.", OTHER_NAME],
    "User.Group": ["The user is in the group already.", NOTHING_LEFT],
    "User.Policy": ["The policy is attached to the user already.", NOTHING_LEFT],
    "Group.Policy": ["The policy is attached to the group already.", NOTHING_LEFT],
    "Role.Policy": ["The policy is attached to the role already.", NOTHING_LEFT],
  }),
  ...kind("DeleteConflict", 409, {
    "User.Group": ["The user is in groups.", "Remove the user from them first."],
    "User.AccessKey": ["The user has keys.", "Delete them first."],
    "User.Policy": ["The user has policies.", "Detach them first."],
    "Group.User": ["The group has users.", "Remove them first."],
    "Group.Policy": ["The group has policies.", "Detach them first."],
    "Role.Policy": ["The role has policies.", "Detach them first."],
    "Policy.User": ["A user has the policy.", "Detach it first; ListEntitiesForPolicy says from whom."],
    "Policy.Group": ["A group has the policy.", "Detach it first; ListEntitiesForPolicy says from whom."],
    "Policy.Role": ["A role has the policy.", "Detach it first; ListEntitiesForPolicy says from whom."],
    "Policy.Version": ["The policy has versions beside the one in effect.", "Delete them first, or send CascadingDelete."],
    "Policy.Version.Default": ["The version is in effect.", "Put another into effect first, with SetDefaultPolicyVersion."],
  }),
  ...kind("LimitExceeded", 409, {
    "User": ["The account has as many users as it may have.", FEWER],
    "Group": ["The account has as many groups as it may have.", FEWER],
    "Role": ["The account has as many roles as it may have.", FEWER],
    "Policy": ["The account has as many policies as it may have.", FEWER],
    "Policy.Version": ["The policy has as many versions as it may have.", FEWER],
    "User.AccessKey": ["The user has as many keys as it may have.", FEWER],
    "User.Group": ["The user is in as many groups as it may be in.", "Remove it from one; the message names the limit."],
    "User.Policy": ["The user has as many policies as it may have.", "Detach one; the message names the limit."],
    "Group.Policy": ["The group has as many policies as it may have.", "Detach one; the message names the limit."],
    "Role.Policy": ["The role has as many policies as it may have.", "Detach one; the message names the limit."],
  }),
};

/** Codes with the name of a parameter in them, and what is said of every parameter. */
const ofParameter: [RegExp, ErrorHelp][] = [
  [/^Missing[A-Z]\w*$/, { status: 400, cause: "A mandatory parameter is absent or empty.", cure: "Send it." }],
  [/^InvalidParameter\.[\w-]+\.InvalidChars$/, { status: 400, cause: "The parameter has characters that it may not have.", cure: VALID }],
  [/^InvalidParameter\.[\w-]+\.Length$/, { status: 400, cause: "The parameter is too short or too long.", cure: VALID }],
  [/^InvalidParameter\.[\w-]+\.Format$/, { status: 400, cause: "The parameter does not have its form.", cure: VALID }],
  [/^InvalidParameter\.[\w.-]+$/, { status: 400, cause: "The value of the parameter is not valid, or the parameter is there twice.", cure: VALID }],
];

/** What is known about a code. */
export const helpFor = (code: string): ErrorHelp | undefined => (Object.hasOwn(errorHelp, code) ? errorHelp[code] : ofParameter.find(([form]) => form.test(code))?.[1]);

/** Codes that any call of a product can get before the operation is looked at. */
export const gatewayCodes = (product: string): string[] => [
  "SignatureDoesNotMatch",
  "IncompleteSignature",
  "InvalidTimeStamp.Expired",
  "InvalidTimeStamp.Format",
  "SignatureNonceUsed",
  "InvalidAccessKeyId.NotFound",
  "InvalidAccessKeyId.Inactive",
  "InvalidSecurityToken.Expired",
  "InvalidSecurityToken.Malformed",
  "InvalidSecurityToken.MismatchWithAccessKey",
  "MissingSecurityToken",
  "InvalidVersion",
  // Cams says System.LimitControl, which each of its operations declares.
  ...(product === "cams" ? [] : ["Throttling.User"]),
  "Throttling",
  "InternalError",
  "ServiceUnavailable",
];
