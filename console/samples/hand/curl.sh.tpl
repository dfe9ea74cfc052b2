#!/usr/bin/env bash
# Signed as every SDK does it (ACS3-HMAC-SHA256). On a machine with other users mind that
# openssl is given the secret as an argument.
set -euo pipefail

url=⟦url:string⟧
host=⟦host:string⟧
action='GetChatappPhoneNumberMetric'
version='2020-06-06'
# Sorted by name and percent-encoded, as it is signed.
query='⟦?CustSpaceId⟧CustSpaceId=⟦CustSpaceId:query⟧&⟦/⟧End=⟦End:int=1693407714687⟧⟦?Granularity⟧&Granularity=⟦Granularity:query⟧⟦/⟧⟦?IsvCode⟧&IsvCode=⟦IsvCode:query⟧⟦/⟧⟦?PhoneNumber⟧&PhoneNumber=⟦PhoneNumber:query⟧⟦/⟧&Start=⟦Start:int=1693107714687⟧'

sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }
body_hash=$(printf '' | sha256)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
nonce=$(openssl rand -hex 16)
signed_headers='host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version'
canonical_request="POST
/
$query
host:$host
x-acs-action:$action
x-acs-content-sha256:$body_hash
x-acs-date:$now
x-acs-signature-nonce:$nonce
x-acs-version:$version

$signed_headers
$body_hash"
string_to_sign="ACS3-HMAC-SHA256
$(printf '%s' "$canonical_request" | sha256)"
signature=$(printf '%s' "$string_to_sign" |
  openssl dgst -sha256 -mac HMAC -macopt "key:$ALIBABA_CLOUD_ACCESS_KEY_SECRET" -r | cut -d ' ' -f 1)

curl --silent --show-error --data '' "$url/?$query" \
  --header 'content-type:' \
  --header "x-acs-action: $action" \
  --header "x-acs-content-sha256: $body_hash" \
  --header "x-acs-date: $now" \
  --header "x-acs-signature-nonce: $nonce" \
  --header "x-acs-version: $version" \
  --header "authorization: ACS3-HMAC-SHA256 Credential=$ALIBABA_CLOUD_ACCESS_KEY_ID,SignedHeaders=$signed_headers,Signature=$signature"
